"""Data sets in Python: by name, folder, `irds:` or `hub:` name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syneg_cli.core import Progress, Workspace
from syneg_cli.data import Dataset, DatasetSettings, kept_apart
from syneg_cli.data import load_dataset as load
from syneg_cli.library.arguments import WORK_DIR, settings_from
from syneg_cli.library.spoken import need_path, step


@step
def load_dataset(
    name: str | Path,
    *,
    data_dir: str | Path | None = None,
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> Dataset:
    """A data set: a BEIR name, a folder in BEIR layout, `irds:NAME`, `hub:OWNER/NAME` or `mteb:TASK`.

    Args:
        data_dir: where data set folders lie already; with it nothing is downloaded.
        settings: those of [dataset]: relevance, dev_fraction, attributes, ...

    Raises:
        DatasetError: it is nowhere, or a file is wrong; the message names file and line.
    """
    need_path("name", name)
    chosen = settings_from(DatasetSettings, settings, name=str(name))
    dataset = load(
        chosen.name,
        data_dir=Path(data_dir) if data_dir else None,
        cache=Workspace(Path(work_dir), "").corpora,
        progress=progress,
        **chosen.loading(),
    )
    return kept_apart(dataset, progress) if chosen.disjoint else dataset
