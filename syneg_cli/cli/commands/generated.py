"""What `syneg generate` says when it is done: the manifest and the summary table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.cli.commands.stage import Plan, Result

if TYPE_CHECKING:
    from syneg_cli.llm.cache import Totals
    from syneg_cli.llm.engine import Engine


def finish(
    plan: Plan,
    engine: Engine,
    keys: Sequence[str | None],
    counts: Counter[str],
    totals: Totals,
    seconds: float,
    reason: str,
) -> Result:
    """Write the manifest, and show what happened."""
    from syneg_cli.core.artifacts import Manifest, write_manifest

    stats = engine.stats
    unanswered = sum(key is None for key in keys) - stats.misses - stats.no_candidate
    dropped = {why: count for why, count in sorted(counts.items()) if why != "ok"}
    data: dict[str, Any] = {
        "pairs": len(keys),
        "answered": sum(key is not None for key in keys),
        "from_cache": stats.from_cache,
        "misses": stats.misses,
        "unanswered": unanswered,
        "calls": stats.calls,
        "negatives": counts["ok"],
        "dropped": dropped,
        "prompt_tokens": stats.prompt_tokens,
        "completion_tokens": stats.completion_tokens,
        "cost_usd": None if stats.unpriced else stats.cost_usd,
        "saved_usd": stats.saved_usd,
        "total": asdict(totals),
    }
    if stats.no_candidate:
        data["without_candidate"] = stats.no_candidate
    cost = None if totals.unpriced_calls else totals.spent_usd + totals.lost_usd
    settings = {**plan.settings, "unanswered": unanswered}
    write_manifest(plan.path, Manifest("generate", plan.inputs, settings, data, round(seconds, 3), cost))
    data["seconds"] = round(seconds, 3)
    return Result("generate", plan.path, reason, data=data, shown=_table(data, totals, plan.path, seconds))


def _table(data: dict[str, Any], totals: Totals, path: Path, seconds: float) -> tuple[Any, ...]:
    from syneg_cli.cli.output import duration, money, table

    rows: list[tuple[str, Any]] = [("pairs", data["pairs"]), ("answered", data["answered"])]
    rows.append(("  from the cache", data["from_cache"]))
    for key, label in (
        ("misses", "not recorded"),
        ("without_candidate", "without a mined candidate"),
        ("unanswered", "unanswered: run again"),
    ):
        if data.get(key):
            rows.append((label, data[key]))
    rows.append(("negatives", data["negatives"]))
    rows += [(f"  dropped: {why}", count) for why, count in data["dropped"].items()]
    rows.append(("calls", data["calls"]))
    rows.append(("tokens in / out", f"{data['prompt_tokens']:,} / {data['completion_tokens']:,}"))
    rows.append(("cost", money(data["cost_usd"])))
    if data["saved_usd"]:
        rows.append(("saved by the cache", money(data["saved_usd"])))
    if totals.spent_usd + totals.lost_usd > (data["cost_usd"] or 0):
        rows.append(("cost of all runs so far", money(totals.spent_usd + totals.lost_usd)))
    rows.append(("time", duration(seconds)))
    told = f"-> {path}"
    if data["answered"] and data["from_cache"] == data["answered"]:
        told = f"Everything came from the cache: nothing was asked, nothing was paid.\n{told}"
    return table(None, ["generate", ""], rows, right=lambda column: column == ""), told
