"""The files of a data set folder in BEIR layout, read and written; every error names file and line.

corpus.jsonl         {"_id", "title", "text"}
queries.jsonl        {"_id", "text"}
qrels/<split>.tsv    query-id <tab> corpus-id <tab> score, with a header
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Qrels, Query, json_lines, write_jsonl, write_text

CORPUS_FILE = "corpus.jsonl"
QUERIES_FILE = "queries.jsonl"
QRELS_FOLDER = "qrels"

LAYOUT_HINT = (
    f"A data set folder holds {CORPUS_FILE}, {QUERIES_FILE} and {QRELS_FOLDER}/<split>.tsv (BEIR layout)."
)
CORPUS_LINE = '{"_id": "...", "title": "...", "text": "..."} on every line.'
QUERY_LINE = '{"_id": "...", "text": "..."} on every line.'
QREL_LINE = "query-id <tab> corpus-id <tab> score, with this header line."


def is_dataset_folder(folder: Path) -> bool:
    """Whether a folder is meant as a data set: it has a corpus."""
    return (folder / CORPUS_FILE).is_file()


def read_documents(path: Path) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of every line of a corpus.jsonl, in order.

    Raises:
        DatasetError: the file is missing or empty, a line is wrong, or an id is used twice.
    """
    seen: dict[str, int] = {}
    for number, row in _lines(path):
        doc_id = _string(row, "_id", path, number, CORPUS_LINE)
        text = _string(row, "text", path, number, CORPUS_LINE)
        title = row.get("title") or ""
        if not isinstance(title, str):
            raise DatasetError(f"{path}, line {number}: 'title' has to be a string; it is {title!r}.")
        if doc_id in seen:
            raise DatasetError(
                f"{path}, line {number}: the id {doc_id!r} was used on line {seen[doc_id]} already."
            )
        seen[doc_id] = number
        yield doc_id, title, text
    if not seen:
        raise DatasetError(f"{path} is empty.", hint=f"Expected: {CORPUS_LINE}")


def read_queries(path: Path) -> dict[str, Query]:
    """Query id -> query, of a queries.jsonl.

    Raises:
        DatasetError: the file is missing or empty, a line is wrong, or an id is used twice.
    """
    queries: dict[str, Query] = {}
    for number, row in _lines(path):
        query_id = _string(row, "_id", path, number, QUERY_LINE)
        text = _string(row, "text", path, number, QUERY_LINE)
        if query_id in queries:
            raise DatasetError(f"{path}, line {number}: the id {query_id!r} is there twice.")
        if not text.strip():
            raise DatasetError(f"{path}, line {number}: the query {query_id!r} has an empty text.")
        queries[query_id] = Query(query_id, text)
    if not queries:
        raise DatasetError(f"{path} is empty.", hint=f"Expected: {QUERY_LINE}")
    return queries


def read_qrels(
    path: Path, query_ids: Container[object], doc_ids: Container[object]
) -> dict[str, dict[str, int]]:
    """The judgements of one split; every id has to be known.

    Raises:
        DatasetError: a line is wrong, names an unknown id, or no pair is relevant.
    """
    qrels: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != 3:
                raise DatasetError(
                    f"{where}: expected 3 columns between tabs, found {len(cells)}.",
                    hint=f"Expected: {QREL_LINE}",
                )
            query_id, doc_id, grade = (cell.strip() for cell in cells)
            if number == 1 and not _is_integer(grade):
                continue  # the header
            if not _is_integer(grade):
                raise DatasetError(f"{where}: the score {grade!r} is not a whole number.")
            if query_id not in query_ids:
                raise DatasetError(f"{where}: no query has the id {query_id!r} in {QUERIES_FILE}.")
            if doc_id not in doc_ids:
                raise DatasetError(f"{where}: no document has the id {doc_id!r} in {CORPUS_FILE}.")
            qrels.setdefault(query_id, {})[doc_id] = int(grade)
    if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
        raise DatasetError(f"{path} has no relevant pair.", hint=f"Expected: {QREL_LINE}")
    return qrels


def write_documents(folder: Path, documents: Iterable[tuple[str, str, str]]) -> int:
    """Write (id, title, text) of every document as corpus.jsonl; returns how many there are."""
    rows = ({"_id": doc_id, "title": title, "text": text} for doc_id, title, text in documents)
    return write_jsonl(folder / CORPUS_FILE, rows)


def write_queries(folder: Path, queries: Mapping[str, str]) -> None:
    """Write query id -> text as queries.jsonl."""
    write_jsonl(
        folder / QUERIES_FILE, ({"_id": query_id, "text": text} for query_id, text in queries.items())
    )


def write_qrels(folder: Path, split: str, qrels: Qrels) -> None:
    """Write the judgements of one split as qrels/<split>.tsv."""
    rows = [f"{query}\t{doc}\t{grade}" for query, grades in qrels.items() for doc, grade in grades.items()]
    lines = ["query-id\tcorpus-id\tscore", *rows]
    write_text(folder / QRELS_FOLDER / f"{split}.tsv", "\n".join(lines) + "\n")


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if not path.is_file():
        raise DatasetError(f"{path} is not there.", hint=LAYOUT_HINT)
    return json_lines(path, DatasetError)


def _string(row: Mapping[str, Any], key: str, path: Path, number: int, expected: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        found = f"it is {value!r}" if key in row else f"the line has {', '.join(row) or 'no fields'}"
        raise DatasetError(
            f"{path}, line {number}: {key!r} has to be a string; {found}.", hint=f"Expected: {expected}"
        )
    return value


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()
