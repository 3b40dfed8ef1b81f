"""ADORE (arXiv 2104.08051): the query side learns against what it retrieves right now.

Document vectors stay as they are. Every step encodes a batch of queries, searches all documents
with them, and takes the pairwise lambda loss over what came up. What is trained is the query
tower alone, so an index that is in service can stay; the model that is saved has two towers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from syneg_cli.core import TrainingInstance
from syneg_cli.data import Dataset
from syneg_cli.evaluation import nearest
from syneg_cli.mixing import Texts
from syneg_cli.training.batches import Tokenise
from syneg_cli.training.gradcache import Features
from syneg_cli.training.losses import pairwise_lambda

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Frozen:
    """The corpus as vectors that no step changes: (documents, d) float32, possibly memory-mapped."""

    vectors: np.ndarray
    depth: int = 200
    """Documents that a query is compared with, besides its positives."""

    def candidates(
        self, queries: Tensor, relevant: Sequence[frozenset[int]], excluded: Sequence[frozenset[int]]
    ) -> tuple[np.ndarray, Tensor]:
        """What the queries (B, d) retrieve, with their positives first.

        Args:
            relevant: rows of each query's positives.
            excluded: rows that may be neither positive nor negative.

        Returns:
            Rows (B, K), and (B, K) booleans: which of them are there (a query with fewer
            candidates than another has row 0 in the places it lacks).
        """
        import numpy as np

        found = nearest(
            queries.float().cpu().numpy(),
            self.vectors,
            range(len(self.vectors)),
            self.depth,
            [own | out for own, out in zip(relevant, excluded, strict=True)],
        )
        chosen = [[*sorted(own), *others] for own, others in zip(relevant, found, strict=True)]
        width = max(map(len, chosen))
        filled = np.array([rows + [0] * (width - len(rows)) for rows in chosen])
        lengths = torch.tensor([len(rows) for rows in chosen])
        return filled, torch.arange(width) < lengths.unsqueeze(1)


class Adore(nn.Module):
    """What the trainer calls: (features of queries, labels) -> loss.

    Args:
        temperature: scores are divided by it; raw dot products need 1.
        watch: given the scores (B, K) and labels of every step.
        upper: around each call of the model, where its first layers are not computed.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        frozen: Frozen,
        *,
        temperature: float,
        autocast: Callable[[], AbstractContextManager[Any]],
        watch: Callable[[Tensor, Mapping[str, Any]], None] | None = None,
        upper: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        super().__init__()
        self.model = model
        self.frozen = frozen
        self.temperature = temperature
        self.autocast = autocast
        self.watch = watch
        self.upper = upper

    def forward(self, features: Sequence[Features], labels: Mapping[str, Any]) -> Tensor:
        with self.autocast(), self.upper():
            encoded: Tensor = self.model(dict(features[0]))["sentence_embedding"]
        queries = encoded.float()
        rows, present = self.frozen.candidates(queries.detach(), labels["relevant"], labels["excluded"])
        documents = torch.from_numpy(self.frozen.vectors[rows]).to(queries)
        scores = torch.einsum("bd,bkd->bk", queries, documents)
        counts = torch.tensor([len(own) for own in labels["relevant"]])
        relevant = (torch.arange(rows.shape[1]) < counts.unsqueeze(1)).to(queries.device)
        present = present.to(queries.device)
        if self.watch is not None:
            self.watch(scores.detach(), _as_labels(relevant, present))
        return pairwise_lambda(scores / self.temperature, relevant, present)


def _as_labels(relevant: Tensor, present: Tensor) -> dict[str, Tensor]:
    """How the recording names them: the first positive, and everything retrieved as mined."""
    return {
        "positives": torch.zeros(len(relevant), dtype=torch.long, device=relevant.device),
        "mask": relevant | ~present,
        "synthetic": torch.zeros_like(relevant),
        "mined": present & ~relevant,
    }


@dataclass
class QueryCollator:
    """Rows `{"family": position}` -> tokenised queries and what is relevant to each."""

    families: Sequence[Sequence[TrainingInstance]]
    """The instances of one query each."""
    dataset: Dataset
    texts: Texts
    tokenise: Tokenise
    epoch: int = 0
    batch: int = 0
    valid_label_columns: list[str] = field(default_factory=list)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        chosen = [self.families[row["family"]] for row in rows]
        queries = [self.texts.query(members[0].query_id, self.dataset) for members in chosen]
        relevant = [self._rows(instance.positive_id for instance in members) for members in chosen]
        out = [
            self.dataset.excluded(members[0].query_id, [one.positive_id for one in members])
            for members in chosen
        ]
        excluded = [self._rows(ids) for ids in out]
        tensors: dict[str, Any] = {"label": {"relevant": relevant, "excluded": excluded}}
        for key, value in self.tokenise(queries, "query").items():
            tensors[f"query_{key}"] = value
        return tensors

    def _rows(self, ids: Iterable[str]) -> frozenset[int]:
        corpus = self.dataset.corpus
        return frozenset(corpus.row(doc_id) for doc_id in ids if doc_id in corpus)


def by_query(instances: Sequence[TrainingInstance], dataset: Dataset) -> list[tuple[TrainingInstance, ...]]:
    """The instances of the data set's own queries whose positive is in the corpus, grouped by query."""
    grouped: dict[str, list[TrainingInstance]] = {}
    for instance in instances:
        if instance.query_id in dataset.queries and instance.positive_id in dataset.corpus:
            grouped.setdefault(instance.query_id, []).append(instance)
    return [tuple(members) for members in grouped.values()]
