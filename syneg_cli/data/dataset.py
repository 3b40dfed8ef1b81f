"""A retrieval data set: a corpus, queries, judgements by split, and what counts as relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from syneg_cli.core.errors import DatasetError, did_you_mean
from syneg_cli.core.files import content_hash, file_hash
from syneg_cli.core.progress import NoProgress, Progress
from syneg_cli.core.random_streams import digest
from syneg_cli.core.records import Pair, Qrels, Query
from syneg_cli.data.beir import LAYOUT_HINT, read_documents, read_qrels, read_queries
from syneg_cli.data.corpus import Corpus, open_corpus
from syneg_cli.data.find import find_folder
from syneg_cli.data.presets import GENERIC, PRESETS


@dataclass(frozen=True)
class Dataset:
    """A corpus with queries, judgements by split, and what its makers call relevant."""

    name: str
    folder: Path
    corpus: Corpus
    queries: Mapping[str, Query]
    judgements: Mapping[str, Qrels]
    """Split -> qrels; always has "train" and "dev" where there is anything to train on."""
    relevance: str
    attributes: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)

    def qrels(self, split: str) -> Qrels:
        """The judgements of a split.

        Raises:
            DatasetError: the data set has no such split.
        """
        if split not in self.judgements:
            raise DatasetError(
                f"{self.name} has no split {split!r}.{did_you_mean(split, list(self.judgements))}",
                hint=f"It has: {', '.join(self.judgements)}.",
            )
        return self.judgements[split]

    def pairs(self, split: str) -> list[Pair]:
        """(query, positive) for every relevant judgement of a split, in file order."""
        return [
            Pair(query_id, doc_id)
            for query_id, grades in self.qrels(split).items()
            for doc_id, grade in grades.items()
            if grade > 0
        ]

    @cached_property
    def _positives(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for qrels in self.judgements.values():
            for query_id, grades in qrels.items():
                found.setdefault(query_id, set()).update(d for d, grade in grades.items() if grade > 0)
        return {query_id: frozenset(doc_ids) for query_id, doc_ids in found.items()}

    def positives(self, query_id: str) -> frozenset[str]:
        """Every document judged relevant to the query, in any split."""
        return self._positives.get(query_id, frozenset())

    def excluded(self, query_id: str) -> frozenset[str]:
        """What may never be a negative of the query: its positives and texts identical to one."""
        return frozenset(
            same for doc_id in self.positives(query_id) for same in self.corpus.identical(doc_id)
        )

    def inputs(self, split: str) -> dict[str, str]:
        """Role -> content hash of what a stage over this split reads, for manifests."""
        return {
            "corpus": self.corpus.fingerprint,
            "queries": self.hashes["queries"],
            f"{split} qrels": content_hash({q: dict(d) for q, d in self.qrels(split).items()}),
        }


def load_dataset(
    name: str | None,
    *,
    data_dir: Path | None = None,
    folder: Path | None = None,
    cache: Path,
    dev_fraction: float = 0.1,
    dev_seed: int = 0,
    relevance: str | None = None,
    attributes: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Find (or download), validate and open a data set.

    Args:
        name: a BEIR name or a folder; relative folders are tried from the current folder
            and from `folder`, the project file's.
        data_dir: where data set folders lie already; with it nothing is downloaded.
        cache: where the Arrow copy of the corpus is kept.
        dev_fraction: the share of training queries that becomes dev where there is no dev split.
        relevance, attributes: override the built-in preset; empty values do not.

    Raises:
        DatasetError: not found, or a file is wrong (the message names file and line).
        UsageError: no name was given.
    """
    progress = progress or NoProgress()
    place = find_folder(name, data_dir=data_dir, folder=folder, progress=progress)
    corpus = open_corpus(place / "corpus.jsonl", cache, read_documents, progress)
    queries = read_queries(place / "queries.jsonl")
    judgements: dict[str, Qrels] = {
        file.stem: read_qrels(file, queries, corpus) for file in sorted((place / "qrels").glob("*.tsv"))
    }
    if not judgements:
        raise DatasetError(f"{place / 'qrels'} holds no .tsv file.", hint=LAYOUT_HINT)
    judgements, notes = _with_dev(judgements, dev_fraction, dev_seed)
    preset = PRESETS.get(place.name, GENERIC)
    pools = {
        pool: tuple((attributes or {}).get(pool) or getattr(preset, pool))
        for pool in ("domain", "difficulty", "length")
    }
    return Dataset(
        name=place.name,
        folder=place,
        corpus=corpus,
        queries=queries,
        judgements=judgements,
        relevance=relevance or preset.relevance,
        attributes=pools,
        notes=notes,
        hashes={"queries": file_hash(place / "queries.jsonl")},
    )


def _with_dev(
    judgements: Mapping[str, Qrels], fraction: float, seed: int
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """Add what is missing of train and dev, by whole queries; test is never touched."""
    splits = dict(judgements)
    if "train" in splits and "dev" in splits:
        return splits, ()
    source = "train" if "train" in splits else "dev" if "dev" in splits else None
    if source is None or fraction == 0:
        return splits, ()
    train, dev = split_queries(splits[source], fraction, seed)
    if not dev or not train:
        return splits, ()
    note = (
        f"no {'dev' if source == 'train' else 'train'} split: {len(dev)} of {len(train) + len(dev)} "
        f"{source} queries serve as dev, {len(train)} as train"
    )
    return splits | {"train": train, "dev": dev}, (note,)


def split_queries(qrels: Qrels, fraction: float, seed: int) -> tuple[Qrels, Qrels]:
    """(rest, carved): the carved queries are those with the smallest seeded hash of their id.

    The choice depends on the ids and the seed only, not on the order of the file.
    """
    ranked = sorted(qrels, key=lambda query_id: digest(f"{seed}:{query_id}"))
    carved = set(ranked[: round(len(ranked) * fraction)])
    return (
        {q: grades for q, grades in qrels.items() if q not in carved},
        {q: grades for q, grades in qrels.items() if q in carved},
    )
