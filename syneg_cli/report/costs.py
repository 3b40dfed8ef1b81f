"""What the report says of the results of a data set: what was made, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator

from syneg_cli.core import duration, money
from syneg_cli.report.page import Block, BulletList, Paragraph, Table
from syneg_cli.report.results import SHARD, STUDY, Result, Results

MISSING = "–"
COLUMNS = ("stage", "name", "what it made", "LLM", "prompt", "time", "cost")

NOT_IN_IT = (
    "Not in the sum: results that are gone, or that those of another LLM have replaced; calls of runs that "
    "wrote no result, until a run of the same LLM writes it."
)


def results_blocks(results: Results) -> list[Block]:
    """What the page says of them; nothing where there are no results."""
    if not results.rows and not results.notes:
        return []
    return [
        results_table(results),
        Paragraph(NOT_IN_IT),
        BulletList([*_legend(results), *results.notes]),
    ]


def results_table(results: Results) -> Table:
    """A row for each result, and their sum."""
    rows = [
        [
            row.stage,
            row.name,
            row.made or MISSING,
            row.llm or MISSING,
            row.prompt or MISSING,
            duration(row.seconds),
            _cost(row),
        ]
        for row in results.rows
    ]
    return Table(COLUMNS, [*rows, ["sum", "", "", "", "", duration(results.seconds), sum_of(results)]])


def sum_of(results: Results) -> str:
    """`$1.23`, `at least $1.23` where a price is unknown."""
    return _amount(results.usd, priced=results.priced)


def _cost(row: Result) -> str:
    paid = _amount(row.usd, priced=row.priced)
    shared = f"with {row.counted_with}" if row.counted_with else ""
    told = [part for part in (paid, shared, "vectors: see below" if row.vectors else "") if part]
    return "; ".join(part for part in told if part != MISSING or len(told) == 1)


def _amount(usd: float, *, priced: bool) -> str:
    if priced:
        return money(usd) if usd else MISSING
    return f"at least {money(usd)}" if usd else "unknown"


def _legend(results: Results) -> Iterator[str]:
    """What the columns mean, as far as they hold something."""
    yield "time: of the run that made the result; earlier runs that were stopped are not in it."
    yield (
        "cost: US dollars over all runs of one LLM for one result, and of one embedding API for the data "
        f"set, with what answers that never came may have cost. {MISSING}: nothing was paid."
    )
    if any(row.stage == STUDY for row in results.rows):
        yield (
            "study: the time of every stage that ran for one of its arms, each once however many arms and "
            "seeds read it. No LLM is asked; what its LLM data cost stands with them."
        )
    if not results.priced:
        yield "unknown: the model has no known price, or the manifest does not say what its calls cost."
    shared = [row for row in results.rows if row.counted_with]
    if shared:
        yield "with …: the calls for both are counted together, and stand there."
    if any(SHARD.search(row.name) for row in shared):
        yield "Of shards that were made with caches of their own only the largest sum counts."
    if vectors := [f"{row.stage} {row.name}" for row in results.rows if row.vectors]:
        yield (
            f"vectors: those of an embedding API, for {', '.join(vectors)}; their cost is not in the sum, as "
            "an earlier version did not note it (syneg cache embeddings has it)."
        )
