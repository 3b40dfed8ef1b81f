"""Training instances -> what the loss sees: tokenised queries, distinct documents, a mask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from syneg_cli.core import CORPUS, SYNTHETIC, NegativeRef, TrainingInstance
from syneg_cli.data import Dataset
from syneg_cli.encoding import Task
from syneg_cli.mixing import Families, Texts
from syneg_cli.training.losses import guided_mask

if TYPE_CHECKING:
    from torch import Tensor


Tokenise = Callable[[list[Any], Task], Mapping[str, "Tensor"]]
"""(texts, what they are) -> the model's input tensors, with its prompt; of a cross-encoder (pairs, ...)."""


@dataclass(frozen=True)
class Batch:
    """One batch by reference. A document that several instances share is there, and encoded, once.

    `positives[i]` is the column of query i's positive, `negatives[i]` are those of its own
    negatives; `masked[i][j]` says that document j takes no part for query i.
    """

    query_ids: tuple[str, ...]
    documents: tuple[NegativeRef, ...]
    positives: tuple[int, ...]
    masked: tuple[tuple[bool, ...], ...]
    negatives: tuple[tuple[int, ...], ...]


Judge = Callable[[Batch], "Tensor"]
"""A batch -> (B, M) scores of another model."""


class Refresh(Protocol):
    """Negatives that change while training goes on (ANCE)."""

    def version(self, epoch: int, batch: int) -> int:
        """Which refresh a batch, counted over all epochs, trains on."""
        ...

    def __call__(self, families: Families, epoch: int, version: int) -> Families:
        """The families with that refresh's negatives."""
        ...


def phases(families: Families, dataset: Dataset, order: str) -> tuple[tuple[int, ...], ...]:
    """The positions of the families that are trained on together: one phase, or two.

    Args:
        order: "beside": all of them; "before": those of LLM-written queries, then the others.
    """
    written = tuple(i for i, family in enumerate(families) if family[0].query_id in dataset.synthetic)
    if order == "beside" or len(written) in (0, len(families)):
        return (tuple(range(len(families))),)
    first = frozenset(written)
    return written, tuple(i for i in range(len(families)) if i not in first)


def positives_of(instances: Iterable[TrainingInstance]) -> dict[str, frozenset[str]]:
    """Query -> the positives that it is trained with, judged or not."""
    found: dict[str, set[str]] = {}
    for instance in instances:
        found.setdefault(instance.query_id, set()).add(instance.positive_id)
    return {query_id: frozenset(ids) for query_id, ids in found.items()}


def build_batch(
    instances: Sequence[TrainingInstance],
    epoch: int,
    excluded: Callable[[str], frozenset[str]],
    *,
    in_batch: bool,
) -> Batch:
    """Put instances into a batch, with the negatives of this epoch's round.

    Masked for a query: every other document judged relevant to it and every text identical
    to one (`excluded`); without in-batch negatives also whatever is neither its own nor a
    positive of its family.
    """
    columns: dict[NegativeRef, int] = {}
    owned: list[set[int]] = []
    related: dict[str, set[int]] = {}
    for instance in instances:
        refs = (instance.positive, *_round(instance, epoch))
        own = [columns.setdefault(_identity(ref), len(columns)) for ref in refs]
        owned.append(set(own))
        related.setdefault(instance.family, set()).add(own[0])
    positives = tuple(columns[_identity(instance.positive)] for instance in instances)
    masked = []
    for instance, own_columns, positive in zip(instances, owned, positives, strict=True):
        forbidden = excluded(instance.query_id)
        out = {column for ref, column in columns.items() if ref.source != SYNTHETIC and ref.id in forbidden}
        if not in_batch:
            family = related[instance.family] if instance.family else set()
            out |= set(range(len(columns))) - own_columns - family
        masked.append(tuple(column in out and column != positive for column in range(len(columns))))
    negatives = tuple(tuple(sorted(own - {p})) for own, p in zip(owned, positives, strict=True))
    return Batch(tuple(i.query_id for i in instances), tuple(columns), positives, tuple(masked), negatives)


def weighed(weights: Sequence[float]) -> dict[str, Tensor]:
    """The label of what each query counts; none where all count the same as ever."""
    import torch

    return {"weights": torch.tensor(weights)} if any(weight != 1 for weight in weights) else {}


def _round(instance: TrainingInstance, epoch: int) -> tuple[NegativeRef, ...]:
    return instance.rounds[epoch % len(instance.rounds)] if instance.rounds else ()


def _identity(ref: NegativeRef) -> NegativeRef:
    """The same document under one name, whichever miner found it or whoever's positive it is."""
    return NegativeRef(CORPUS, ref.id) if ref.in_corpus else ref


@dataclass
class Collator:
    """What sentence-transformers' trainer calls with the rows of a batch.

    Rows are `{"family": position}`, so that a batch of b rows holds b families; `{"pass": number}` is
    which pass over the family it is, where that is not the epoch. `epoch` and
    `batch` (its first, counted over all epochs) are set by the trainer's callback, so that the
    negatives change from epoch to epoch.
    """

    families: Families
    dataset: Dataset
    texts: Texts
    """What the data set does not have."""
    tokenise: Tokenise
    in_batch: bool = True
    guide: Judge | None = None
    """Similarities of a guide model: what it finds too relevant is masked (GISTEmbed)."""
    guide_margin: float = 0.0
    teacher: Judge | None = None
    """Scores to learn from, of each query's own documents, -inf elsewhere."""
    share: bool = False
    """Name the documents, so that other processes can use them as negatives (cross_process.py)."""
    refresh: Refresh | None = None
    epoch: int = 0
    batch: int = 0
    valid_label_columns: list[str] = field(default_factory=list)
    _refreshed: tuple[tuple[int, int] | None, Families] = (None, ())

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        families = self._current()
        chosen = [families[row["family"]] for row in rows]
        batch = build_batch(
            [*chain.from_iterable(chosen)],
            rows[0].get("pass", self.epoch),
            self.excluded,
            in_batch=self.in_batch,
        )
        weights = [self.dataset.weight(family[0].query_id) for family in chosen for _ in family]
        return {"label": self._labels(batch) | weighed(weights), **self._features(batch)}

    def _features(self, batch: Batch) -> dict[str, Any]:
        """The input tensors of queries and documents."""
        queries = [self.texts.query(query_id, self.dataset) for query_id in batch.query_ids]
        tensors: dict[str, Any] = {}
        documents = [self.texts.document(ref, self.dataset) for ref in batch.documents]
        sides: tuple[tuple[Task, list[str]], ...] = (("query", queries), ("document", documents))
        for task, texts in sides:
            for key, value in self.tokenise(texts, task).items():
                tensors[f"{task}_{key}"] = value
        return tensors

    def _current(self) -> Families:
        """The families as this batch trains on them."""
        if self.refresh is None:
            return self.families
        wanted = self.epoch, self.refresh.version(self.epoch, self.batch)
        self.batch += 1
        if self._refreshed[0] != wanted:
            self._refreshed = wanted, self.refresh(self.families, *wanted)
        return self._refreshed[1]

    def _labels(self, batch: Batch) -> dict[str, Any]:
        import torch

        positives, mask = torch.tensor(batch.positives), torch.tensor(batch.masked)
        if self.guide is not None:
            mask |= guided_mask(self.guide(batch), positives, margin=self.guide_margin)
        own = torch.zeros_like(mask)
        for row, columns in enumerate(batch.negatives):
            own[row, list(columns)] = True
        own &= ~mask  # what is masked is no negative after all, and none for `balance` or the recording
        written = torch.tensor([not ref.in_corpus for ref in batch.documents])
        labels: dict[str, Any] = {
            "positives": positives,
            "mask": mask,
            "synthetic": own & written,
            "mined": own & ~written,
        }
        if self.teacher is not None:
            labels["teacher"] = self.teacher(batch)
        if self.share:
            labels["refs"] = batch.documents
            labels["forbidden"] = tuple(self.excluded(query_id) for query_id in batch.query_ids)
        return labels

    def excluded(self, query_id: str) -> frozenset[str]:
        """What may not be a negative of a query: for the judged positives and for those of the instances."""
        return self.dataset.excluded(query_id, self._positives.get(query_id, ()))

    @cached_property
    def _positives(self) -> dict[str, frozenset[str]]:
        return positives_of(chain.from_iterable(self.families))
