"""Retrieved negatives: rank with a miner, filter, draw.

A miner is named with what it needs after a colon: `dense`, `run:results.trec`,
`simans:bm25`, `fusion:bm25+dense`. A new one is a file here and a line in `MINERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.distributed import world
from syneg_cli.errors import UsageError, did_you_mean
from syneg_cli.mining import bm25, dense, fusion, simans, trec_run, uniform
from syneg_cli.mining.base import MakeMiner, Miner, Setup
from syneg_cli.mining.report import Tally
from syneg_cli.mining.select import Selection, select
from syneg_cli.records import MinedNegative

if TYPE_CHECKING:
    from syneg_cli.dataset import Dataset

MINERS: dict[str, MakeMiner] = {
    "random": uniform.make,
    "bm25": bm25.make,
    "dense": dense.make,
    "simans": simans.make,
    "run": trec_run.make,
    "fusion": fusion.make,
}
QUERY_BLOCK = 8192
"""Queries ranked at a time: bounds the memory of the candidate lists."""


@dataclass(frozen=True)
class MinedNegatives:
    """One miner's negatives, in the order of the training queries and by rank."""

    miner: str
    negatives: list[MinedNegative]
    tally: Tally
    notes: tuple[str, ...] = ()


def check_miner(name: str) -> str:
    """The name, if there is such a miner.

    Raises:
        UsageError: there is none.
    """
    kind, _, argument = name.partition(":")
    if kind not in MINERS:
        raise UsageError(
            f"Unknown miner {kind!r}.{did_you_mean(kind, list(MINERS))}",
            hint="Miners: random, bm25, dense, simans[:MINER], run:FILE, fusion[:MINER+MINER].",
        )
    if argument and kind in ("random", "bm25", "dense"):
        raise UsageError(f"The miner {kind} takes nothing after a colon, not {argument!r}.")
    if kind == "simans":
        check_miner(argument or "dense")
    if kind == "fusion":
        for part in (argument or "bm25+dense").split("+"):
            check_miner(part)
    return name


def uses_encoder(name: str) -> bool:
    """Whether a miner reads the backbone's vectors."""
    kind, _, argument = name.partition(":")
    if kind == "simans":
        return uses_encoder(argument or "dense")
    if kind == "fusion":
        return any(uses_encoder(part) for part in (argument or "bm25+dense").split("+"))
    return kind == "dense"


def run_files(name: str) -> list[str]:
    """The run files that a miner reads."""
    kind, _, argument = name.partition(":")
    if kind == "simans":
        return run_files(argument) if argument else []
    if kind == "fusion":
        return [file for part in argument.split("+") for file in run_files(part)] if argument else []
    return [argument] if kind == "run" and argument else []


def make_miner(name: str, setup: Setup) -> Miner:
    """A miner by name, with its argument after the colon. Raises UsageError as `check_miner` does."""
    kind, _, argument = check_miner(name).partition(":")
    return MINERS[kind](setup, argument)


def mine_negatives(
    dataset: Dataset,
    miners: Sequence[str],
    *,
    setup: Setup,
    selection: Selection,
    queries: Sequence[str] | None = None,
) -> list[MinedNegatives]:
    """Negatives for the training queries, from every miner named.

    A query's judged positives and texts identical to one are never among them. Scores are the
    miner's own; a miner without scores ignores the filters that compare scores, and says so.

    Args:
        queries: the query ids to mine for; by default all with train judgements.

    Raises:
        UsageError: a miner is not known, or cannot be made from what was given.
    """
    made = [(name, make_miner(name, setup)) for name in miners]
    query_ids = list(dataset.qrels("train")) if queries is None else list(queries)
    return [_mine(dataset, name, miner, query_ids, setup, selection) for name, miner in made]


def _mine(
    dataset: Dataset, name: str, miner: Miner, query_ids: list[str], setup: Setup, selection: Selection
) -> MinedNegatives:
    tally = Tally()
    negatives: list[MinedNegative] = []
    processes = world()
    query_ids = list(processes.share(query_ids))
    for start in range(0, len(query_ids), QUERY_BLOCK):
        block = query_ids[start : start + QUERY_BLOCK]
        spare = max((len(dataset.excluded(query_id)) for query_id in block), default=0)
        ranking = miner.rank(block, selection.last_rank + spare)
        negatives += select(
            dataset, name, block, ranking, selection, scored=miner.scored, seed=setup.seed, tally=tally
        )
    parts = processes.gather((negatives, tally))
    negatives = [negative for part, _ in parts for negative in part]
    tally = Tally.of([part for _, part in parts])
    notes = miner.notes
    if not miner.scored and selection.needs_scores:
        notes = (*notes, f"{name} has no scores: the filters that compare scores were not applied")
    return MinedNegatives(name, negatives, tally, notes)


__all__ = [
    "MINERS",
    "MinedNegatives",
    "Selection",
    "Setup",
    "check_miner",
    "make_miner",
    "mine_negatives",
    "run_files",
    "uses_encoder",
]
