"""Queries and judgements that come with documents, in whatever layout, written as BEIR has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from syneg_cli.core import DatasetError, Qrels, Told, UsageError, text_lines
from syneg_cli.data.beir_files import UNIQUE, read_queries, write_qrels
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.layout import SPLIT_NAMES, SPLITS
from syneg_cli.data.qrels import QUERY_KEYS, read_qrels
from syneg_cli.data.tables import id_of, place
from syneg_cli.data.units import is_blank

TOPICS = (".tsv", ".txt", ".topics")
TOPIC_LINE = "query-id <tab> text on every line, with or without a header line; or JSONL or Parquet."
HEADS = ("_id", "id", *QUERY_KEYS)


def queries_of(files: Sequence[Path], told: Told | None = None) -> dict[str, str]:
    """Query id -> text, of JSONL, Parquet, or lines of id, tab and text.

    Raises:
        DatasetError: a line is wrong.
    """
    found: dict[str, str] = {}
    for path in files:
        if Path(path.name.removesuffix(".gz")).suffix not in TOPICS:
            return {query.id: query.text for query in read_queries(files, told).values()}
        for number, line in text_lines(path, DatasetError, hint=f"Expected: {TOPIC_LINE}"):
            name, tab, text = line.partition("\t")
            if not line.strip() or (number == 1 and name.strip().lower() in HEADS):
                continue
            where = place(path, number)
            if not tab or is_blank(text):
                raise DatasetError(f"{where}: no id, tab and text.", hint=f"Expected: {TOPIC_LINE}")
            query_id = id_of({"id": name}, ("id",), where, TOPIC_LINE)
            if query_id in found:
                raise DatasetError(f"{where}: the id {query_id!r} is there twice.", hint=UNIQUE)
            found[query_id] = text.strip()
    if not found:
        raise DatasetError(f"{files[0]} is empty.", hint=f"Expected: {TOPIC_LINE}")
    return found


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
) -> None:
    """Write the judgements of every split, of passages instead of documents.

    A document that is one passage is that passage. Who judged a whole document said nothing of its parts:
    a judgement of one that was cut is left out and counted, or with `spread` given to all its passages.

    Args:
        places: document -> its passages; one that is not there is not in the corpus, and stays as it is.
            A judgement may name a passage, too.

    Raises:
        DatasetError: a line is wrong, or no document of the corpus is judged relevant.
    """
    places = {passage: (passage,) for of in places.values() if len(of) > 1 for passage in of} | dict(places)
    for split, files in sorted(qrels.items()):
        judged, several = _mapped(read_qrels(files, queries, places, told), places, spread=spread)
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
