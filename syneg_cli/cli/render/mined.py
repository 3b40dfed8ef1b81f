"""What `syneg mine` shows: survivors per filter, score quantiles, remarks, examples."""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.output import short, table
from syneg_cli.cli.render.pictures import similarities
from syneg_cli.core import counted, near
from syneg_cli.data import Dataset
from syneg_cli.mining import Tally
from syneg_cli.stages import Mined


def mined(dataset: Dataset, record: Mined) -> tuple[Any, ...]:
    found, plan = record.mined, record.plan
    tally, similar = found.tally, not found.miner.startswith("fusion")
    queries = counted(tally.queries, "query", "queries")
    shown: list[Any] = [f"{found.miner} for {queries} -> {near(plan.path)}"]
    shown.append(_survivors(tally, copies=plan.settings["near_copies"] is not None))
    pool, depth = plan.settings["pool"], plan.settings["depth"]
    shown += [*found.notes, *tally.remarks(pool, depth, similarities=similar)]
    picture = similarities(tally.positive_scores, tally.negative_scores)
    return (*shown, *_quantiles(tally), picture, *_examples(dataset, tally))


def _survivors(tally: Tally, *, copies: bool) -> Any:
    """Documents after each step, and those that it left out; copies as far as the draw met them."""
    steps = list(tally.survivors.items())
    if copies and steps:
        steps.append(("no near copy of one", steps[-1][1] - tally.near_copies))
    before = [None, *(count for _, count in steps)]
    rows = [
        (name, count, f"{count / max(tally.queries, 1):.1f}", None if last is None else last - count)
        for (name, count), last in zip(steps, before, strict=False)
    ]
    rows.append(("drawn", len(tally.negative_scores), f"{tally.per_query:.1f}", None))
    return table(None, ["after", "documents", "a query", "left out"], rows)


def _quantiles(tally: Tally) -> list[Any]:
    data = tally.as_json()
    positive = data["positive_quantiles"]
    if not positive:
        return []
    rows = [["positives", *positive.values()], ["negatives", *data["negative_quantiles"].values()]]
    rows = [row + [None] * (len(positive) + 1 - len(row)) for row in rows]
    return [table(None, ["score quantiles", *positive], rows)]


def _examples(dataset: Dataset, tally: Tally) -> list[Any]:
    columns = ["query", "rank", "score", "positive's", "negative"]
    scored = bool(tally.positive_scores)
    rows = [
        (
            short(dataset.queries[n.query_id].text, 60),
            f"{n.rank}",
            f"{n.score:.3f}" if scored else "-",
            f"{best:.3f}" if best == best else "-",
            short(dataset.corpus[n.doc_id].full_text, 90),
        )
        for n, best in tally.examples
    ]
    return [table(None, columns, rows, right=columns[1:4].__contains__)] if rows else []
