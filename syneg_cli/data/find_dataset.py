"""Where a data set is: a folder, a BEIR name, or `irds:`, `hub:` or `mteb:` and a name there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from syneg_cli.core import DatasetError, Progress, UsageError, did_you_mean, nearest, user_path
from syneg_cli.data.beir_download import BEIR_NAMES, download_beir
from syneg_cli.data.downloads import checked, download_folder, kept_folder
from syneg_cli.data.hub_datasets import download_hub, hub_folder_name
from syneg_cli.data.imports.hub import HUB
from syneg_cli.data.irds import download_irds, folder_name
from syneg_cli.data.layout import (
    CORPUS_FILE,
    LAYOUT_HINT,
    inner_datasets,
    is_dataset_folder,
    split_names,
)
from syneg_cli.data.mteb_tasks import MTEB, download_mteb, mteb_folder_name

IRDS = "irds:"
"""What a name of ir_datasets begins with."""

SOURCES: Mapping[str, tuple[Callable[[str, Progress], Path], Callable[[str], str]]] = {
    IRDS: (download_irds, folder_name),
    HUB: (download_hub, hub_folder_name),
    MTEB: (download_mteb, mteb_folder_name),
}
"""What a name begins with -> (what fetches it, what its folder is called), of the name without that."""


def find_folder(name: str | None, *, data_dir: Path | None, folder: Path | None, progress: Progress) -> Path:
    """The folder of a data set; what is nowhere on disk is downloaded.

    Args:
        data_dir: where data set folders are already; with it nothing is downloaded.
        folder: where relative names are tried too (the project file's folder).

    Raises:
        UsageError: no name was given.
        DatasetError: nothing has this name, or the download failed.
    """
    if place := local_folder(name, data_dir=data_dir, folder=folder):
        return place
    name = str(name)
    if source := _source(name):
        return SOURCES[source][0](name.removeprefix(source), progress)
    return download_beir(name, progress)


def local_folder(name: str | None, *, data_dir: Path | None, folder: Path | None) -> Path | None:
    """The folder of a data set that is on disk; None for one that would be downloaded.

    Raises:
        UsageError, DatasetError: as `find_folder`, but for the download.
    """
    if not name or name in SOURCES:
        raise UsageError(
            f"{name} names no data set." if name else "No data set named.",
            hint=f"Give a BEIR name, a folder, {IRDS}NAME, {HUB}OWNER/NAME or {MTEB}TASK.",
        )
    if _source(name):
        name = folder_called(name)
        if data_dir is None:
            return checked(kept) if (kept := kept_folder(name)) else None
    for place in _candidates(name, data_dir, folder):
        if is_dataset_folder(place):
            return place.resolve()
        if inner_datasets(place):
            return checked(place)  # names what is inside
    whole, _, part = name.partition("/")
    if data_dir is None and whole in BEIR_NAMES and not Path(whole).is_dir():
        return checked(kept / part) if (kept := kept_folder(whole)) else None
    raise _nothing(name, data_dir, folder)


def splits_on_disk(name: str, *, data_dir: Path | None, folder: Path | None) -> list[str]:
    """The splits of a data set that needs no download; none where it is not here. Nothing is read."""
    plain = folder_called(name)
    for place in (*_candidates(plain, data_dir, folder), download_folder() / plain):
        if is_dataset_folder(place):
            return split_names(place)
    return []


def folder_called(name: str) -> str:
    """What the folder of a data set is called that is not named by its folder."""
    source = _source(name)
    return SOURCES[source][1](name.removeprefix(source)) if source else name


def _source(name: str) -> str:
    """What the name of a data set begins with that is fetched from elsewhere; "" for others."""
    return next((prefix for prefix in SOURCES if name.startswith(prefix)), "")


def _candidates(name: str, data_dir: Path | None, folder: Path | None) -> list[Path]:
    """Where a folder of this name may be, the likeliest first."""
    given = [user_path(name)] + ([folder / name] if folder else [])
    if data_dir is None:
        return given
    if data_dir.name == name:
        return [data_dir / name, data_dir]
    return [data_dir / name, *given]


def _nothing(name: str, data_dir: Path | None, folder: Path | None) -> DatasetError:
    """Why a name is no data set, with the one that was probably meant: one that is there comes first."""
    there, near = user_path(name), _near(name, data_dir, folder)
    if there.is_file():
        return DatasetError(f"{name} is a file, not the folder of a data set.", hint=LAYOUT_HINT)
    if there.is_dir():
        return DatasetError(f"{name} is no data set folder: it has no {CORPUS_FILE}.{near}", hint=LAYOUT_HINT)
    if data_dir is not None:
        inside = inner_datasets(data_dir) if data_dir.is_dir() else []
        known = f"It has: {', '.join(inside)}." if inside else "It has no data set folder in it."
        return DatasetError(
            f"{name} is not in {data_dir}.{near}",
            hint=f"{known} While a data_dir is set, nothing is downloaded.",
        )
    if meant := next((one for one in SOURCES if name.lower().startswith(one)), ""):
        meant += name[len(meant) :]
        return DatasetError(f"{name} is not there. Did you mean {meant}?", hint=LAYOUT_HINT)
    if os.sep in name:
        return DatasetError(f"{name} is not there.{near or _near_beir(name)}", hint=LAYOUT_HINT)
    return DatasetError(
        f"{name!r} is neither a folder nor a BEIR data set.{near or _near_beir(name)}",
        hint=f"Give a folder as ./name, a name of ir_datasets as {IRDS}NAME, one of the hub as "
        f"{HUB}OWNER/NAME, a task of mteb as {MTEB}TASK, or one of BEIR's names: "
        f"{', '.join(BEIR_NAMES)}.",
    )


def _near_beir(name: str) -> str:
    return did_you_mean(Path(name).name, BEIR_NAMES)


def _near(name: str, data_dir: Path | None, folder: Path | None) -> str:
    """` Did you mean ./my-corpus?` for the folder that is called most like it, or an empty string."""
    asked = user_path(name)
    shown: dict[str, str] = {}
    for place in filter(None, (asked.parent, Path(), data_dir, folder)):
        for found in inner_datasets(place):
            path = found if place == data_dir else str(place / found)
            shown.setdefault(found, path if os.sep in path or place == data_dir else f".{os.sep}{path}")
    close = nearest(asked.name, list(shown))
    return f" Did you mean {shown[close]}?" if close else ""
