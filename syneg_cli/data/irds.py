"""Data sets of the package ir_datasets, made into folders in BEIR layout.

ir_datasets gives every split a name of its own: `beir/scifact/train` and `beir/scifact/test`
share the documents of `beir/scifact`. `beir/scifact` here has all its splits; a name with
judgements of its own, such as `beir/scifact/test` or `vaswani`, has that one split.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Progress, SynegError, did_you_mean, install
from syneg_cli.data.beir_files import write_documents, write_qrels, write_queries
from syneg_cli.data.downloads import checked, download_folder, keep, kept_folder, need_package
from syneg_cli.data.irds_progress import Asked, IrdsProgress
from syneg_cli.data.units import is_blank

INSTALL = install("syneg[irds]")
CATALOGUE = "https://ir-datasets.com lists all data sets"
NAMES_SHOWN = 8

SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
}
"""Last part of a name of ir_datasets -> split."""


def folder_name(name: str) -> str:
    """`beir/scifact` -> `beir--scifact`, `vaswani` -> `irds--vaswani`: a plain name for a folder.

    A name without a slash is marked, since BEIR has an `nfcorpus` and ir_datasets another one.
    """
    return name.replace("/", "--") if "/" in name else f"irds--{name}"


def download_irds(name: str, progress: Progress) -> Path:
    """The folder of a data set of ir_datasets; it is made once and kept.

    Raises:
        DatasetError: the package is not installed, there is no such data set, it has no
            judgements, or it could not be downloaded.
    """
    folder = folder_name(name)
    if place := kept_folder(folder):
        return checked(place)
    with IrdsProgress(progress) as watched, _explained(name, watched):
        source, parts = _source_and_splits(_package(watched), name)
        progress.note(f"Making {download_folder() / folder} from ir_datasets' {name}")
        return checked(
            keep(folder, lambda staging: _write(name, source, parts, staging / folder, watched), progress)
        )


@contextmanager
def _explained(name: str, watched: IrdsProgress) -> Iterator[None]:
    """Whatever ir_datasets raises, as one line with the cause and the remedy."""
    try:
        yield
    except SynegError:
        raise
    except Exception as error:
        hint = (
            "Check the network and try again: what was downloaded is kept, in ~/.ir_datasets "
            "(or IR_DATASETS_HOME)."
        )
        if isinstance(error, FileNotFoundError | Asked):  # it explained what the user has to do
            hint = " ".join(watched.said[-1:]) or hint
        elif isinstance(error, ImportError):  # its message says what to install
            hint = "Install it, then try again."
        raise DatasetError(f"{name} could not be got from ir_datasets: {_cause(error)}", hint=hint) from error


def _cause(error: Exception) -> str:
    """One line; where every mirror failed, what the first one said."""
    if len(error.args) == 2 and isinstance(error.args[1], list):
        for _, first in error.args[1]:
            return _cause(first)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _package(watched: IrdsProgress) -> Any:
    package = need_package("ir_datasets", INSTALL)
    watched.listen(package)
    return package


def _source_and_splits(package: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """What has the documents, and split -> what has its queries and judgements."""
    source = _look_up(package, name)
    if source is None:
        raise DatasetError(
            f"ir_datasets has no data set {name!r}.{did_you_mean(name, list(package.registry))}",
            hint=_hint_below(package, name),
        )
    parts: dict[str, Any] = {}
    for word, split in SPLITS.items():
        part = _look_up(package, f"{name}/{word}")
        if part is not None and _judged(part) and _same_documents(part, source):
            parts.setdefault(split, part)
    if not parts and _judged(source):
        parts[SPLITS.get(name.rsplit("/", 1)[-1], "test")] = source
    if not parts:
        raise DatasetError(
            f"ir_datasets' {name!r} has no documents with queries and judgements.",
            hint=_hint_below(package, name),
        )
    return source, parts


def _look_up(package: Any, name: str) -> Any | None:
    try:
        return package.registry[name]
    except KeyError:
        return None


def _judged(part: Any) -> bool:
    return bool(part.has_docs() and part.has_queries() and part.has_qrels())


def _same_documents(part: Any, source: Any) -> bool:
    return bool(source.has_docs() and part.docs_handler() == source.docs_handler())


def _hint_below(package: Any, name: str) -> str:
    below = [other for other in package.registry if other.startswith(f"{name}/")]
    usable = [f"irds:{other}" for other in below if _judged(package.registry[other])]
    if not usable:
        return f"{CATALOGUE}."
    more = f", and {len(usable) - NAMES_SHOWN} more; {CATALOGUE}" if len(usable) > NAMES_SHOWN else ""
    return f"Those below it: {', '.join(usable[:NAMES_SHOWN])}{more}."


def _write(name: str, source: Any, parts: Mapping[str, Any], folder: Path, watched: IrdsProgress) -> Path:
    """Queries and judgements first, since they are small and fail soonest; then the documents."""
    queries: dict[str, str] = {}
    judgements: dict[str, dict[str, dict[str, int]]] = {}
    for split, part in parts.items():
        found = {str(query.query_id): _text(query) for query in part.queries_iter()}
        queries |= {query_id: text for query_id, text in found.items() if not is_blank(text)}
        judgements[split] = _grades(part.qrels_iter())
    write_queries(folder, queries)
    doc_ids: set[str] = set()
    total = watched.count(name)
    write_documents(folder, _documents(watched.watch(source.docs_iter(), f"Reading {name}", total), doc_ids))
    written = [
        _write_split(folder, split, qrels, queries, doc_ids, watched) for split, qrels in judgements.items()
    ]
    if not any(written):
        raise DatasetError(f"ir_datasets' {name!r} judges no document relevant that it has.")
    return folder


def _write_split(
    folder: Path,
    split: str,
    qrels: Mapping[str, Mapping[str, int]],
    queries: Mapping[str, str],
    doc_ids: set[str],
    watched: IrdsProgress,
) -> bool:
    """Write the judgements whose query is there; whether any relevant document is.

    A judged document that is not there stays: no system finds it, and the metrics have to say so.
    """
    known = {query_id: grades for query_id, grades in qrels.items() if query_id in queries}
    left_out = sum(map(len, qrels.values())) - sum(map(len, known.values()))
    if left_out:
        watched.progress.note(f"{left_out} judgements of {split} name a query that is not there")
    right = (doc_id for grades in known.values() for doc_id, grade in grades.items() if grade > 0)
    if not any(doc_id in doc_ids for doc_id in right):
        watched.progress.note(f"The split {split} has no relevant document and is left out")
        return False
    write_qrels(folder, split, known)
    return True


def _grades(qrels: Iterable[Any]) -> dict[str, dict[str, int]]:
    """Query id -> document id -> grade. Judged several times (for each subtopic), the best counts."""
    found: dict[str, dict[str, int]] = {}
    for row in qrels:
        grades = found.setdefault(str(row.query_id), {})
        doc_id, grade = str(row.doc_id), int(row.relevance)
        grades[doc_id] = max(grade, grades.get(doc_id, grade))
    return found


def _documents(docs: Iterable[Any], doc_ids: set[str]) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of every document; `doc_ids` is filled on the way, and no id comes twice."""
    for doc in docs:
        doc_id = str(doc.doc_id)
        if doc_id not in doc_ids:
            doc_ids.add(doc_id)
            yield (doc_id, *_title_and_text(doc))


def _title_and_text(doc: Any) -> tuple[str, str]:
    """The text without the title that `default_text()` puts in front, where the type has one."""
    title, text = getattr(doc, "title", None) or "", _text(doc)
    if not isinstance(title, str) or not text.startswith(title):
        return "", text
    text = text.removeprefix(title)
    return title, text[1:] if text[:1].isspace() else text


def _text(record: Any) -> str:
    """The text of a query or document, as its type defines it."""
    if hasattr(record, "default_text"):
        return str(record.default_text() or "")
    text = getattr(record, "text", None)
    if not isinstance(text, str):
        kind = type(record).__name__
        raise DatasetError(f"This data set of ir_datasets cannot be used: its {kind} has no text.")
    return text
