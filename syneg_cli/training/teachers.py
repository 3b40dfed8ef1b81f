"""Others' opinions of a batch: a guide encoder's similarities; scores of a cross-encoder, or of words.

All remember what they computed: the same texts come back every epoch. On a CPU nothing that they say depends
on what else is in the batch, as rounding would have it: a run that is gone on with has other company.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from syneg_cli.core import NegativeRef
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder, pair_scores
from syneg_cli.mining import Bm25Miner
from syneg_cli.mixing import Texts
from syneg_cli.training.batches import Batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sentence_transformers import CrossEncoder
    from torch import Tensor

Key = TypeVar("Key")
Group = tuple[str, tuple[NegativeRef, ...]]
"""A query with its own documents."""
Scorer = Callable[[Sequence[Group]], Iterable[Sequence[float]]]
"""Groups -> logits of the documents of each."""


@dataclass
class Vectors:
    """What an encoder makes of queries and documents, each once."""

    encoder: Encoder
    dataset: Dataset
    texts: Texts
    _queries: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _documents: dict[NegativeRef, NDArray[np.float32]] = field(default_factory=dict)

    def queries(self, ids: Sequence[str]) -> list[NDArray[np.float32]]:
        return self._each(ids, self._queries, self.texts.query, self.encoder.encode_queries)

    def documents(self, refs: Sequence[NegativeRef]) -> list[NDArray[np.float32]]:
        return self._each(refs, self._documents, self.texts.document, self.encoder.encode_texts)

    def _each(
        self,
        wanted: Sequence[Key],
        known: dict[Key, NDArray[np.float32]],
        text_of: Callable[[Key, Dataset], str],
        encode: Callable[[list[str]], NDArray[np.float32]],
    ) -> list[NDArray[np.float32]]:
        if new := [one for one in dict.fromkeys(wanted) if one not in known]:
            texts = [text_of(one, self.dataset) for one in new]
            alone = self.encoder.model.device.type == "cpu"
            known |= zip(new, (encode([text])[0] for text in texts) if alone else encode(texts), strict=True)
        return [known[one] for one in wanted]


@dataclass
class Guide:
    """Similarities of a guide encoder, for GISTEmbed's masking."""

    vectors: Vectors

    def __call__(self, batch: Batch) -> Tensor:
        """(B, M)."""
        import numpy as np
        import torch

        queries = np.stack(self.vectors.queries(batch.query_ids))
        return torch.from_numpy(queries @ np.stack(self.vectors.documents(batch.documents)).T)


@dataclass
class Teacher:
    """The sum of some scorers' logits of each query with its own documents; else -inf."""

    scorers: Sequence[Scorer]
    _scores: dict[Group, tuple[float, ...]] = field(default_factory=dict)

    def __call__(self, batch: Batch) -> Tensor:
        """(B, M)."""
        import torch

        columns = [
            tuple(dict.fromkeys((positive, *negatives)))
            for positive, negatives in zip(batch.positives, batch.negatives, strict=True)
        ]
        groups: list[Group] = [
            (query_id, tuple(batch.documents[column] for column in own))
            for query_id, own in zip(batch.query_ids, columns, strict=True)
        ]
        self._learn([group for group in dict.fromkeys(groups) if group not in self._scores])
        table = torch.full((len(batch.query_ids), len(batch.documents)), float("-inf"))
        for row, (group, own) in enumerate(zip(groups, columns, strict=True)):
            table[row, list(own)] = torch.tensor(self._scores[group])
        return table

    def _learn(self, groups: list[Group]) -> None:
        said = [scorer(groups) for scorer in self.scorers]
        for group, *each in zip(groups, *said, strict=True):
            self._scores[group] = tuple(map(sum, zip(*each, strict=True)))


@dataclass(frozen=True)
class Reading:
    """A cross-encoder's scores, before any sigmoid."""

    model: CrossEncoder
    dataset: Dataset
    texts: Texts

    def __call__(self, groups: Sequence[Group]) -> list[list[float]]:
        together = [groups] if self.model.device.type != "cpu" else [[group] for group in groups]
        scores = iter([*chain.from_iterable(map(self._scores, together))])
        return [[next(scores) for _ in refs] for _, refs in groups]

    def _scores(self, groups: Sequence[Group]) -> list[float]:
        read = [
            (self.texts.query(query_id, self.dataset), self.texts.document(ref, self.dataset))
            for query_id, refs in groups
            for ref in refs
        ]
        scores: list[float] = pair_scores(self.model, read).tolist() if read else []
        return scores


@dataclass
class Nearness:
    """The untrained backbone's similarities / temperature: the logits that training begins with."""

    vectors: Vectors
    temperature: float

    def __call__(self, groups: Sequence[Group]) -> list[list[float]]:
        found = []
        for query_id, refs in groups:
            (query,) = self.vectors.queries([query_id])
            found.append([float(query @ own) / self.temperature for own in self.vectors.documents(refs)])
        return found


@dataclass
class Words:
    """`weight` times BM25's score, of which the corpus' best document for the query has 1.

    Retrievers that were taught with BM25's scores beside their own find what they missed by words
    (SPAR, arXiv 2110.06918; LED, arXiv 2208.13661); a sum of both is a better ranking than either
    (Bruch et al., arXiv 2210.11934).
    """

    words: Bm25Miner
    dataset: Dataset
    texts: Texts
    weight: float
    _best: dict[str, float] = field(default_factory=dict)

    def __call__(self, groups: Sequence[Group]) -> list[list[float]]:
        return [self._scores(query_id, refs) for query_id, refs in groups]

    def _scores(self, query_id: str, refs: Sequence[NegativeRef]) -> list[float]:
        query = self.texts.query(query_id, self.dataset)
        if query_id not in self._best:  # it is looked for in the whole corpus
            self._best[query_id] = self.words.best(query)
        best = self._best[query_id]
        if not best:
            return [0.0] * len(refs)
        own = (self.words.score(query, self.texts.document(ref, self.dataset)) for ref in refs)
        return [self.weight * min(score / best, 1.0) for score in own]
