"""`run:FILE`: documents from a TREC run, whoever made it: `query Q0 document rank score tag`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from syneg_cli.core import DatasetError, UsageError
from syneg_cli.data import RUN_FORMAT, read_run_rows
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
        DatasetError: it is missing, a line is wrong, or it knows none of the training queries.
    """
    if not argument:
        raise UsageError("The miner `run` needs a file.", hint="Write it as --miner run:results.trec.")
    path = Path(argument).expanduser()
    corpus = setup.dataset.corpus
    run: dict[str, dict[int, float]] = {}
    for line, query_id, doc_id, score in read_run_rows(path):
        if query_id not in setup.dataset.queries:
            continue  # a run may hold more queries than the data set
        if doc_id not in corpus:
            raise DatasetError(f"{path}, line {line}: no document has the id {doc_id!r} in corpus.jsonl.")
        run.setdefault(query_id, {})[corpus.row(doc_id)] = score
    if not set(run) & set(setup.dataset.qrels("train")):
        raise DatasetError(f"{path} ranks documents for none of the training queries.", hint=RUN_FORMAT)
    return RunMiner(setup, run)
