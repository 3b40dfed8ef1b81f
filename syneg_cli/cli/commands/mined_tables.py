"""What `syneg mine` shows: survivors per filter, score quantiles, remarks, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syneg_cli.cli.commands.stage import Plan
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.mining import MinedNegatives


def mined_tables(dataset: Dataset, mined: MinedNegatives, plan: Plan) -> tuple[Any, ...]:
    """Survivors per filter, score quantiles, notes, and examples to look at."""
    from syneg_cli.cli.output import table

    tally = mined.tally
    survivors = [
        (name, count, f"{count / max(tally.queries, 1):.1f}") for name, count in tally.survivors.items()
    ]
    survivors.append(("drawn", len(tally.negative_scores), f"{tally.per_query:.1f}"))
    remarks = [*mined.notes, *tally.remarks(plan.settings["pool"], plan.settings["depth"])]
    shown: list[Any] = [f"mine {mined.miner}: {tally.queries} queries -> {plan.path}"]
    shown.append(table(None, ["after", "documents", "a query"], survivors))
    shown += remarks
    data = tally.as_json()
    if positive := data["positive_quantiles"]:
        rows = [["positives", *positive.values()], ["negatives", *data["negative_quantiles"].values()]]
        rows = [row + [None] * (len(positive) + 1 - len(row)) for row in rows]
        shown.append(table(None, ["score quantiles", *positive], rows))
    if tally.examples:
        columns = ["query", "rank", "score", "positive's", "negative"]
        examples = [
            (
                _short(dataset.queries[n.query_id].text, 60),
                f"{n.rank}",
                f"{n.score:.3f}" if positive else "-",
                f"{best:.3f}" if best == best else "-",
                _short(dataset.corpus[n.doc_id].full_text, 90),
            )
            for n, best in tally.examples
        ]
        shown.append(table(None, columns, examples, right=columns[1:4].__contains__))
    return tuple(shown)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
