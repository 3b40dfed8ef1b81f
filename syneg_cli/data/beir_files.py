"""The documents and queries of a data set folder, read and written; every error names file and line.

corpus.jsonl         {"_id", "title", "text"}
queries.jsonl        {"_id", "text"}
qrels/<split>.tsv    query-id <tab> corpus-id <tab> score, with a header

What else is read is in layout.py (files) and qrels.py (judgements).
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from syneg_cli.core import DatasetError, Qrels, Query, Told, need_file, write_jsonl, write_text
from syneg_cli.data.layout import CORPUS_FILE, LAYOUT_HINT, QRELS_FOLDER, QUERIES_FILE
from syneg_cli.data.tables import id_of, is_table, place, table_rows, text_of
from syneg_cli.data.units import is_blank, says_nothing

CORPUS_LINE = '{"_id": "...", "title": "...", "text": "..."} on every line.'
QUERY_LINE = '{"_id": "...", "text": "..."} on every line.'
ID_KEYS = ("_id", "id")
UNIQUE = "Ids have to differ: rename one of the two, or take it out."


def read_documents(files: Sequence[Path], told: Told | None = None) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of every document of a corpus, in order.

    Args:
        told: told what had to be mended.

    Raises:
        DatasetError: a file is missing or empty, a line is wrong, or an id is used twice.
    """
    seen: dict[Path, dict[str, int]] = {}
    for path in files:
        _there(path)
        here = seen.setdefault(path, {})
        for where, number, row in table_rows(path, told=told):
            doc_id = id_of(row, ID_KEYS, where, CORPUS_LINE)
            text = text_of(row, "text", where, CORPUS_LINE)
            title = row.get("title") or ""
            if not isinstance(title, str):
                raise DatasetError(
                    f"{where}: 'title' has to be a string; it is {reprlib.repr(title)}.",
                    hint=f"Expected: {CORPUS_LINE}",
                )
            if used := [(file, ids[doc_id]) for file, ids in seen.items() if doc_id in ids]:
                earlier = _place_of(*used[0]).removeprefix(f"{path}, ")
                raise DatasetError(f"{where}: the id {doc_id!r} was used on {earlier} already.", hint=UNIQUE)
            here[doc_id] = number
            yield doc_id, title, text
    if not any(seen.values()):
        raise DatasetError(f"{_named(files)} is empty.", hint=f"Expected: {CORPUS_LINE}")


def read_queries(files: Sequence[Path], told: Told | None = None) -> dict[str, Query]:
    """Query id -> query.

    Raises:
        DatasetError: a file is missing or empty, a line is wrong, or an id is used twice.
    """
    queries: dict[str, Query] = {}
    nothing: list[str] = []
    for path in files:
        _there(path)
        for where, _, row in table_rows(path, told=told):
            query_id = id_of(row, ID_KEYS, where, QUERY_LINE)
            text = text_of(row, "text", where, QUERY_LINE)
            if query_id in queries:
                raise DatasetError(f"{where}: the id {query_id!r} is there twice.", hint=UNIQUE)
            if is_blank(text):
                shown = f": {reprlib.repr(text)}" if text.strip() else ""
                raise DatasetError(
                    f"{where}: the query {query_id!r} has an empty text{shown}.",
                    hint="Give it a text, or take it out, here and from the judgements.",
                )
            queries[query_id] = Query(query_id, text)
            if says_nothing(text):
                nothing.append(where)
    if nothing and told:
        told(
            f"{len(nothing)} queries without a letter, a digit or a symbol, the first in {nothing[0]}: "
            "what is found for them is chance"
        )
    if not queries:
        raise DatasetError(f"{_named(files)} is empty.", hint=f"Expected: {QUERY_LINE}")
    return queries


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


def _place_of(path: Path, number: int) -> str:
    return place(path, number, "row" if is_table(path) else "line")


def _there(path: Path) -> None:
    need_file(path, DatasetError, hint=LAYOUT_HINT)


def _named(files: Sequence[Path]) -> str:
    return str(files[0] if len(files) == 1 else files[0].parent)
