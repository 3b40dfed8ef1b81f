"""Training a cross-encoder (a reranker) on the same instances: pairs for vectors, groups for batches.

A query's group is its positive and its round's negatives, without those that are relevant after
all: what InfoNCE compares it with where `in_batch` is off. In-batch negatives would cost a pass
through the model each, as nothing that was computed for one query serves another.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from syneg_cli.training.batches import Batch, Collator, Tokenise
from syneg_cli.training.losses import listwise, pairwise_bce
from syneg_cli.training.objective import in_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentence_transformers import CrossEncoder

    from syneg_cli.training.gradcache import Features
    from syneg_cli.training.objective import Labels

LOSSES = {"listwise": listwise, "bce": pairwise_bce}
"""Setting -> (scores (B, M) with -inf where there is no pair, positives (B,), weights (B,)) -> a scalar."""


def pair_tokeniser(model: CrossEncoder) -> Tokenise:
    """(query, document) pairs -> the model's input tensors; the longer of the two is cut first."""

    def tokenise(pairs: list[Any], task: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = model.preprocess(pairs)
        return found

    return tokenise


@dataclass
class PairCollator(Collator):
    """As `Collator`, with a pair for each document that takes part for a query, row by row of the mask."""

    in_batch: bool = False

    def _features(self, batch: Batch) -> dict[str, Any]:
        queries = [self.texts.query(query_id, self.dataset) for query_id in batch.query_ids]
        documents = [self.texts.document(ref, self.dataset) for ref in batch.documents]
        pairs = [
            (query, document)
            for query, masked in zip(queries, batch.masked, strict=True)
            for document, out in zip(documents, masked, strict=True)
            if not out
        ]
        return {f"pair_{key}": value for key, value in self.tokenise(pairs, "document").items()}


class PairObjective(nn.Module):
    """What the trainer calls: (features of pairs, labels) -> loss.

    Args:
        loss: a name in `LOSSES`.
        watch: told the scores (B, M), without a graph, -inf where there is no pair.
    """

    def __init__(
        self,
        model: CrossEncoder,
        loss: str,
        *,
        autocast: Callable[[], AbstractContextManager[Any]],
        watch: Callable[[Tensor, Labels], None] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.limit = model.max_seq_length  # read now: with several processes the model is wrapped later
        self.loss = LOSSES[loss]
        self.autocast = autocast
        self.watch = watch

    def forward(self, features: Sequence[Features], labels: Labels) -> Tensor:
        with self.autocast():  # around all pieces, so that each weight is cast once
            scores = in_pieces(self.score, features[0], self.limit)
        present = ~labels["mask"]
        table = scores.new_full(present.shape, float("-inf")).masked_scatter(present, scores)
        if self.watch is not None:
            self.watch(table.detach(), labels)
        return self.loss(table, labels["positives"], labels.get("weights"))

    def score(self, features: Features) -> Tensor:
        """(n,) float32 scores of n pairs: logits."""
        with self.autocast():
            scores: Tensor = self.model(dict(features))["scores"]
        return scores.float().view(-1)
