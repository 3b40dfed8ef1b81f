"""`simans`: negatives whose score is near the positive's (SimANS, arXiv 2210.11773).

Drawn without replacement from another miner's ranking (`simans:bm25`, `simans:run:FILE`; by
default dense) with probability proportional to exp(-a (s - s+ + b)^2). The paper's a = 0.5
and b = 0 are made for raw dot products; cosines are divided by a temperature first, because on
their scale a and b would do nothing. With several positives s+ is the lowest. The paper leaves
both open. A query whose positives have no score, as where a run does not hold them, gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from syneg_cli.mining.base import Miner, Ranking, Setup

if TYPE_CHECKING:
    import numpy as np


POOL = "dense"
"""What is drawn from where no miner is named."""


@dataclass(frozen=True)
class SimansMiner:
    setup: Setup
    pool: Miner
    cosine: bool
    scored: ClassVar[bool] = True

    @property
    def notes(self) -> tuple[str, ...]:
        return self.pool.notes

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The pool's ranking with a weight for each place."""
        ranking = self.pool.rank(query_ids, depth)
        scale = 1 / self.setup.temperature if self.cosine else 1.0
        weight = log_weight(
            ranking.scores * scale, ranking.positive * scale, self.setup.simans_a, self.setup.simans_b
        )
        return replace(ranking, log_weight=weight)


def log_weight(scores: np.ndarray, positive: np.ndarray, a: float, b: float) -> np.ndarray:
    """(n, c), (n,) -> (n, c): -a (s - s+ + b)^2, the log of SimANS's unnormalised probability."""
    weight: np.ndarray = -a * (scores - positive[:, None] + b) ** 2
    return weight


def make(setup: Setup, argument: str, other: Callable[[str], Miner]) -> SimansMiner:
    name = argument or POOL
    pool = other(name)
    cosine = name == "dense" and setup.encoder.similarity == "cosine"
    return SimansMiner(setup, pool, cosine)
