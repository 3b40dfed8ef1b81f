"""ANCE (arXiv 2007.00808): negatives that are hard for the model as it is now.

Before every epoch but the first, or every so many batches, the corpus is encoded with the
current weights and searched; each instance's mined negatives are replaced by a random draw
from the first `depth` documents of its query. The paper refreshes beside training, with
weights that are some steps old; here training waits, so that they never are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core import (
    NegativeRef,
    NoProgress,
    Progress,
    SynegError,
    TrainingInstance,
    joined,
    stream,
    write_text,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder
from syneg_cli.evaluation import nearest
from syneg_cli.mixing import Families
from syneg_cli.training.batches import positives_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


SOURCE = "ance"


@dataclass(frozen=True)
class Ance:
    """Re-mines with the current weights.

    `every`: batches between two refreshes; None for once an epoch. `scratch` keeps what each
    refresh mined, so that a resumed run trains on the same negatives. `kept`: where what frozen
    layers give may be.
    """

    model: SentenceTransformer
    dataset: Dataset
    depth: int = 200
    every: int | None = None
    seed: int = 0
    precision: str = "auto"
    scratch: Path | None = None
    kept: Path | None = None
    progress: Progress | None = None

    def version(self, epoch: int, batch: int) -> int:
        """The number of the refresh that a batch (from 0, over all epochs) trains on."""
        return epoch if self.every is None else batch // self.every

    def __call__(self, families: Families, epoch: int, version: int) -> Families:
        """The families with this epoch's mined negatives replaced; version 0 keeps its own."""
        if version == 0:
            return families
        queries = sorted(
            {i.query_id for family in families for i in family if i.query_id in self.dataset.queries}
        )
        pools = self._pools(queries, version, positives_of(chain.from_iterable(families)))
        return [
            tuple(self._refreshed(i, pools.get(i.query_id), epoch, version) for i in family)
            for family in families
        ]

    def _refreshed(
        self, instance: TrainingInstance, pool: list[str] | None, epoch: int, version: int
    ) -> TrainingInstance:
        if not pool or not instance.rounds:
            return instance
        number = epoch % len(instance.rounds)
        kept = tuple(ref for ref in instance.rounds[number] if not ref.in_corpus)
        wanted = min(len(instance.rounds[number]) - len(kept), len(pool))
        rng = stream(joined(self.seed, instance.query_id, instance.positive_id, version))
        drawn = tuple(NegativeRef(SOURCE, doc_id) for doc_id in rng.sample(pool, wanted))
        rounds = (*instance.rounds[:number], kept + drawn, *instance.rounds[number + 1 :])
        return replace(instance, rounds=rounds)

    def _pools(
        self, queries: list[str], version: int, positives: Mapping[str, frozenset[str]]
    ) -> dict[str, list[str]]:
        """Query -> its first `depth` documents that may be negatives."""
        file = self.scratch / f"ance-{version}.json" if self.scratch else None
        if file and file.is_file():
            return _kept(file)
        pools = self._mine(queries, positives)
        if file:
            write_text(file, json.dumps(pools))
        return pools

    def _mine(self, queries: list[str], positives: Mapping[str, frozenset[str]]) -> dict[str, list[str]]:
        progress = self.progress or NoProgress()
        encoder = Encoder(self.model, precision=self.precision, kept=self.kept)
        documents = encoder.encode_corpus(self.dataset.corpus, progress)
        vectors = encoder.encode_queries([self.dataset.queries[q].text for q in queries], progress)
        excluded = [self.dataset.excluded(q, positives.get(q, ())) for q in queries]
        found = nearest(vectors, documents, self.dataset.corpus.ids, self.depth, excluded)
        return {query_id: list(pool) for query_id, pool in zip(queries, found, strict=True)}


def _kept(file: Path) -> dict[str, list[str]]:
    """What a refresh mined before the run was interrupted: with later weights it would be something else."""
    try:
        kept: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
        return {str(query_id): [*map(str, pool)] for query_id, pool in kept.items()}
    except (ValueError, AttributeError, TypeError):
        raise SynegError(
            f"{file} is damaged, so training cannot go on.", hint="--force begins anew."
        ) from None
