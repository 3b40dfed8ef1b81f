"""A folder in BEIR layout, read and validated; every error names file and line.

corpus.jsonl         {"_id", "title", "text"}
queries.jsonl        {"_id", "text"}
qrels/<split>.tsv    query-id <tab> corpus-id <tab> score, with a header
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core.errors import DatasetError
from syneg_cli.core.files import json_lines
from syneg_cli.core.records import Query
from syneg_cli.data.corpus import Corpus

LAYOUT_HINT = "A data set folder holds corpus.jsonl, queries.jsonl and qrels/<split>.tsv (BEIR layout)."


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


CORPUS_LINE = '{"_id": "...", "title": "...", "text": "..."} on every line.'
QUERY_LINE = '{"_id": "...", "text": "..."} on every line.'
QREL_LINE = "query-id <tab> corpus-id <tab> score, with this header line."


def read_documents(path: Path) -> Iterator[tuple[str, str, str]]:
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


def read_qrels(path: Path, queries: Mapping[str, Query], corpus: Corpus) -> dict[str, dict[str, int]]:
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
            if query_id not in queries:
                raise DatasetError(f"{where}: no query has the id {query_id!r} in queries.jsonl.")
            if doc_id not in corpus:
                raise DatasetError(f"{where}: no document has the id {doc_id!r} in corpus.jsonl.")
            qrels.setdefault(query_id, {})[doc_id] = int(grade)
    if not any(grade > 0 for grades in qrels.values() for grade in grades.values()):
        raise DatasetError(f"{path} has no relevant pair.", hint=f"Expected: {QREL_LINE}")
    return qrels


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()
