"""Retrieved negatives: rank with a miner, filter, draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from syneg_cli.core import MinedNegative, world
from syneg_cli.data import Dataset
from syneg_cli.mining.base import Miner, Setup
from syneg_cli.mining.registry import make_miner
from syneg_cli.mining.select import Selection, select
from syneg_cli.mining.tally import Tally

QUERY_BLOCK = 8192
"""Queries ranked at a time: bounds the memory of the candidate lists."""


@dataclass(frozen=True)
class MinedNegatives:
    """One miner's negatives, in the order of the training queries and by rank."""

    miner: str
    negatives: list[MinedNegative]
    tally: Tally
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<MinedNegatives: {len(self.negatives)} of {self.miner}>"

    def __iter__(self) -> Iterator[MinedNegative]:
        return iter(self.negatives)

    def __len__(self) -> int:
        return len(self.negatives)


def mine_negatives(
    dataset: Dataset,
    miners: Sequence[str],
    *,
    setup: Setup,
    selection: Selection,
    queries: Sequence[str] | None = None,
) -> list[MinedNegatives]:
    """Negatives for the training queries, from every miner named.

    A query's judged positives, texts identical to one, passages next to one and its own text are never
    among them. Scores are the miner's own; a miner without scores ignores the filters that compare scores,
    and says so.

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
    own = sum(len(dataset.itself(query_id) | dataset.same_text(query_id)) for query_id in query_ids)
    asked, query_ids = query_ids, list(processes.share(query_ids))
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
    around = sum(len(dataset.around(query_id)) for query_id in asked) if dataset.corpus.cut else 0
    notes = miner.notes
    if around:
        which = "next to a positive" if dataset.same_document == "beside" else "of a positive's document"
        notes = (*notes, f"passages {which}, never its query's negatives: {around} (same_document)")
    if own:
        notes = (*notes, f"documents that are the query itself or have its text, never its negatives: {own}")
    if not miner.scored and selection.needs_scores:
        notes = (*notes, f"{name} has no scores: the filters that compare scores were not applied")
    return MinedNegatives(name, negatives, tally, notes)
