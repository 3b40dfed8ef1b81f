"""Retrieval tasks of the package mteb by name, made into folders in BEIR layout: once, and kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Progress, SynegError, install
from syneg_cli.data.beir_files import write_documents, write_qrels, write_queries
from syneg_cli.data.downloads import checked, download_folder, keep, kept_folder, need_package
from syneg_cli.data.irds import SPLITS

MTEB = "mteb:"
"""What a task of mteb begins with."""

INSTALL = install("mteb>=2")


def mteb_folder_name(name: str) -> str:
    """`MIRACLRetrieval/de` -> `mteb--MIRACLRetrieval--de`: a plain name for a folder."""
    return f"mteb--{name.replace('/', '--')}"


def download_mteb(name: str, progress: Progress) -> Path:
    """The folder of a retrieval task, `TASK` or `TASK/SUBSET`; mteb loads it once, and it is kept.

    Raises:
        DatasetError: mteb is not installed, has no such task, or cannot load it; or the task is no
            retrieval of texts alone.
    """
    folder = mteb_folder_name(name)
    if place := kept_folder(folder):
        return checked(place)
    task_name, _, subset = name.partition("/")
    try:
        task = _task(task_name, subset)
        progress.note(f"Making {download_folder() / folder} from mteb's {name}")
        with progress.task(f"Loading {task_name}", None):
            task.load_data()
    except SynegError:
        raise
    except Exception as error:  # whatever mteb, datasets and the network raise
        cause = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(
            f"{MTEB}{name} could not be loaded: {cause}",
            hint="mteb downloads its tasks from the Hugging Face hub: check the network, and try again.",
        ) from error
    parts = _parts(task, name, subset)
    return checked(keep(folder, lambda staging: _write(parts, staging / folder), progress))


def _task(name: str, subset: str) -> Any:
    package = need_package("mteb", INSTALL)
    try:
        task = package.get_task(name)
    except KeyError as error:
        said = " ".join(str(error.args[0] if error.args else error).split())
        raise DatasetError(
            f"mteb has no task {name!r}: {said}", hint="`mteb.get_tasks()` lists them."
        ) from None
    subsets = list(getattr(task, "hf_subsets", None) or ["default"])
    if subset and subset not in subsets:
        raise DatasetError(f"{MTEB}{name} has no part {subset}.", hint=f"It has {', '.join(subsets)}.")
    if not subset and len(subsets) > 1:
        raise DatasetError(
            f"{MTEB}{name} has {len(subsets)} parts.",
            hint=f"Name one: {', '.join(f'{MTEB}{name}/{one}' for one in subsets[:8])}"
            f"{', ...' if len(subsets) > 8 else '.'}",
        )
    return package.get_task(name, hf_subsets=[subset]) if subset else task


def _parts(task: Any, name: str, subset: str) -> dict[str, Mapping[str, Any]]:
    """Split -> what mteb has of it.

    Raises:
        DatasetError: it is no retrieval of texts, or asks with more than a query.
    """
    loaded = getattr(task, "dataset", None)
    found = loaded.get(subset or next(iter(loaded), "")) if isinstance(loaded, Mapping) else None
    keys = {"corpus", "queries", "relevant_docs"}
    if not isinstance(found, Mapping) or not all(
        isinstance(part, Mapping) and keys <= part.keys() for part in found.values()
    ):
        raise DatasetError(f"{MTEB}{name} is no retrieval task.", hint="syneg measures retrieval alone.")
    for part in found.values():
        columns = {what: set(part[what].column_names) for what in ("corpus", "queries")}
        if not all({"id", "text"} <= one for one in columns.values()) or "instruction" in columns["queries"]:
            raise DatasetError(
                f"{MTEB}{name} asks with more than texts: it has "
                f"{', '.join(sorted(columns['queries'] | columns['corpus']))}.",
                hint="syneg encodes queries and documents that are texts.",
            )
    alone = len(found) == 1
    return {SPLITS.get(split, "test" if alone else split): part for split, part in found.items()}


def _write(parts: Mapping[str, Mapping[str, Any]], folder: Path) -> Path:
    """All splits, of one corpus: where theirs differ, the documents of all of them."""
    queries: dict[str, str] = {}
    for split, part in parts.items():
        queries |= {str(row["id"]): str(row["text"]) for row in part["queries"]}
        grades = {
            str(query): {str(doc): int(grade) for doc, grade in judged.items()}
            for query, judged in part["relevant_docs"].items()
        }
        write_qrels(folder, split, grades)
    write_queries(folder, queries)
    write_documents(folder, _documents(parts))
    return folder


def _documents(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    written: set[str] = set()
    for part in parts.values():
        for row in part["corpus"]:
            if (name := str(row["id"])) not in written:
                written.add(name)
                yield name, str(row.get("title") or ""), str(row["text"] or "")
