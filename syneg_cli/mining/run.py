"""`run:FILE`: documents from a TREC run, whoever made it: `query Q0 document rank score tag`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from syneg_cli.core import UsageError, user_path
from syneg_cli.data import read_known_run
from syneg_cli.mining.base import Ranking, Setup, positive_rows, unscored


@dataclass(frozen=True)
class RunMiner:
    setup: Setup
    run: dict[str, dict[int, float]]
    """Query id -> corpus row -> score."""
    scored: ClassVar[bool] = True
    notes: ClassVar[tuple[str, ...]] = ()

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The run's own order: by score, ties by corpus row. A query not in the run gets nothing."""
        import numpy as np

        depth = min(depth, max((len(found) for found in self.run.values()), default=1))
        rows = np.full((len(query_ids), depth), -1, dtype=np.int64)
        scores = np.zeros((len(query_ids), depth), dtype=np.float32)
        positive = unscored(len(query_ids))
        for place, query_id in enumerate(query_ids):
            found = self.run.get(query_id, {})
            best = sorted(found, key=lambda row: (-found[row], row))[:depth]
            rows[place, : len(best)] = best
            scores[place, : len(best)] = [found[row] for row in best]
            if own := [found[row] for row in positive_rows(self.setup.dataset, query_id) if row in found]:
                positive[place] = min(own)
        return Ranking(rows, scores, positive, unscored(len(query_ids)))


def make(setup: Setup, argument: str, other: object) -> RunMiner:
    """Read and check the run.

    Raises:
        UsageError: no file is named.
        DatasetError: as `read_known_run` does, for the training queries.
    """
    if not argument:
        raise UsageError("The miner `run` needs a file.", hint="Write it as --miner run:results.trec.")
    dataset, corpus = setup.dataset, setup.dataset.corpus
    read = read_known_run(user_path(argument), dataset, "train", setup.progress.warn)
    run = {
        query_id: {corpus.row(doc_id): score for doc_id, score in found.items() if doc_id in corpus}
        for query_id, found in read.items()
    }
    return RunMiner(setup, run)
