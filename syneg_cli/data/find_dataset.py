"""Where a data set is, given what the user calls it: a folder, a BEIR name, or `irds:NAME`."""

from __future__ import annotations

import os
from pathlib import Path

from syneg_cli.core import DatasetError, Progress, UsageError, did_you_mean
from syneg_cli.data.beir_download import BEIR_NAMES, download_beir
from syneg_cli.data.downloads import checked, download_folder
from syneg_cli.data.irds import download_irds, folder_name
from syneg_cli.data.layout import (
    CORPUS_FILE,
    LAYOUT_HINT,
    inner_datasets,
    is_dataset_folder,
    qrels_files,
)

IRDS = "irds:"
"""What a name of ir_datasets begins with."""


def find_folder(name: str | None, *, data_dir: Path | None, folder: Path | None, progress: Progress) -> Path:
    """The folder of a data set; what is nowhere on disk is downloaded.

    Args:
        data_dir: where data set folders are already; with it nothing is downloaded.
        folder: where relative names are tried too (the project file's folder).

    Raises:
        UsageError: no name was given.
        DatasetError: nothing has this name, or the download failed.
    """
    if not name:
        raise UsageError(
            "No data set named.",
            hint="Name one (`syneg eval scifact`), or set name in [dataset] of syneg.toml.",
        )
    if name.startswith(IRDS):
        name = name.removeprefix(IRDS)
        if data_dir is None:
            return download_irds(name, progress)
        name = folder_name(name)
    for place in _candidates(name, data_dir, folder):
        if is_dataset_folder(place):
            return place.resolve()
        if inner_datasets(place):
            return checked(place)  # names what is inside
    whole, _, part = name.partition("/")
    if data_dir is None and part and whole in BEIR_NAMES and not Path(whole).is_dir():
        return checked(download_beir(whole, progress) / part)
    if os.sep in name or Path(name).is_dir():
        raise DatasetError(f"{name} is no data set folder: it has no {CORPUS_FILE}.", hint=LAYOUT_HINT)
    if data_dir is not None:
        raise _not_in(data_dir, name)
    if name not in BEIR_NAMES:
        raise DatasetError(
            f"{name!r} is neither a folder nor a BEIR data set.{did_you_mean(name, BEIR_NAMES)}",
            hint=f"Give a folder as ./name, a name of ir_datasets as {IRDS}NAME, or one of BEIR's names: "
            f"{', '.join(BEIR_NAMES)}.",
        )
    return download_beir(name, progress)


def splits_on_disk(name: str, *, data_dir: Path | None, folder: Path | None) -> list[str]:
    """The splits of a data set that needs no download; none where it is not here. Nothing is read."""
    plain = folder_name(name.removeprefix(IRDS)) if name.startswith(IRDS) else name
    for place in (*_candidates(plain, data_dir, folder), download_folder() / plain):
        if is_dataset_folder(place):
            return list(qrels_files(place))
    return []


def _candidates(name: str, data_dir: Path | None, folder: Path | None) -> list[Path]:
    """Where a folder of this name may be, the likeliest first."""
    given = [Path(name).expanduser()] + ([folder / name] if folder else [])
    if data_dir is None:
        return given
    if data_dir.name == name:
        return [data_dir / name, data_dir]
    return [data_dir / name, *given]


def _not_in(data_dir: Path, name: str) -> DatasetError:
    there = inner_datasets(data_dir) if data_dir.is_dir() else []
    known = f"It has: {', '.join(there)}." if there else "It has no data set folder in it."
    return DatasetError(
        f"{name} is not in {data_dir}.{did_you_mean(name, there)}",
        hint=f"{known} While a data_dir is set, nothing is downloaded.",
    )
