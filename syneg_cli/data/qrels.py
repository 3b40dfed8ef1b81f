"""Judgements: BEIR's TSV, TREC's four columns, CSV, JSONL and Parquet, with or without a header.

A query whose judgements are all 0 stays: trec_eval counts it with 0 in every metric, and so do
we. A judged document that the corpus lacks stays, too: no system can find it, and leaving it
out would raise the scores of all.
"""

from __future__ import annotations

import reprlib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from syneg_cli.core import DatasetError, Told, text_lines
from syneg_cli.data.decoding import Lines, utf8_lines
from syneg_cli.data.delimited import delimited_rows, is_csv
from syneg_cli.data.layout import CORPUS_FILE, QUERIES_FILE
from syneg_cli.data.tables import id_of, is_table, place, table_rows

QREL_LINE = (
    "query-id <tab> corpus-id <tab> score on every line, with or without a header line, "
    "or TREC's four columns: query 0 document grade; a CSV may name its columns so, in any order."
)
QUERY_KEYS = ("query-id", "query_id", "qid", "query")
DOC_KEYS = ("corpus-id", "corpus_id", "doc_id", "docid", "doc-id", "doc")
MOST = 10_000
"""The largest grade: trec_eval takes time and memory by it, and judges give single digits."""

GRADE_KEYS = ("score", "relevance", "rel", "grade", "label")


class Judged(NamedTuple):
    where: str
    query_id: str
    doc_id: str
    grade: int


def read_qrels(
    files: Path | Sequence[Path],
    query_ids: Container[object],
    doc_ids: Container[object],
    told: Told | None = None,
    lines: Lines | None = None,
) -> dict[str, dict[str, int]]:
    """The judgements of one split, also those of documents that the corpus lacks.

    Args:
        told: told how many documents the corpus lacks, and how many queries have no relevant one.
        lines: reads files of text; by default those in UTF-8 alone.

    Raises:
        DatasetError: a line is wrong or contradicts another, names an unknown query, or no pair
            with a document of the corpus is relevant.
    """
    files = [files] if isinstance(files, Path) else files
    qrels: dict[str, dict[str, int]] = {}
    lacking: dict[str, str] = {}
    for where, query_id, doc_id, grade in _all_judgements(files, query_ids, lines):
        if query_id not in query_ids:
            raise DatasetError(
                f"{where}: no query has the id {query_id!r} in {QUERIES_FILE}.", hint=f"Expected: {QREL_LINE}"
            )
        if qrels.get(query_id, {}).get(doc_id, grade) != grade:
            same = (row for row in _all_judgements(files, query_ids, lines) if row[1:3] == (query_id, doc_id))
            raise DatasetError(
                f"{where}: {doc_id!r} is judged {grade} for {query_id!r}, and "
                f"{qrels[query_id][doc_id]} in {next(same).where}.",
                hint="Keep one of the two lines.",
            )
        if doc_id not in doc_ids:
            lacking.setdefault(doc_id, where)
        qrels.setdefault(query_id, {})[doc_id] = grade
    _check(files[0], qrels, doc_ids, lacking)
    if told:
        for message in _remarks(files[0], qrels, lacking):
            told(message)
    return qrels


def _check(
    path: Path, qrels: dict[str, dict[str, int]], doc_ids: Container[object], lacking: dict[str, str]
) -> None:
    right = [doc_id for grades in qrels.values() for doc_id, grade in grades.items() if grade > 0]
    if not right:
        raise DatasetError(f"{path} has no relevant pair.", hint=f"Expected: {QREL_LINE}")
    if not any(doc_id in doc_ids for doc_id in right):
        doc_id, where = next(iter(lacking.items()))
        raise DatasetError(
            f"{path} judges no document relevant that {CORPUS_FILE} has; the first that is not there "
            f"is {doc_id!r} ({where}).",
            hint="Are corpus and judgements of the same data set?",
        )


def _remarks(path: Path, qrels: dict[str, dict[str, int]], lacking: dict[str, str]) -> Iterator[str]:
    if lacking:
        doc_id, where = next(iter(lacking.items()))
        yield (
            f"{path}: {len(lacking)} judged document{'s are' if len(lacking) > 1 else ' is'} not in the "
            f"corpus, the first is {doc_id!r} ({where.rpartition(', ')[2]}); they stay in the metrics, "
            "as not found"
        )
    never = [query_id for query_id, grades in qrels.items() if max(grades.values()) <= 0]
    if never:
        yield (
            f"{path}: {len(never)} of {len(qrels)} queries have no relevant document ({never[0]!r} is the "
            "first); they count with 0 in every metric, as in trec_eval"
        )


def _all_judgements(
    files: Sequence[Path], query_ids: Container[object], lines: Lines | None
) -> Iterator[Judged]:
    return (row for path in files for row in _judgements(path, query_ids, lines))


def _judgements(path: Path, query_ids: Container[object], lines: Lines | None) -> Iterator[Judged]:
    if path.name.endswith((".jsonl", ".jsonl.gz")) or is_table(path):
        for where, _, row in table_rows(path):
            yield _named(row, where)
        return
    if is_csv(path):
        yield from _of_csv(path, query_ids, lines or utf8_lines)
        return
    plain = lines(path) if lines else text_lines(path, DatasetError, hint=f"Expected: {QREL_LINE}")
    for number, line in plain:
        if not line.strip():
            continue
        where = place(path, number)
        cells = line.split("\t") if "\t" in line.strip() else line.split()
        query_id, doc_id, grade = _three(cells, where, line)
        if number == 1 and _is_header((query_id, doc_id, grade), query_ids):
            continue
        yield Judged(where, query_id, doc_id, _grade(grade, where))


def _is_header(cells: tuple[str, str, str], query_ids: Container[object]) -> bool:
    """Whether a first line names the columns: a query may be called `query-id`, too."""
    keys = (QUERY_KEYS, DOC_KEYS, GRADE_KEYS)
    usual = all(cell.lower() in names for cell, names in zip(cells, keys, strict=True))
    return _whole(cells[2]) is None and (usual or cells[0] not in query_ids)


def _of_csv(path: Path, query_ids: Container[object], lines: Lines) -> Iterator[Judged]:
    """By the names in the first line, where they are usual ones; else the columns are as in a TSV."""
    names: list[str] = []
    for first, (number, cells) in enumerate(delimited_rows(path, lines)):
        where = place(path, number)
        if not first:
            names = [cell.strip().lower() for cell in cells]
        if all(set(names).intersection(keys) for keys in (QUERY_KEYS, DOC_KEYS, GRADE_KEYS)):
            if first:
                yield _named(dict(zip(names, cells, strict=False)), where)
            continue
        query_id, doc_id, grade = _three(cells, where, ",".join(cells))
        if not first and _is_header((query_id, doc_id, grade), query_ids):
            continue
        yield Judged(where, query_id, doc_id, _grade(grade, where))


def _named(row: Mapping[str, Any], where: str) -> Judged:
    """The judgement of a row whose columns have names."""
    query_id = id_of(row, QUERY_KEYS, where, QREL_LINE)
    doc_id = id_of(row, DOC_KEYS, where, QREL_LINE)
    value = next((row[key] for key in GRADE_KEYS if row.get(key) is not None), None)
    return Judged(where, query_id, doc_id, _grade(value, where))


def _three(found: Sequence[str], where: str, line: str) -> tuple[str, str, str]:
    """(query, document, grade) of three columns, or of TREC's four."""
    cells = [cell.strip() for cell in found]
    if len(cells) == 4:
        del cells[1]
    if len(cells) != 3 or not all(cells[:2]):
        raise DatasetError(
            f"{where}: expected 3 columns (or TREC's 4), found {len(cells)}: {line.strip()[:60]!r}.",
            hint=f"Expected: {QREL_LINE}",
        )
    return cells[0], cells[1], cells[2]


def _grade(value: Any, where: str) -> int:
    grade = _whole(value)
    if grade is None:
        raise DatasetError(
            f"{where}: the score {reprlib.repr(value)} is not a whole number.", hint=f"Expected: {QREL_LINE}"
        )
    if abs(grade) > MOST:
        raise DatasetError(
            f"{where}: the grade {reprlib.repr(value)} is out of range: at most {MOST} is read.",
            hint="Give grades of a few steps, 0 to 3 say: nDCG takes a grade as the gain.",
        )
    return grade


def _whole(value: Any) -> int | None:
    """The grade as a whole number: `1`, `-2`, `1.0`; None if it is none."""
    try:
        number = float(value)
        return int(number) if number.is_integer() else None
    except (TypeError, ValueError, OverflowError):  # a whole number that no float holds
        return None
