"""What `syneg generate` shows: the summary, an estimate, mirrored queries, batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.output import short, table
from syneg_cli.core import duration, money, near
from syneg_cli.generation import Estimate, Range, asked_again
from syneg_cli.llm import LEFT
from syneg_cli.stages import Generated, MirroredQueries

MISSING = {"misses": "not recorded", "without_candidate": "without a mined candidate"}
SAID_WIDTH = 100
ESTIMATE = ["estimate", "expected", "low", "high"]
SPENT = ("calls", "prompt_tokens", "completion_tokens", "cost_usd", "saved_usd")


def generated(record: Generated, seconds: float) -> tuple[Any, ...]:
    counts = record.counts
    rows = asked_rows(counts, "pairs", "pairs")
    rows.append(("negatives", counts["negatives"]))
    rows += [(f"  dropped: {why}", count) for why, count in counts["dropped"].items()]
    rows += spent_rows(record, seconds)
    told = [*told_of(record), *([f"-> {near(record.path)}"] if counts["written"] else [])]
    return table(None, ["generate", ""], rows, right=lambda column: column == ""), "\n".join(told)


def asked_rows(counts: Mapping[str, Any], asked: str, key: str) -> list[tuple[str, Any]]:
    """How many were asked about, and what became of them.

    Args:
        asked: what they are called; `key` is that of their number.
    """
    rows: list[tuple[str, Any]] = [(asked, counts[key]), ("answered", counts["answered"])]
    rows.append(("  from the cache", counts["from_cache"]))
    rows += [(f"  {label}", counts[name]) for name, label in MISSING.items() if counts.get(name)]
    rows += [(f"  {one['why']}", one[key]) for one in counts["failed"]]
    if later := counts["unanswered"] - sum(one[key] for one in counts["failed"]):
        rows.append(("  not asked yet", later))
    rows += [(f"  answers {why}", count) for why, count in counts["unusable"].items()]
    return rows + ([("verdicts left for later", counts["later"])] if counts.get("later") else [])


def spent_rows(record: Generated, seconds: float) -> list[tuple[str, Any]]:
    """Calls, tokens, money and time."""
    counts, totals = record.counts, record.totals
    spent = totals.spent_usd + totals.lost_usd
    judged = counts.get("judge")
    now = {key: _with(judged, counts, key) for key in SPENT}
    rows: list[tuple[str, Any]] = [("calls", now["calls"])]
    rows += [("  of them the judge's", judged["calls"])] if judged else []
    rows.append(("tokens in / out", f"{now['prompt_tokens']:,} / {now['completion_tokens']:,}"))
    rows.append(("cost", money(now["cost_usd"])))
    saved = now["saved_usd"] and "batch" not in counts
    rows += [("saved by the cache", money(now["saved_usd"]))] if saved else []
    rows += [("cost of all runs so far", money(spent))] if spent > (now["cost_usd"] or 0) else []
    rows += [("  for lost answers, at most", money(totals.lost_usd))] if totals.lost_usd else []
    return [*rows, ("time", duration(seconds))]


def _with(judged: Mapping[str, Any] | None, counts: Mapping[str, Any], key: str) -> Any:
    """What a run used, with what its judge did; None where either is not known."""
    parts = (counts[key], judged[key]) if judged else (counts[key],)
    return None if None in parts else sum(parts)


def told_of(record: Generated) -> list[str]:
    """What the server said, and what can be done."""
    counts = record.counts
    said = [f"{one['why']}: {short(one['said'], SAID_WIDTH)}" for one in counts["failed"]]
    if any(one["why"] != LEFT for one in counts["failed"]):
        said.append("Run again for what has no answer.")
    elif counts.get("later"):
        said.append("The same command asks the judge for the verdicts that are left.")
    if asked_again(counts["unusable"], counts["dropped"]):
        said.append("--retry-bad asks again where the answer was unusable.")
    judged = counts.get("judge") or {}
    stored = counts["answered"] and counts["from_cache"] == counts["answered"]
    if stored and not judged.get("calls") and "batch" not in counts:  # these came, and were paid, elsewhere
        said.append("Everything came from the cache: nothing was asked, nothing was paid.")
    return said


def estimated(found: Estimate, what: str = "pairs", judge: Estimate | None = None) -> tuple[Any, str]:
    """(table, what it rests on) of what the writing will need, and a judge on top of it."""
    rows, basis = estimated_rows(found, what), basis_of(found)
    if judge is not None:
        rows += [(f"judge: {label}", *cells) for label, *cells in estimated_rows(judge, "pairs, at most")]
        rows.append(cost_row("cost of both", _sum(found.cost, judge.cost)))
        basis = f"{basis}\nThe judge: {basis_of(judge)}"
    return table(None, ESTIMATE, rows), basis


def _sum(one: Range | None, other: Range | None) -> Range | None:
    if one is None or other is None:
        return None
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def asked_json(found: Estimate) -> dict[str, Any]:
    """An estimate of what is asked about things that are no pairs."""
    data = asdict(found)
    return {"asked": data.pop("pairs"), **data}


def estimated_rows(found: Estimate, what: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (what, found.pairs, None, None),
        ("from the cache", found.cached, None, None),
        ("calls", found.calls, None, None),
    ]
    for label, (low, middle, high) in (
        ("tokens in", found.prompt_tokens),
        ("tokens out", found.completion_tokens),
    ):
        rows.append((label, f"{middle:,.0f}", f"{low:,.0f}", f"{high:,.0f}"))
    return [*rows, cost_row("cost", found.cost)]


def cost_row(label: str, cost: Range | None) -> tuple[object, ...]:
    low, middle, high = cost or (None, None, None)
    return label, money(middle), *((money(low), money(high)) if cost else (None, None))


def basis_of(found: Estimate) -> str:
    if found.earlier:
        return f"Ratios from {found.earlier} earlier answers; 95 % intervals."
    return "No earlier answers of this model and prompt: rules of thumb, wide bounds."


def mirrored(record: MirroredQueries) -> tuple[Any, ...]:
    counts = record.counts
    rows = [(key, value) for key, value in counts.items() if key not in ("dropped", "cost_usd")]
    rows += [(f"  dropped: {reason}", count) for reason, count in counts["dropped"].items()]
    shown = table(None, ["mirror-queries", ""], [*rows, ("cost", money(counts["cost_usd"]))])
    return shown, f"-> {near(record.path)}\nUse it: syneg mix --mirror {near(record.path)}"
