"""What `syneg generate --pilot` shows: the forecast, what it rests on, and what the whole job would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.cli.render.generated import asked_rows, spent_rows, told_of
from syneg_cli.core import counted, duration, money, near
from syneg_cli.forecast import ABOUT, CAVEAT, SPEAKS
from syneg_cli.llm import Totals
from syneg_cli.stages import Generated, Performed

SHARES = {
    "outranks_positive": "as close as the positive",
    "within_margin": "within the margin of [verify]",
    "judged_relevant": "relevant by the judge",
}


def piloted(done: Performed) -> tuple[Any, ...]:
    """The forecast as it is stored, whether it was made now or before."""
    counts = done.counts
    forecast = counts["forecast"]
    what = f"{counted(counts['pairs'], 'pair')}, {counted(counts['negatives'], 'negative')}"
    shown: list[Any] = [f"Forecast from {what}: {ABOUT[forecast['verdict']]}."]
    rows = [(one["rule"], SPEAKS[one["says"]], one["text"]) for one in forecast["evidence"]]
    head = ["rests on", "speaks", "measured [95 % interval]"]
    shown.append(table(None, head, rows, right=lambda column: False))
    record = Generated(dict(counts), Totals(**counts["total"]), done.path)
    shown += [_sources(forecast), *forecast["notes"], CAVEAT, _costs(record, done.seconds)]
    return (*shown, "\n".join([*told_of(record), f"-> {near(done.path)}"]))


def _sources(forecast: Mapping[str, Any]) -> Any:
    """Similarity to the query and shares: a column for each source."""
    positives, sources = forecast["positive_similarity_quantiles"], forecast["sources"]
    rows: list[list[Any]] = []
    for at, value in positives.items():
        own = (one["similarity_quantiles"].get(at) for one in sources.values())
        rows.append([f"similarity, {at} are below", value, *own])
    rows += [[label, None, *(_share(one[key]) for one in sources.values())] for key, label in SHARES.items()]
    return table(
        None, ["to the query", "positives", *sources], rows, right=lambda column: column != "to the query"
    )


def _share(found: list[float] | None) -> str | None:
    return f"{found[1]:.0%} [{found[0]:.0%}, {found[2]:.0%}]" if found else None


def _costs(record: Generated, seconds: float) -> Any:
    """What the pilot took, and what is left of the whole job."""
    counts, whole = record.counts, record.counts["whole_job"]
    rows = asked_rows(counts, "pairs", "pairs")
    rows += [("negatives", counts["negatives"])]
    rows += [(f"  dropped: {why}", count) for why, count in counts["dropped"].items()]
    rows += spent_rows(record, seconds)
    low, usd, high = whole["cost_usd"] or (None, None, None)
    cost = money(usd) if low == high else f"{money(usd)} [{money(low)}, {money(high)}]"
    took = "not known: nothing was asked" if whole["seconds"] is None else duration(whole["seconds"])
    calls, pairs = counted(whole["calls"], "call"), counted(whole["pairs"], "pair")
    rows += [(f"for the rest of {pairs}", calls), ("  cost", cost), ("  time", took)]
    return table(None, ["pilot", ""], rows, right=lambda column: column == "")
