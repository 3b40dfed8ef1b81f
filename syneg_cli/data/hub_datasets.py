"""Data sets of the Hugging Face hub by name, made into folders in BEIR layout: once, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from syneg_cli.core import DatasetError, Progress, UsageError, user_path
from syneg_cli.data.beir_files import read_documents, write_documents, write_queries
from syneg_cli.data.downloads import checked, download_folder, keep, kept_folder
from syneg_cli.data.imports.hub import HUB, Files, hub_files
from syneg_cli.data.imports.judgements import queries_of, write_judgements
from syneg_cli.data.imports.tally import Tally


def hub_folder_name(name: str) -> str:
    """`BeIR/scifact` -> `hub--BeIR--scifact`: a plain name for a folder."""
    return f"hub--{name.replace('/', '--')}"


def download_hub(name: str, progress: Progress) -> Path:
    """The folder of a data set of the hub, `OWNER/NAME` or `OWNER/NAME/PART`; it is made once and kept.

    Raises:
        UsageError: it is a folder of this machine, or no name at all.
        DatasetError: there is no such data set, it has no queries or judgements, or could not be downloaded.
    """
    folder = hub_folder_name(name)
    if place := kept_folder(folder):
        return checked(place)
    if user_path(name).is_dir():  # a clone may change, and what is kept would not
        raise UsageError(
            f"{name} is a folder here, not taken for the hub's {name}.",
            hint=f"`syneg import {HUB}{name}` makes a data set of that folder; else run syneg elsewhere.",
        )
    files, _ = hub_files(name, progress)
    if not (files.queries and files.qrels):
        lacking = "judgements" if files.queries else "queries"
        raise DatasetError(
            f"{HUB}{name} has no {lacking}.",
            hint=f"`syneg import {HUB}{name} --queries FILE --qrels FILE` adds your own.",
        )
    progress.note(f"Making {download_folder() / folder} from the hub's {name}")
    return checked(keep(folder, lambda staging: _write(files, staging / folder, progress), progress))


def _write(files: Files, folder: Path, progress: Progress) -> Path:
    """Queries first, since they are small and fail soonest; judgements last, when the documents are known."""
    queries = queries_of(files.queries, progress.warn)
    write_queries(folder, queries)
    places: dict[str, tuple[str, ...]] = {}

    def documents() -> Iterator[tuple[str, str, str]]:
        for document in read_documents(files.corpus, progress.warn):
            places[document[0]] = (document[0],)
            yield document

    write_documents(folder, documents())
    write_judgements(folder, files.qrels, queries, places, Tally(), progress.warn, spread=False)
    return folder
