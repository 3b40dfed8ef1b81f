"""`fusion`: several miners' rankings in one, by reciprocal rank (Cormack et al., SIGIR 2009).

A document's score is the sum over the rankings of 1 / (60 + rank); `fusion:bm25+dense` names
them, and that pair is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from syneg_cli.mining.base import Miner, Ranking, Setup, positive_rows, unscored

RANK_CONSTANT = 60
MINERS = "bm25+dense"
"""Which are fused where none are named."""


@dataclass(frozen=True)
class FusionMiner:
    setup: Setup
    miners: tuple[Miner, ...]
    scored: ClassVar[bool] = True

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for miner in self.miners for note in miner.notes)

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The best by fused score, ties by corpus row; positives that no ranking holds have no score."""
        import numpy as np

        rankings = [miner.rank(query_ids, depth).rows for miner in self.miners]
        rows = np.full((len(query_ids), depth), -1, dtype=np.int64)
        scores = np.zeros((len(query_ids), depth), dtype=np.float32)
        positive = unscored(len(query_ids))
        for place, query_id in enumerate(query_ids):
            fused = reciprocal_ranks([ranking[place] for ranking in rankings])
            best = sorted(fused, key=lambda row: (-fused[row], row))[:depth]
            rows[place, : len(best)] = best
            scores[place, : len(best)] = [fused[row] for row in best]
            if own := [fused[row] for row in positive_rows(self.setup.dataset, query_id) if row in fused]:
                positive[place] = min(own)
        return Ranking(rows, scores, positive, unscored(len(query_ids)))


def reciprocal_ranks(rankings: Sequence[Sequence[int]]) -> dict[int, float]:
    """Row -> sum of 1 / (60 + rank) over the rankings that hold it; -1 marks unused places."""
    fused: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking, start=1):
            if row >= 0:
                fused[int(row)] = fused.get(int(row), 0.0) + 1 / (RANK_CONSTANT + rank)
    return fused


def make(setup: Setup, argument: str, other: Callable[[str], Miner]) -> FusionMiner:
    return FusionMiner(setup, tuple(map(other, (argument or MINERS).split("+"))))
