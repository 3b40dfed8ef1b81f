"""What `syneg queries` shows: what was written, what was dropped and why, and examples of each reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syneg_cli.cli.output import short, table
from syneg_cli.cli.render.generated import (
    asked_json,
    asked_rows,
    estimated,
    spent_rows,
    told_of,
)
from syneg_cli.core import near
from syneg_cli.generation import Estimate
from syneg_cli.round_trip import JUDGED
from syneg_cli.stages import Performed

SHOWN = 160


def queries(done: Performed, asked: str, weight: float) -> tuple[Any, ...]:
    """Tables of a run; nothing where it was up to date.

    Args:
        asked: what was asked about: "documents", or "queries" that were reworded.
        weight: what a written query counts in training, by the settings.
    """
    if done.skipped:
        return ()
    record = done.record
    counts = record.counts
    rows = asked_rows(counts, asked, "asked")
    rows += [(f"{asked} left out: {why}", count) for why, count in counts["left_out"].items()]
    rows += [("recorded for no document here", counts["not_in_corpus"])] if counts["not_in_corpus"] else []
    none = "without a rewording" if counts["rewrites"] else "nobody would look for it"
    rows += [(f"answers: {none}", counts["for_nobody"])] if counts["for_nobody"] else []
    rows.append(("queries kept", counts["queries"]))
    rows += [(f"  dropped: {why}", count) for why, count in counts["dropped"].items()]
    rows += [("relevant beside their document", counts["also_relevant"])] if counts["also_relevant"] else []
    rows += spent_rows(record, done.seconds)
    shown: list[Any] = [table(None, ["queries", ""], rows, right=lambda column: column == "")]
    why = ""
    for one in counts["examples"]:
        if one["why"] != why:
            why = one["why"]
            shown.append(f"\ndropped: {why}")
        shown.append(f"  {one['document']}: {short(one['query'], SHOWN)}")
    return *shown, "\n".join(filter(None, (*told_of(record), *_meaning(done, weight))))


def estimated_queries(found: Estimate, judge: Estimate | None, asked: str) -> tuple[dict[str, Any], Any, str]:
    """(data, table, what it rests on) of what the writing will need, and a judge on top of it."""
    data = asked_json(found) | {"judge": judge and asked_json(judge)}
    shown, basis = estimated(found, asked, judge)
    return data, shown, basis


def _meaning(done: Performed, weight: float) -> list[str]:
    """What was checked or decided, and what becomes of the queries now."""
    counts = done.record.counts
    said = []
    if counts["rewrites"]:
        negated = "are written too" if counts["negated"] else "are not written"
        said.append(f"Opposites {negated} (--negate): they count only where evidence against a query does.")
    elif counts["check"] == "none":
        said.append("No round trip was made (--check none).")
    else:
        searched = " and ".join({"bm25": "BM25", "dense": "the encoder"}[one] for one in counts["retrievers"])
        by = {"retrieval": searched, "cross-encoder": "a cross-encoder", "judge": "a judge"}[counts["check"]]
        said.append(f"The round trip was made by {by}.")
    if counts["written"]:
        use = f"They count {weight:g} in training." if weight else _unused(counts)
        said.append(f"-> {near(done.path)}\n{use}")
    return said


def _unused(counts: Mapping[str, Any]) -> str:
    """What can be done with them: rewordings are for training alone, and where documents with judged queries
    got none, an index has room for both."""
    judged = counts["left_out"].get(JUDGED)
    index = f"`syneg eval --expansion 0.5{' --expansion-from both' * bool(judged)}` puts them into the index"
    beside = ", beside the judged ones of the other documents" * bool(judged)
    how = "for training `--synthetic-queries 0.5` each time, or weight = 0.5 in [queries]."
    return f"They count nothing yet: {'' if counts['rewrites'] else f'{index}{beside}; '}{how}"
