"""`dense`: documents by the inner product of their vectors with the query's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from syneg_cli.encoding import Index
from syneg_cli.mining.base import Ranking, Setup, positive_rows

if TYPE_CHECKING:
    import numpy as np

BASELINE_DOCUMENTS = 4096
"""How many documents, evenly spaced, stand for the average one."""


@dataclass(frozen=True)
class DenseMiner:
    setup: Setup
    scored: ClassVar[bool] = True

    @cached_property
    def documents(self) -> np.ndarray:
        return self.setup.encoder.encode_corpus(self.setup.dataset.corpus, self.setup.progress)

    @cached_property
    def index(self) -> Index:
        return Index(
            self.documents, self.setup.index, options=self.setup.index_options, progress=self.setup.progress
        )

    @cached_property
    def _average(self) -> np.ndarray:
        import numpy as np

        step = max(1, len(self.documents) // BASELINE_DOCUMENTS)
        mean: np.ndarray = np.asarray(self.documents[::step]).mean(axis=0)
        return mean

    @cached_property
    def _training(self) -> tuple[dict[str, int], np.ndarray]:
        """(query id -> row, vectors) of all training queries: the same batches however work is shared."""
        dataset = self.setup.dataset
        ids = list(dataset.qrels("train"))
        vectors = self.setup.encoder.encode_queries(
            [dataset.queries[query_id].text for query_id in ids], self.setup.progress
        )
        return {query_id: row for row, query_id in enumerate(ids)}, vectors

    def _vectors(self, query_ids: Sequence[str]) -> np.ndarray:
        rows, vectors = self._training
        if all(query_id in rows for query_id in query_ids):
            return vectors[[rows[query_id] for query_id in query_ids]]
        texts = [self.setup.dataset.queries[query_id].text for query_id in query_ids]
        return self.setup.encoder.encode_queries(texts, self.setup.progress)

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.index.recall_note,) if self.index.recall_note else ()

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The nearest documents; the scores are the encoder's similarities."""
        documents = self.documents
        queries = self._vectors(query_ids)
        scores, rows = self.index.search(queries, depth, progress=self.setup.progress)
        positive = lowest_positive(dataset_rows(self.setup, query_ids), queries, documents)
        return Ranking(rows, scores, positive, queries @ self._average)


def dataset_rows(setup: Setup, query_ids: Sequence[str]) -> list[list[int]]:
    return [positive_rows(setup.dataset, query_id) for query_id in query_ids]


def lowest_positive(rows: Sequence[list[int]], queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """(n,) float32: the lowest inner product of each query with its positives; NaN without any."""
    import numpy as np

    lowest = np.full(len(rows), np.nan, dtype=np.float32)
    for place, own in enumerate(rows):
        if own:
            lowest[place] = (documents[own] @ queries[place]).min()
    return lowest


def make(setup: Setup, argument: str, other: object) -> DenseMiner:
    return DenseMiner(setup)
