"""The data sets that BEIR offers, downloaded from its server by name."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import DatasetError, Progress
from syneg_cli.data.archives import unpack
from syneg_cli.data.downloads import checked, download_folder, keep, kept_folder, on_the_way

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


def download_beir(name: str, progress: Progress) -> Path:
    """The folder of one of BEIR's data sets, or of a part (`cqadupstack/android`); it is kept.

    Raises:
        DatasetError: the download failed, or there is no such part.
    """
    whole, _, part = name.partition("/")
    place = kept_folder(whole)
    if place is None:
        progress.note(f"Downloading {whole} from BEIR into {download_folder() / whole}")
        place = keep(whole, lambda staging: _unzipped(whole, staging), progress)
    return checked(place / part)


def _unzipped(name: str, staging: Path) -> Path:
    try:
        from beir.util import download_url

        archive = staging / f"{name}.zip"
        download_url(BEIR_URL.format(name=name), str(archive))
        unpack(archive, staging)
        archive.unlink()
        if not (staging / name).is_dir():
            raise FileNotFoundError(f"the archive has no folder {name}")
    except DatasetError:
        raise
    except Exception as error:
        way, remedy = on_the_way(error, BEIR_URL)
        raise DatasetError(
            f"{name} could not be downloaded{way}: {type(error).__name__}: {error}",
            hint=f"{remedy} Or fetch it by hand and pass --data-dir FOLDER (it holds a folder named {name}).",
        ) from error
    return staging / name
