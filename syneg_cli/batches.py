"""Training instances -> what the loss sees: tokenised queries, distinct documents, a mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from syneg_cli.records import SYNTHETIC, NegativeRef, TrainingInstance

if TYPE_CHECKING:
    from torch import Tensor

    from syneg_cli.dataset import Dataset

Tokenise = Callable[[list[str], "str | None"], Mapping[str, "Tensor"]]
"""(texts, prompt) -> the model's input tensors."""


@dataclass(frozen=True)
class Batch:
    """One batch by reference. A document that several instances share is there, and encoded, once.

    `positives[i]` is the column of query i's positive; `masked[i][j]` says that document j
    takes no part for query i.
    """

    query_ids: tuple[str, ...]
    documents: tuple[NegativeRef, ...]
    positives: tuple[int, ...]
    masked: tuple[tuple[bool, ...], ...]


def build_batch(
    instances: Sequence[TrainingInstance],
    epoch: int,
    excluded: Callable[[str], frozenset[str]],
    *,
    in_batch: bool,
) -> Batch:
    """Put instances into a batch, with the negatives of this epoch's round.

    Masked for a query: every other document judged relevant to it and every text identical
    to one (`excluded`); without in-batch negatives also whatever is not its own.
    """
    columns: dict[NegativeRef, int] = {}
    owned: list[set[int]] = []
    for instance in instances:
        refs = [NegativeRef("positive", instance.positive_id), *_round(instance, epoch)]
        owned.append({columns.setdefault(_identity(ref), len(columns)) for ref in refs})
    documents = tuple(columns)
    positives = tuple(columns[_identity(NegativeRef("positive", i.positive_id))] for i in instances)
    masked = []
    for instance, own, positive in zip(instances, owned, positives, strict=True):
        forbidden = excluded(instance.query_id)
        masked.append(
            tuple(
                column != positive
                and ((ref.source != SYNTHETIC and ref.id in forbidden) or not (in_batch or column in own))
                for column, ref in enumerate(documents)
            )
        )
    return Batch(tuple(i.query_id for i in instances), documents, positives, tuple(masked))


def _round(instance: TrainingInstance, epoch: int) -> tuple[NegativeRef, ...]:
    return instance.rounds[epoch % len(instance.rounds)] if instance.rounds else ()


def _identity(ref: NegativeRef) -> NegativeRef:
    """The same document under one name, whichever miner found it or whoever's positive it is."""
    return ref if ref.source == SYNTHETIC else NegativeRef("corpus", ref.id)


@dataclass
class Collator:
    """What sentence-transformers' trainer calls with the rows of a batch.

    Rows are `{"instance": position}`. `epoch` is set by the trainer's callback, so that the
    negatives change from epoch to epoch.
    """

    instances: Sequence[TrainingInstance]
    dataset: Dataset
    synthetic: Mapping[str, str]
    """SyntheticNegative.id -> text."""
    tokenise: Tokenise
    query_prompt: str | None
    document_prompt: str | None
    in_batch: bool = True
    epoch: int = 0
    valid_label_columns: list[str] = field(default_factory=list)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        batch = build_batch(
            [self.instances[row["instance"]] for row in rows],
            self.epoch,
            self.dataset.excluded,
            in_batch=self.in_batch,
        )
        queries = [self.dataset.queries[query_id].text for query_id in batch.query_ids]
        tensors: dict[str, Any] = {
            "label": {"positives": torch.tensor(batch.positives), "mask": torch.tensor(batch.masked)}
        }
        for column, texts, prompt in (
            ("query", queries, self.query_prompt),
            ("document", [self._text(ref) for ref in batch.documents], self.document_prompt),
        ):
            for key, value in self.tokenise(texts, prompt).items():
                tensors[f"{column}_{key}"] = value
        return tensors

    def _text(self, ref: NegativeRef) -> str:
        return self.synthetic[ref.id] if ref.source == SYNTHETIC else self.dataset.corpus[ref.id].full_text
