"""Where a data set lies: in a folder, or downloaded from BEIR by its name."""

from __future__ import annotations

import os
from pathlib import Path

from syneg_cli.core.errors import DatasetError, UsageError, did_you_mean
from syneg_cli.core.progress import Progress
from syneg_cli.data.beir import LAYOUT_HINT

BEIR_URL = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/{name}.zip"
BEIR_NAMES = (
    "arguana",
    "climate-fever",
    "cqadupstack",
    "dbpedia-entity",
    "fever",
    "fiqa",
    "germanquad",
    "hotpotqa",
    "mmarco",
    "mrtydi",
    "msmarco",
    "msmarco-v2",
    "nfcorpus",
    "nq",
    "nq-train",
    "quora",
    "scidocs",
    "scifact",
    "trec-covid",
    "trec-covid-beir",
    "trec-covid-v2",
    "vihealthqa",
    "webis-touche2020",
)


def find_folder(name: str | None, *, data_dir: Path | None, folder: Path | None, progress: Progress) -> Path:
    """The folder of a data set; a BEIR name that is nowhere on disk is downloaded."""
    if not name:
        raise UsageError(
            "No data set named.",
            hint="Name one (`syneg eval scifact`), or set name in [dataset] of syneg.toml.",
        )
    candidates = [Path(name).expanduser()] + ([folder / name] if folder else [])
    if data_dir is not None:
        candidates = [data_dir / name, data_dir] if data_dir.name == name else [data_dir / name, *candidates]
    for place in candidates:
        if (place / "corpus.jsonl").is_file():
            return place.resolve()
    looks_like_path = os.sep in name or Path(name).is_dir()
    if looks_like_path:
        raise DatasetError(f"{name} is no data set folder: it has no corpus.jsonl.", hint=LAYOUT_HINT)
    if data_dir is not None:
        there = sorted(p.parent.name for p in data_dir.glob("*/corpus.jsonl")) if data_dir.is_dir() else []
        known = f"It has: {', '.join(there)}." if there else "It has no data set folder in it."
        raise DatasetError(f"{name} is not in {data_dir}.{did_you_mean(name, there)}", hint=known)
    if name not in BEIR_NAMES:
        raise DatasetError(
            f"{name!r} is neither a folder nor a BEIR data set.{did_you_mean(name, BEIR_NAMES)}",
            hint="Give a folder as ./name, or one of BEIR's names: " + ", ".join(BEIR_NAMES) + ".",
        )
    return _download(name, progress)


def download_folder() -> Path:
    """Where downloaded data sets are kept: shared by all projects of a user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "syneg" / "datasets"


def _download(name: str, progress: Progress) -> Path:
    target = download_folder()
    place = target / name
    if (place / "corpus.jsonl").is_file():
        return place
    progress.note(f"Downloading {name} from BEIR into {place}")
    staging = target / f".{name}.partial"
    archive = staging / f"{name}.zip"
    archive.unlink(missing_ok=True)  # what an interrupted download left
    try:
        from beir.util import download_and_unzip

        download_and_unzip(BEIR_URL.format(name=name), str(staging))
        (staging / name).rename(place)
    except Exception as error:
        raise DatasetError(
            f"{name} could not be downloaded: {type(error).__name__}: {error}",
            hint="Check the network, or fetch it by hand and pass --data-dir FOLDER (it holds a folder "
            f"named {name}).",
        ) from error
    archive.unlink(missing_ok=True)
    if not (place / "corpus.jsonl").is_file():
        raise DatasetError(f"{place} has no corpus.jsonl after the download.", hint=LAYOUT_HINT)
    return place
