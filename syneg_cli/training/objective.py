"""The training loss of a batch: InfoNCE and what is added to it, plainly or through GradCache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from syneg_cli.training.gradcache import Encode, Features, cached_loss, split
from syneg_cli.training.losses import info_nce, listwise_distillation, similarity, source_balance

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Labels = Mapping[str, Any]
"""positives (B,), mask (B, M), synthetic (B, M), mined (B, M), teacher (B, M) with distillation, and
weights (B,) where not every query counts the same."""

ROWS = 32
"""Texts of a piece on a CPU: of like length, so that little is padding, and fewer at a time in memory."""
WIDTH = 32
"""Pieces are as wide as a multiple of this many tokens: a CPU pays once for every new shape."""


@dataclass(frozen=True)
class Terms:
    """How the loss is put together. A weight of 0 leaves a term out.

    `matryoshka`: dimensions at which InfoNCE is taken besides the full one, each with weight 1
    (arXiv 2205.13147); `balance`: weight of CausalNeg's regulariser; `distil`: weight of
    listwise distillation from a teacher; `chunk`: texts per GradCache chunk.
    """

    temperature: float
    balance: float = 0.0
    balance_temperature: float = 0.1
    distil: float = 0.0
    distil_temperature: float = 1.0
    matryoshka: tuple[int, ...] = ()
    chunk: int | None = None


class Objective(nn.Module):
    """What the trainer calls: (features of queries and documents, labels) -> loss."""

    def __init__(
        self,
        model: SentenceTransformer,
        terms: Terms,
        *,
        autocast: Callable[[], AbstractContextManager[Any]],
        watch: Callable[[Tensor, Labels], None] | None = None,
        gather: Callable[[Tensor, Labels], tuple[Tensor, Labels]] | None = None,
        upper: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`upper`: around each call of the model, where its first layers are not computed."""
        super().__init__()
        self.model = model
        self.limit = model.max_seq_length  # read now: with several processes the model is wrapped later
        self.terms = terms
        self.autocast = autocast
        self.watch = watch
        self.gather = gather
        self.upper = upper

    def forward(self, features: Sequence[Features], labels: Labels) -> Tensor:
        if self.terms.chunk:
            return cached_loss(
                self.encode,
                features,
                lambda vectors: self.value(vectors[0], vectors[1], labels),
                chunk=self.terms.chunk,
            )
        with self.autocast():  # around all pieces, so that each weight is cast once
            queries, documents = (self.encode_pieces(part) for part in features)
        return self.value(queries, documents, labels)

    def encode(self, features: Features) -> Tensor:
        """(n, d) float32 vectors of n texts."""
        with self.autocast(), self.upper():
            encoded: Tensor = self.model(dict(features))["sentence_embedding"]
        return encoded.float()

    def encode_pieces(self, features: Features) -> Tensor:
        """The same vectors, as `in_pieces` does it."""
        return in_pieces(self.encode, features, self.limit)

    def value(self, queries: Tensor, documents: Tensor, labels: Labels) -> Tensor:
        """All terms together; a scalar."""
        terms = self.terms
        total = queries.new_zeros(())
        if terms.balance:
            total = total + terms.balance * source_balance(
                queries,
                documents,
                labels["synthetic"],
                labels["mined"],
                temperature=terms.balance_temperature,
                weights=labels.get("weights"),
            )
        if terms.distil:
            total = total + terms.distil * self._distillation(queries, documents, labels)
        if self.watch is not None:
            self.watch(similarity(queries.detach(), documents.detach()), labels)
        if self.gather is not None:
            documents, labels = self.gather(documents, labels)
        for size in (None, *terms.matryoshka):
            total = total + info_nce(
                shortened(queries, size),
                shortened(documents, size),
                labels["positives"],
                temperature=terms.temperature,
                mask=labels["mask"],
                weights=labels.get("weights"),
            )
        return total

    def _distillation(self, queries: Tensor, documents: Tensor, labels: Labels) -> Tensor:
        teacher = labels["teacher"]
        scores = similarity(queries, documents).masked_fill(torch.isinf(teacher), float("-inf"))
        return listwise_distillation(
            scores,
            teacher,
            temperature=self.terms.temperature,
            teacher_temperature=self.terms.distil_temperature,
            weights=labels.get("weights"),
        )


def in_pieces(compute: Encode, features: Features, limit: int | None) -> Tensor:
    """What `compute` gives for all texts; on a CPU those of like length come together, a few at a time.

    Args:
        limit: the model's longest text, in tokens.
    """
    lengths = features["attention_mask"].sum(dim=1)
    if len(lengths) <= ROWS or lengths.device.type != "cpu":
        return compute(features)
    order = lengths.argsort(descending=True, stable=True)
    rows = {key: value[order] for key, value in features.items() if isinstance(value, Tensor)}
    computed = [compute(widened(piece, WIDTH, limit)) for piece in split(rows, ROWS)]
    return torch.cat(computed)[order.argsort()]


def shortened(vectors: Tensor, size: int | None) -> Tensor:
    """The first `size` dimensions at length 1; all of them as they are for None."""
    return vectors if size is None else nn.functional.normalize(vectors[:, :size], dim=1)


def widened(features: Features, multiple: int, limit: int | None) -> dict[str, Tensor]:
    """Padded on the right until the width is a multiple of `multiple`, or the model's limit."""
    width = features["input_ids"].shape[1]
    missing = -width % multiple
    if limit is not None:
        missing = max(0, min(missing, limit - width))
    return {
        key: nn.functional.pad(value, (0, missing)) if value.dim() == 2 else value
        for key, value in features.items()
    }
