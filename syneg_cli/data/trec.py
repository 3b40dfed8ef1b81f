"""TREC run files: one reader and one writer for `query Q0 document rank score tag`, ranks from 1.

ir_measures can read them too, but stops at a bad line with Python's "not enough values to
unpack", takes the last of two scores for one document, and knows no runs without a tag.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from syneg_cli.core import DatasetError, Run, Told, need_file, text_lines
from syneg_cli.data.dataset import Dataset

RUN_FORMAT = "Expected on every line: query Q0 document rank score tag (a TREC run)."


COLUMNS = 6


class RunRow(NamedTuple):
    """One line of a run file, with its number (from 1)."""

    line: int
    query_id: str
    doc_id: str
    score: float


class _Line(NamedTuple):
    """What a line says: its row, its rank as it stands there, and its system ("" where none is named)."""

    row: RunRow
    rank: str
    tag: str


def read_run(path: Path) -> Run:
    """A run file of whatever system: query id -> document id -> score, in the file's order.

    Raises:
        DatasetError: as `read_run_rows` does.
    """
    run: dict[str, dict[str, float]] = {}
    for row in read_run_rows(path):
        run.setdefault(row.query_id, {})[row.doc_id] = row.score
    return run


def read_known_run(path: Path, dataset: Dataset, split: str, told: Told) -> Run:
    """A run over a data set: its queries only, and their documents, also those that the corpus lacks.

    Args:
        told: told how many queries and documents the data set does not have.

    Raises:
        DatasetError: as `read_run_rows` does, or the run knows none of the split's queries, or
            none of the documents.
    """
    run: dict[str, dict[str, float]] = {}
    strangers: dict[str, int] = {}
    unknown: dict[str, int] = {}
    ranked: dict[str, list[tuple[int, float]]] = {}
    for (line, query_id, doc_id, score), rank, _ in _read_lines(path):
        if query_id not in dataset.queries:
            strangers.setdefault(query_id, line)
            continue
        if doc_id not in dataset.corpus:
            unknown.setdefault(doc_id, line)
        run.setdefault(query_id, {})[doc_id] = score
        if rank.isdecimal():
            ranked.setdefault(query_id, []).append((int(rank), score))
    if run.keys().isdisjoint(dataset.qrels(split)):
        ours = next(iter(dataset.qrels(split)))
        theirs = f", and none like {next(iter(strangers))!r}" if strangers else ""
        raise DatasetError(
            f"{path} ranks documents for none of the {split} queries of {dataset.name}.",
            hint=f"It has queries like {ours!r}{theirs}. {RUN_FORMAT}",
        )
    if not any(doc_id in dataset.corpus for found in run.values() for doc_id in found):
        raise DatasetError(
            f"{path} ranks no document that {dataset.name} has.",
            hint=f"Its documents have ids like {dataset.corpus.ids[0]!r}, none like {next(iter(unknown))!r}.",
        )
    for what, ids, then in (
        ("queries", strangers, "left out"),
        ("documents", unknown, "taken as not relevant"),
    ):
        if ids:
            name, line = next(iter(ids.items()))
            told(
                f"{path}: {what} that {dataset.name} does not have, {then}: {len(ids)} "
                f"(the first is {name!r}, line {line})"
            )
    if upside_down := [query_id for query_id, places in ranked.items() if _against_ranks(places)]:
        told(
            f"{path}: scores and ranks contradict each other for {len(upside_down)} of {len(run)} queries "
            f"({upside_down[0]!r} is the first); a run is ordered by its scores, the highest first, as in "
            "trec_eval, so give distances as negative numbers"
        )
    return run


def _against_ranks(places: list[tuple[int, float]]) -> bool:
    """Whether a document with a worse rank than another has a higher score."""
    least = math.inf
    for _, score in sorted(places, key=lambda place: (place[0], -place[1])):
        if score > least:
            return True
        least = min(least, score)
    return False


def read_run_rows(path: Path) -> Iterator[RunRow]:
    """The lines of a run file, for who has more to check on them; empty lines are passed over.

    Raises:
        DatasetError: the file is missing or empty, a line is not as expected, a query lists
            a document twice, or two systems rank for one query. The message names file and line.
    """
    return (read.row for read in _read_lines(path))


def _read_lines(path: Path) -> Iterator[_Line]:
    """As `read_run_rows`, with what else the lines say."""
    need_file(path, DatasetError, hint="Give a TREC run: query Q0 document rank score tag.")
    seen: dict[str, set[str]] = {}
    systems: dict[str, _Line] = {}
    for number, line in text_lines(path, DatasetError, hint=RUN_FORMAT):
        read = _row(line, number, path)
        if read is None:
            continue
        row = read.row
        first = systems.setdefault(row.query_id, read)
        if read.tag and first.tag and read.tag != first.tag:
            raise DatasetError(
                f"{path}, line {number}: {row.query_id!r} is ranked by {read.tag!r}, and by {first.tag!r} on "
                f"line {first.row.line}.",
                hint="A run is of one system: give each of them a file of its own.",
            )
        ranked = seen.setdefault(row.query_id, set())
        if row.doc_id in ranked:
            raise DatasetError(
                f"{path}, line {number}: {row.doc_id!r} was ranked for {row.query_id!r} already.",
                hint="A run lists a document once for a query.",
            )
        ranked.add(row.doc_id)
        yield read
    if not seen:
        raise DatasetError(f"{path} is empty.", hint=RUN_FORMAT)


def _row(line: str, number: int, path: Path) -> _Line | None:
    """A line as a row; None if there is nothing on it."""
    where = f"{path}, line {number}"
    cells = line.split()
    if line.count("\t") == COLUMNS - 1:  # then ids may hold blanks
        cells = [cell.strip() for cell in line.split("\t")]
    if not any(cells):
        return None
    if not all(cells) or (
        len(cells) != COLUMNS and not (len(cells) == COLUMNS - 1 and _lacks_only_the_tag(cells))
    ):
        columns = sum(map(bool, cells))
        raise DatasetError(
            f"{where}: {columns} columns, not {COLUMNS}: {line.strip()[:60]!r}.", hint=RUN_FORMAT
        )
    try:
        score = float(cells[4])
    except ValueError:
        score = math.nan
    if not math.isfinite(score):  # nothing can be ordered by nan, and no system means inf
        raise DatasetError(f"{where}: the score {cells[4]!r} is no number, or not finite.", hint=RUN_FORMAT)
    return _Line(RunRow(number, cells[0], cells[2], score), cells[3], "".join(cells[5:]))


def _lacks_only_the_tag(cells: list[str]) -> bool:
    """Whether five columns can only be `query Q0 document rank score`.

    Without this, `query document rank score tag` would give documents that are called 1, 2, 3.
    """
    return cells[1].upper() == "Q0" or not cells[2].isdigit()


def run_lines(run: Run, tag: str) -> list[str]:
    """The lines of a run file, best first; what is written reads back exactly.

    Columns are separated by tabs where an id holds blanks, and blanks of the tag become dashes.
    """
    tag = "-".join(tag.split()) or "syneg"
    return [
        _joined((query_id, "Q0", doc_id, str(rank), _digits(value), tag))
        for query_id, results in run.items()
        for rank, (doc_id, value) in enumerate(best_first(results).items(), start=1)
    ]


def _joined(cells: tuple[str, ...]) -> str:
    line = " ".join(cells)
    return line if len(line.split()) == COLUMNS else "\t".join(cells)


def _digits(value: float) -> str:
    """Nine digits, which fix a float32; for a number that is none, as many as fix a float64."""
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        rounded = math.inf
    return f"{value:.9g}" if rounded == value else repr(float(value))


def best_first(results: Mapping[str, float], depth: int | None = None) -> dict[str, float]:
    """The `depth` best results (or all) in trec_eval's order: by score, ties by id, both descending."""
    return dict(sorted(results.items(), key=lambda item: (item[1], item[0]), reverse=True)[:depth])
