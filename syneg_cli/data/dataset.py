"""A retrieval data set: a corpus, queries, judgements by split, and what counts as relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from syneg_cli.core import (
    DatasetError,
    NoProgress,
    Pair,
    Progress,
    Qrels,
    Query,
    content_hash,
    did_you_mean,
    file_hash,
)
from syneg_cli.data.beir_files import (
    CORPUS_FILE,
    LAYOUT_HINT,
    QRELS_FOLDER,
    QUERIES_FILE,
    read_documents,
    read_qrels,
    read_queries,
)
from syneg_cli.data.corpus import Corpus, open_corpus
from syneg_cli.data.find_dataset import find_folder
from syneg_cli.data.languages import SAMPLE, check_language, guess_language
from syneg_cli.data.presets import preset_for
from syneg_cli.data.splits import with_dev


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
    given_language: str = ""
    """The language that the settings name."""

    @cached_property
    def language(self) -> str:
        """What the documents are written in: as the settings say, else guessed from a sample."""
        if self.given_language:
            return self.given_language
        count = len(self.corpus)
        return guess_language(self.corpus.texts(range(0, count, max(1, count // SAMPLE))))

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
        """What may never be a negative of the query: its positives, texts identical to one, empty texts."""
        return self.corpus.empty.union(*map(self.corpus.identical, self.positives(query_id)))

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
    language: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Find (or download), validate and open a data set.

    Args:
        name: a folder, a BEIR name, or `irds:` and a name of ir_datasets; relative folders are
            tried from the current folder and from `folder`, the project file's.
        data_dir: where data set folders are already; with it nothing is downloaded.
        cache: where the Arrow copy of the corpus is kept.
        dev_fraction: the share of training queries that becomes dev where there is no dev split.
        relevance, attributes: override the built-in preset; empty values do not.
        language: of the documents, a name or an ISO code; guessed where it is not given.

    Raises:
        DatasetError: not found, or a file is wrong (the message names file and line).
        UsageError: no name was given, or a language that is not known.
    """
    given_language = check_language(language) if language else ""
    progress = progress or NoProgress()
    place = find_folder(name, data_dir=data_dir, folder=folder, progress=progress)
    corpus = open_corpus(place / CORPUS_FILE, cache, read_documents, progress)
    queries = read_queries(place / QUERIES_FILE)
    judgements: dict[str, Qrels] = {
        file.stem: read_qrels(file, queries, corpus) for file in sorted((place / QRELS_FOLDER).glob("*.tsv"))
    }
    if not judgements:
        raise DatasetError(f"{place / QRELS_FOLDER} holds no .tsv file.", hint=LAYOUT_HINT)
    judgements, notes = with_dev(judgements, dev_fraction, dev_seed)
    preset = preset_for(place.name)
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
        hashes={"queries": file_hash(place / QUERIES_FILE)},
        given_language=given_language,
    )
