"""TREC run files: one reader and one writer for `query Q0 document rank score tag`, ranks from 1.

ir_measures can read them too, but stops at a bad line with Python's "not enough values to
unpack", takes the last of two scores for one document, and knows no runs without a tag.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from syneg_cli.core import DatasetError, Run

RUN_FORMAT = "Expected on every line: query Q0 document rank score tag (a TREC run)."


class RunRow(NamedTuple):
    """One line of a run file, with its number (from 1)."""

    line: int
    query_id: str
    doc_id: str
    score: float


def read_run(path: Path) -> Run:
    """A run file of whatever system: query id -> document id -> score, in the file's order.

    Raises:
        DatasetError: as `read_run_rows` does.
    """
    run: dict[str, dict[str, float]] = {}
    for row in read_run_rows(path):
        run.setdefault(row.query_id, {})[row.doc_id] = row.score
    return run


def read_run_rows(path: Path) -> Iterator[RunRow]:
    """The lines of a run file, for who has more to check on them; empty lines are passed over.

    Raises:
        DatasetError: the file is missing or empty, a line is not as expected, or a query lists
            a document twice. The message names file and line.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is not there.", hint="Give a TREC run: query Q0 document rank score tag.")
    seen: dict[str, set[str]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            row = _row(line, number, path)
            if row is None:
                continue
            ranked = seen.setdefault(row.query_id, set())
            if row.doc_id in ranked:
                raise DatasetError(
                    f"{path}, line {number}: {row.doc_id!r} was ranked for {row.query_id!r} already.",
                    hint="A run lists a document once for a query.",
                )
            ranked.add(row.doc_id)
            yield row
    if not seen:
        raise DatasetError(f"{path} is empty.", hint=RUN_FORMAT)


def _row(line: bytes, number: int, path: Path) -> RunRow | None:
    """A line as a row; None if there is nothing on it."""
    where = f"{path}, line {number}"
    try:
        text = line.decode("utf-8-sig")  # some editors start a file with a byte order mark
    except UnicodeDecodeError:
        raise DatasetError(f"{where}: not UTF-8 text.", hint=RUN_FORMAT) from None
    cells = text.split()
    if not cells:
        return None
    if len(cells) != 6 and not (len(cells) == 5 and _lacks_only_the_tag(cells)):
        raise DatasetError(f"{where}: {len(cells)} columns, not 6: {text.strip()[:60]!r}.", hint=RUN_FORMAT)
    try:
        score = float(cells[4])
    except ValueError:
        score = math.nan
    if math.isnan(score):  # nan is refused, too: nothing can be ordered by it
        raise DatasetError(f"{where}: the score {cells[4]!r} is no number.", hint=RUN_FORMAT)
    return RunRow(number, cells[0], cells[2], score)


def _lacks_only_the_tag(cells: list[str]) -> bool:
    """Whether five columns can only be `query Q0 document rank score`.

    Without this, `query document rank score tag` would give documents that are called 1, 2, 3.
    """
    return cells[1].upper() == "Q0" or not cells[2].isdigit()


def run_lines(run: Run, tag: str) -> list[str]:
    """The lines of a run file, best first. Scores keep nine digits, which fixes a float32."""
    return [
        f"{query_id} Q0 {doc_id} {rank} {value:.9g} {tag}"
        for query_id, results in run.items()
        for rank, (doc_id, value) in enumerate(best_first(results).items(), start=1)
    ]


def best_first(results: Mapping[str, float], depth: int | None = None) -> dict[str, float]:
    """The `depth` best results (or all) in trec_eval's order: by score, ties by id, both descending."""
    return dict(sorted(results.items(), key=lambda item: (item[1], item[0]), reverse=True)[:depth])
