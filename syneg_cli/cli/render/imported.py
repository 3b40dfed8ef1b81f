"""What `syneg import` shows: what was read, cut, merged and left out, and why."""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.output import short, table
from syneg_cli.core import counted, near
from syneg_cli.data import Imported, Tally

FIRST = 3
"""Files that are named of all that are left out for the same reason."""


def imported(made: Imported) -> tuple[Any, ...]:
    """The result as tables and lines."""
    tally = made.tally
    passages = counted(tally.passages, "passage")
    shown: list[Any] = [f"import {tally.source}: {passages} -> {near(made.path)}"]
    shown.append(table(None, ["", "count"], [row for row in _rows(tally) if row[1]]))
    return (*shown, *_remarks(tally), *_left_out(tally))


def _rows(tally: Tally) -> list[tuple[str, int]]:
    return [
        ("documents read", tally.read),
        ("of these cut into passages", tally.cut),
        ("passages", tally.passages),
        ("the same as an earlier one, merged", tally.merged),
        ("titles shortened", tally.titles_shortened),
        ("left out", len(tally.left_out)),
        ("hidden or of a tool, passed over", tally.passed_over),
        ("queries", tally.queries),
        *((f"{split} judgements", count) for split, count in tally.judgements.items()),
        *(
            (f"{split} judgements of cut documents, left out", count)
            for split, count in tally.unmapped.items()
        ),
        *(
            (f"{split} judgements of cut documents, given to all passages", n)
            for split, n in tally.spread.items()
        ),
    ]


def _remarks(tally: Tally) -> list[str]:
    said = []
    if tally.columns:
        roles = ", ".join(f"{role}: {name!r}" for role, name in tally.columns.items())
        guessed = f" (guessed: {', '.join(tally.guessed)})" if tally.guessed else ""
        without = (
            "" if "id" in tally.columns else "; no column has ids, rows are numbered (--id-column names one)"
        )
        said.append(f"columns: {roles}{guessed}{without}")
    if tally.counted_by:
        said.append(f"tokens counted by {tally.counted_by}")
    if tally.decoded:
        first = ", ".join(f"{short(one.file, 40)} ({one.encoding})" for one in tally.decoded[:FIRST])
        more = len(tally.decoded) - FIRST
        files = counted(len(tally.decoded), "file")
        others = f" and {more} more" if more > 0 else ""
        said.append(
            f"not in UTF-8: {files}, read as what each was taken for: {first}{others}; "
            "--encoding NAME where that is wrong"
        )
    if lost := sum(tally.unmapped.values()):
        judgements = counted(lost, "judgement is", "judgements are")
        said.append(
            f"{judgements} of documents that were cut, which say nothing of their parts: --tokens 0 keeps "
            "documents whole, --judged-passages all judges every part alike"
        )
    return said


def _left_out(tally: Tally) -> list[Any]:
    """A row for each reason; all are named with --json."""
    reasons: dict[str, list[str]] = {}
    for one in tally.left_out:
        reasons.setdefault(one.why, []).append(one.file)
    rows = []
    for why, files in sorted(reasons.items(), key=lambda item: -len(item[1])):
        more = len(files) - FIRST
        named = ", ".join(short(file, 40) for file in files[:FIRST]) + (
            f" and {more} more" if more > 0 else ""
        )
        rows.append((why, len(files), named))
    return [table(None, ["left out, because", "count", "which"], rows)] if rows else []
