"""`random`: documents drawn uniformly from the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from syneg_cli.core import generator, joined
from syneg_cli.mining.base import Ranking, Setup, unscored


@dataclass(frozen=True)
class RandomMiner:
    setup: Setup
    scored: ClassVar[bool] = False
    notes: ClassVar[tuple[str, ...]] = ()

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """Distinct documents in drawn order; the draw depends on seed and query only. Scores are 0."""
        import numpy as np

        size = len(self.setup.dataset.corpus)
        depth = min(depth, size)
        rows = np.empty((len(query_ids), depth), dtype=np.int64)
        for place, query_id in enumerate(query_ids):
            drawn = generator(joined(self.setup.seed, "random", query_id))
            rows[place] = drawn.choice(size, depth, replace=False)
        none = unscored(len(query_ids))
        return Ranking(rows, np.zeros(rows.shape, dtype=np.float32), none, none)


def make(setup: Setup, argument: str, other: object) -> RandomMiner:
    return RandomMiner(setup)
