"""Queries and judgements that come with documents, in whatever layout, written as BEIR has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from syneg_cli.core import DatasetError, Qrels, Told, UsageError
from syneg_cli.data.beir_files import UNIQUE, read_queries, write_qrels
from syneg_cli.data.decoding import Lines, utf8_lines
from syneg_cli.data.delimited import is_csv
from syneg_cli.data.imports.tables import WRONG, named_cells
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.layout import SPLIT_NAMES, SPLITS
from syneg_cli.data.qrels import QUERY_KEYS, read_qrels
from syneg_cli.data.tables import id_of, place
from syneg_cli.data.units import is_blank

TOPICS = (".tsv", ".txt", ".topics")
TOPIC_LINE = (
    "query-id <tab> text on every line, with or without a header line; or a CSV whose first line names "
    "columns id and text; or JSONL or Parquet."
)
HEADS = ("_id", "id", *QUERY_KEYS)
TEXTS = ("text", "question", "query")


def queries_of(files: Sequence[Path], told: Told | None = None, lines: Lines = utf8_lines) -> dict[str, str]:
    """Query id -> text, of JSONL, Parquet, CSV, or lines of id, tab and text.

    Args:
        lines: reads files of text.

    Raises:
        DatasetError: a line is wrong.
    """
    found: dict[str, str] = {}
    for path in files:
        if is_csv(path):
            rows = _of_csv(path, lines)
        elif Path(path.name.removesuffix(".gz")).suffix in TOPICS:
            rows = _of_lines(path, lines)
        else:
            return {query.id: query.text for query in read_queries(files, told).values()}
        for where, name, text in rows:
            if is_blank(text):
                raise DatasetError(f"{where}: no id and text.", hint=f"Expected: {TOPIC_LINE}")
            query_id = id_of({"id": name}, ("id",), where, TOPIC_LINE)
            if query_id in found:
                raise DatasetError(f"{where}: the id {query_id!r} is there twice.", hint=UNIQUE)
            found[query_id] = text.strip()
    if not found:
        raise DatasetError(f"{files[0]} is empty.", hint=f"Expected: {TOPIC_LINE}")
    return found


def _of_lines(path: Path, lines: Lines) -> Iterator[tuple[str, str, str]]:
    """(place, id, text) of lines of id, tab and text."""
    for number, line in lines(path):
        name, tab, text = line.partition("\t")
        if not line.strip() or (number == 1 and name.strip().lower() in HEADS):
            continue
        if not tab:
            raise DatasetError(f"{place(path, number)}: no id, tab and text.", hint=f"Expected: {TOPIC_LINE}")
        yield place(path, number), name, text


def _of_csv(path: Path, lines: Lines) -> Iterator[tuple[str, str, str]]:
    """(place, id, text) of the rows of a CSV, by the names in its first line."""
    columns: tuple[str, str] | None = None
    for where, _, row in named_cells(path, lines):
        columns = columns or _columns(path, list(row))
        if WRONG in row:
            raise DatasetError(f"{where}: {row[WRONG]}.", hint=f"Expected: {TOPIC_LINE}")
        yield where, row[columns[0]], row[columns[1]]


def _columns(path: Path, names: Sequence[str]) -> tuple[str, str]:
    """The columns with ids and texts."""
    plainly = {name.lower(): name for name in reversed(names)}
    key = next((name for name in HEADS if name in plainly), None)
    text = next((name for name in TEXTS if name in plainly and name != key), None)
    if key is None or text is None:
        what = "ids" if key is None else "texts"
        raise DatasetError(
            f"{path} has no column that is called as {what} of queries usually are; it has: "
            f"{', '.join(name for name in names if name != WRONG)}.",
            hint="Call the two columns id and text in its first line.",
        )
    return plainly[key], plainly[text]


def splits_of(files: Sequence[Path], told: Told) -> dict[str, list[Path]]:
    """Split -> files, by a word of their names (`train.tsv`, `qrels.dev.txt`); one without is test.

    Raises:
        UsageError: two files would be the same split.
    """
    found: dict[str, list[Path]] = {}
    for file in files:
        words = [SPLIT_NAMES.get(word, word) for word in re.split(r"[._-]", file.name.lower())]
        split = next((word for word in words if word in SPLITS), None)
        if split is None:
            split = "test"
            told(f"{file} names no split (train, dev or test): its judgements are written as test")
        if split in found:
            raise UsageError(
                f"{found[split][0]} and {file} would both be {split}.",
                hint="Name them as their splits are called: train.tsv, dev.tsv, test.tsv.",
            )
        found[split] = [file]
    return found


def write_judgements(
    folder: Path,
    qrels: Mapping[str, Sequence[Path]],
    queries: Mapping[str, str],
    places: Mapping[str, tuple[str, ...]],
    tally: Tally,
    told: Told,
    *,
    spread: bool,
    lines: Lines = utf8_lines,
) -> None:
    """Write the judgements of every split, of passages instead of documents.

    A document that is one passage is that passage. Who judged a whole document said nothing of its parts:
    a judgement of one that was cut is left out and counted, or with `spread` given to all its passages.

    Args:
        places: document -> its passages; one that is not there is not in the corpus, and stays as it is.
            A judgement may name a passage, too.
        lines: reads files of text.

    Raises:
        DatasetError: a line is wrong, or no document of the corpus is judged relevant.
    """
    places = {passage: (passage,) for of in places.values() if len(of) > 1 for passage in of} | dict(places)
    for split, files in sorted(qrels.items()):
        judged, several = _mapped(read_qrels(files, queries, places, told, lines), places, spread=spread)
        if several:
            (tally.spread if spread else tally.unmapped)[split] = several
        there = {passage for found in places.values() for passage in found} if judged else set()
        if not any(grade > 0 and doc in there for grades in judged.values() for doc, grade in grades.items()):
            told(
                f"{split} is left out: all its relevant documents were cut into passages "
                "(--tokens 0 keeps documents whole)"
            )
            tally.judgements[split] = 0
            continue
        tally.judgements[split] = sum(map(len, judged.values()))
        write_qrels(folder, split, judged)


def _mapped(
    judged: Qrels, places: Mapping[str, tuple[str, ...]], *, spread: bool
) -> tuple[dict[str, dict[str, int]], int]:
    """(judgements of passages, how many were of a document that was cut); a passage's best grade counts."""
    mapped: dict[str, dict[str, int]] = {}
    several = 0
    for query_id, grades in judged.items():
        for doc_id, grade in grades.items():
            passages = tuple(dict.fromkeys(places.get(doc_id, (doc_id,))))
            several += len(passages) > 1
            if len(passages) > 1 and not spread:
                continue
            into = mapped.setdefault(query_id, {})
            for passage in passages:
                into[passage] = max(grade, into.get(passage, grade))
    return mapped, several
