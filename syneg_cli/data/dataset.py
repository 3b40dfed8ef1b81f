"""A retrieval data set: a corpus, queries, judgements by split, and what counts as relevant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from syneg_cli.core import (
    DatasetError,
    Known,
    Pair,
    Qrels,
    Query,
    content_hash,
    did_you_mean,
)
from syneg_cli.data.corpus import Corpus
from syneg_cli.data.languages import SAMPLE, guess_language
from syneg_cli.data.presets import queries_are_documents
from syneg_cli.data.units import normalised


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
    identical_ids: str = "auto"
    """What becomes of a document that has the query's id: auto, keep or drop."""
    same_document: str = "beside"
    """Which passages of a positive's own document are never negatives: beside, all or none."""
    given_language: str = ""
    """The language that the settings name."""
    carved: frozenset[str] = frozenset()
    """The splits that no file has as they are: `dev_fraction` or `test_fraction` made them."""
    synthetic: frozenset[str] = frozenset()
    """The ids of the queries that an LLM wrote."""
    synthetic_weight: float = 1.0
    """What each of them counts in the training loss; a real one counts 1."""
    whole_train: Qrels | None = None
    """Train as it was before `kept_apart` took documents of other splits out of it; None where it did not."""
    set_aside: Qrels = field(default_factory=dict)
    """What `train_queries` leaves out of train: as if nobody had judged these queries."""
    kept_out: frozenset[str] = frozenset()
    """The documents that no training pair may have: those positives, and what has their text."""

    def __repr__(self) -> str:
        splits = ", ".join(f"{name} {len(qrels)}" for name, qrels in self.judgements.items())
        return f"<Dataset {self.name}: {len(self.corpus)} documents, {len(self.queries)} queries ({splits})>"

    @property
    def known(self) -> Known:
        """The ids that results may name."""
        return Known(self.name, self.queries, self.corpus)

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
        if not self.judgements:
            raise DatasetError(
                f"{self.name} has no judged query.",
                hint=f"`syneg queries {self.name}` lets an LLM write queries to train with.",
            )
        if split not in self.judgements:
            raise DatasetError(
                f"{self.name} has no split {split!r}.{did_you_mean(split, list(self.judgements))}",
                hint=f"It has: {', '.join(self.judgements)}.{self._how_to_make(split)}",
            )
        return self.judgements[split]

    def _how_to_make(self, split: str) -> str:
        """What makes train of test, or test of train."""
        made = {"train": "test", "test": "train"}.get(split)
        if made not in self.judgements:
            return ""
        return f" `test_fraction = 0.5` in [dataset] splits the {made} queries in two."

    def pairs(self, split: str) -> list[Pair]:
        """(query, positive) for every relevant judgement of a document that is there, in file order."""
        return [
            Pair(query_id, doc_id)
            for query_id, grades in self.qrels(split).items()
            for doc_id, grade in grades.items()
            if grade > 0 and doc_id in self.corpus
        ]

    def right(self, grades: Mapping[str, int]) -> frozenset[str]:
        """The documents of the corpus that are relevant, of a query's judgements."""
        return frozenset(doc_id for doc_id, grade in grades.items() if grade > 0 and doc_id in self.corpus)

    def positives_in(self, split: str) -> frozenset[str]:
        """Every document of the corpus that a split judges relevant to any query."""
        return frozenset[str]().union(*map(self.right, self.qrels(split).values()))

    def copies(self, doc_ids: Iterable[str]) -> frozenset[str]:
        """The documents, and all others that have the text of one."""
        return frozenset[str]().union(*map(self.corpus.identical, doc_ids))

    @property
    def _judged(self) -> list[Qrels]:
        """All that is judged, also what is kept out of training."""
        whole = {} if self.whole_train is None else {"train": self.whole_train}
        return [*{**self.judgements, **whole}.values()]

    @cached_property
    def _positives(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for qrels in self._judged:
            for query_id, grades in qrels.items():
                found.setdefault(query_id, set()).update(self.right(grades))
        return {query_id: frozenset(doc_ids) for query_id, doc_ids in found.items()}

    def positives(self, query_id: str) -> frozenset[str]:
        """Every document of the corpus that is judged relevant to the query, in any split."""
        return self._positives.get(query_id, frozenset())

    def itself(self, query_id: str) -> frozenset[str]:
        """The document that is the query itself, if there is one: what no system should be measured by.

        It has the query's id and, with `auto`, its text, unless the data set is known for queries
        that are documents (ArguAna, Quora). A judged document is never meant.
        """
        if self.identical_ids == "keep" or query_id not in self.corpus:
            return frozenset()
        if any(query_id in qrels.get(query_id, ()) for qrels in self._judged):
            return frozenset()
        if self.identical_ids == "auto" and not queries_are_documents(self.name):
            document, text = self.corpus[query_id], normalised(self.queries[query_id].text)
            if text not in (normalised(document.text), normalised(document.full_text)):
                return frozenset()
        return frozenset({query_id})

    def same_text(self, query_id: str) -> frozenset[str]:
        """The documents whose text is the query's, under whatever id (case and white space aside)."""
        return self._same_text.get(normalised(self.queries[query_id].text), frozenset())

    @cached_property
    def _same_text(self) -> dict[str, frozenset[str]]:
        return self.corpus.with_text({normalised(query.text) for query in self.queries.values()})

    def around(self, query_id: str, positives: Iterable[str] = ()) -> frozenset[str]:
        """The passages of a positive's own document that may say what it says, as `same_document` has it.

        Passages that follow each other share sentences, or go on where the other ends. Whatever has the text
        of one is meant, too; what is judged, as not relevant too, is not. `positives` are further ones, that
        nobody judged: those of a file, or that `verify` turned.
        """
        if self.same_document == "none" or not self.corpus.cut:
            return frozenset()
        near = self.corpus.beside if self.same_document == "beside" else self.corpus.same_document
        found = frozenset[str]().union(*map(near, (*self.positives(query_id), *positives)))
        judged = frozenset[str]().union(*(qrels.get(query_id, ()) for qrels in self._judged))
        return self.copies(found - judged) - judged

    @cached_property
    def cut(self) -> bool:
        """Whether a positive of train is a passage of a document that was cut."""
        return self.corpus.cut and any(
            len(self.corpus.same_document(doc_id)) > 1 for doc_id in self.positives_in("train")
        )

    def excluded(self, query_id: str, positives: Iterable[str] = ()) -> frozenset[str]:
        """What may never be a negative.

        Positives, texts identical to one, passages around one, the query itself, empty texts; `positives` are
        further ones, as for `around`.
        """
        own = self.itself(query_id) | self.same_text(query_id) if query_id in self.queries else frozenset()
        right = self.copies((*self.positives(query_id), *positives))
        return own.union(right, self.around(query_id, positives), self.corpus.empty)

    @cached_property
    def content(self) -> str:
        """A hash of all that the files hold, however they are split and whatever train has of it."""
        judged: dict[str, dict[str, int]] = {}
        for qrels in (self.set_aside, *self._judged):
            for query_id, grades in qrels.items():
                if query_id not in self.synthetic:
                    judged.setdefault(query_id, {}).update(grades)
        return content_hash([self.corpus.fingerprint, self.hashes["queries"], judged])

    def shares_ids(self, split: str) -> bool:
        """Whether a document has the id of one of the split's queries."""
        return any(query_id in self.corpus for query_id in self.qrels(split))

    def inputs(self, split: str) -> dict[str, str]:
        """Role -> content hash of what a stage over this split reads, for manifests."""
        qrels = self.qrels(split)
        inputs = {
            "corpus": self.corpus.fingerprint,
            "queries": self.hashes["queries"],
            f"{split} qrels": content_hash({q: dict(d) for q, d in qrels.items()}),
        }
        if written := [[q, self.queries[q].text] for q in qrels if q in self.synthetic]:
            inputs["LLM-written queries"] = content_hash(written)
        return inputs

    @property
    def judged_train(self) -> str:
        """The hash of what people judged of the train queries; that of none where there is none."""
        train = self.judgements.get("train", {})
        return content_hash({q: dict(grades) for q, grades in train.items() if q not in self.synthetic})

    def weight(self, query_id: str) -> float:
        """What a query counts in the training loss."""
        return self.synthetic_weight if query_id in self.synthetic else 1.0
