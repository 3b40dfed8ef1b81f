"""What a miner is: a ranking of corpus documents for queries, with the scores of the positives.

A miner ranks; it does not judge. Taking out positives, filtering and drawing are the same
for all of them (`filters`, `select`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from syneg_cli.core import NoProgress, Progress
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.mining.settings import MineSettings

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Ranking:
    """What a miner found for n queries, best first; -1 marks an unused place at a row's end.

    `positive` is the lowest score of each query's positives, NaN where the miner has none.
    `baseline` is the score of an average document, NaN where it cannot be told. `log_weight`,
    where given, says how likely a place is drawn; None means the best come first.
    """

    rows: np.ndarray
    """(n, c) int64 corpus rows."""
    scores: np.ndarray
    """(n, c) float32."""
    positive: np.ndarray
    """(n,) float32."""
    baseline: np.ndarray
    """(n,) float32."""
    log_weight: np.ndarray | None = None


@dataclass(frozen=True)
class Setup:
    """What miners are made from. The encoder is loaded once, by the first miner that needs it."""

    dataset: Dataset
    make_encoder: Callable[[], Encodes]
    seed: int = 0
    index: str = "Flat"
    index_options: str = ""
    simans_a: float = 0.5
    simans_b: float = 0.0
    temperature: float = 0.05
    progress: Progress = field(default_factory=NoProgress)

    @classmethod
    def of(
        cls, settings: MineSettings, dataset: Dataset, make_encoder: Callable[[], Encodes], progress: Progress
    ) -> Setup:
        names = {"seed", "index", "index_options", "simans_a", "simans_b", "temperature"}
        return cls(dataset, make_encoder, **settings.model_dump(include=names), progress=progress)

    @cached_property
    def encoder(self) -> Encodes:
        return self.make_encoder()


class Miner(Protocol):
    """One source of negatives, ready to be asked in blocks of queries."""

    @property
    def scored(self) -> bool:
        """Whether scores say how relevant a document is, so that a filter can compare them."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What its users should know, such as the recall of an approximate index."""
        ...

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The best `depth` documents for each query, positives included."""
        ...


MakeMiner = Callable[[Setup, str, Callable[[str], Miner]], Miner]
"""(setup, argument after the colon, how to make another miner by name) -> miner."""


def unscored(queries: int) -> np.ndarray:
    """(n,) NaN: no score to compare with."""
    import numpy as np

    return np.full(queries, np.nan, dtype=np.float32)


def positive_rows(dataset: Dataset, query_id: str) -> list[int]:
    """Corpus rows of a query's judged positives, in file order."""
    return sorted(dataset.corpus.row(doc_id) for doc_id in dataset.positives(query_id))
