"""Other models' opinions of a batch: a guide encoder's similarities, a cross-encoder's scores.

Both remember what they computed: the same texts come back every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syneg_cli.core import NegativeRef
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder, pair_scores
from syneg_cli.mixing import Texts
from syneg_cli.training.batches import Batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import CrossEncoder
    from torch import Tensor


@dataclass
class Guide:
    """Similarities of a guide encoder, for GISTEmbed's masking."""

    encoder: Encoder
    dataset: Dataset
    texts: Texts
    _queries: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _documents: dict[NegativeRef, NDArray[np.float32]] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> Tensor:
        """(B, M)."""
        import numpy as np
        import torch

        new_queries = [q for q in dict.fromkeys(batch.query_ids) if q not in self._queries]
        if new_queries:
            texts = [self.texts.query(q, self.dataset) for q in new_queries]
            self._queries |= zip(new_queries, self.encoder.encode_queries(texts), strict=True)
        new_documents = [ref for ref in batch.documents if ref not in self._documents]
        if new_documents:
            texts = [self.texts.document(ref, self.dataset) for ref in new_documents]
            self._documents |= zip(new_documents, self.encoder.encode_texts(texts), strict=True)
        queries = np.stack([self._queries[q] for q in batch.query_ids])
        documents = np.stack([self._documents[ref] for ref in batch.documents])
        return torch.from_numpy(queries @ documents.T)


@dataclass
class Teacher:
    """A cross-encoder's scores, before any sigmoid, of each query with its own documents; else -inf."""

    model: CrossEncoder
    dataset: Dataset
    texts: Texts
    _scores: dict[tuple[str, NegativeRef], float] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> Tensor:
        """(B, M)."""
        import torch

        wanted = {
            (row, column): (query_id, batch.documents[column])
            for row, query_id in enumerate(batch.query_ids)
            for column in (batch.positives[row], *batch.negatives[row])
        }
        new = [pair for pair in dict.fromkeys(wanted.values()) if pair not in self._scores]
        if new:
            texts = [
                (self.texts.query(q, self.dataset), self.texts.document(ref, self.dataset)) for q, ref in new
            ]
            self._scores |= zip(new, pair_scores(self.model, texts).tolist(), strict=True)
        table = torch.full((len(batch.query_ids), len(batch.documents)), float("-inf"))
        for place, pair in wanted.items():
            table[place] = self._scores[pair]
        return table
