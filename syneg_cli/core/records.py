"""What flows between the stages: frozen records, and nothing that computes.

Texts travel by reference wherever the corpus has them already: a mined
negative is a document id, a training instance is a list of `NegativeRef`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Qrels = Mapping[str, Mapping[str, int]]
"""query id -> document id -> grade; a grade above 0 means relevant."""

Run = Mapping[str, Mapping[str, float]]
"""query id -> document id -> score, higher is better."""

Status = Literal["ok", "dropped", "positive"]
"""What became of a negative: usable, left out for a reason, or a positive after all."""

SYNTHETIC = "synthetic"
"""The source of an LLM-written text."""

REWRITE = "rewrite"
"""How the id of a reworded query begins."""

TEXT = "text"
"""The source of a text that a file of the user's brought and the corpus does not have."""

CORPUS = "corpus"
"""The source of a document that no miner had to find. Every other source is a miner's name."""


def named(*parts: object) -> str:
    """One id from several: `q1/d1/2`. Different parts give different ids, whatever they hold.

    A part with a slash, or with what a slash would become, is written as in an address (`a%2Fb`).
    """
    return "/".join(_without_slash(str(part)) for part in parts)


def _without_slash(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F") if "/" in part or "%2" in part else part


class Titled:
    """A text with a title, which may be empty."""

    __slots__ = ()
    title: str
    text: str

    @property
    def full_text(self) -> str:
        """What is encoded: title, a space, text (BEIR's convention)."""
        return f"{self.title} {self.text}".strip()

    @property
    def shown(self) -> str:
        """What a language model reads: the title on a line of its own, if there is one."""
        return f"{self.title}\n{self.text}".strip()


@dataclass(frozen=True, slots=True)
class Query:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Passage(Titled):
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and one of its judged positives."""

    query_id: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class SyntheticNegative(Titled):
    """A document that an LLM wrote to look relevant to `query_id` without being it.

    `index` counts from 1 within the answer to one (query, positive). `reason` says why the
    status is what it is. `key` names the answer in the generation cache.
    """

    query_id: str
    positive_id: str
    index: int
    title: str
    text: str
    prompt: str
    llm: str
    key: str
    plan: str = ""
    reflection: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    status: Status = "ok"
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Check -> what `verify` measured, for every check that has an opinion."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What an own prompt asked for beyond the fields above (requirement, type, query, ...)."""
    relevant_by: tuple[str, ...] = ()
    """The checks of `verify` that call it relevant."""

    @property
    def earlier_id(self) -> str:
        """The id in mixes of 0.1, which two negatives may share."""
        return f"{self.query_id}/{self.positive_id}/{self.index}"

    @property
    def id(self) -> str:
        return named(self.query_id, self.positive_id, self.index)


@dataclass(frozen=True, slots=True)
class SyntheticQuery:
    """A query that an LLM wrote: for the document `doc_id`, or by rewording the real query `rewrites`.

    `index` counts from 1 within the queries of one document, or of one real query. A rewording is
    relevant to what its query is relevant to; `doc_id` is then the first of these documents.
    `key` names the answer in the generation cache.
    """

    doc_id: str
    index: int
    text: str
    prompt: str
    llm: str
    key: str
    rewrites: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    status: Status = "ok"
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Check -> what it measured: the rank of the own document, the likeness of the nearest query, ..."""
    also_relevant: tuple[str, ...] = ()
    """Further documents of the corpus that a judge found relevant."""

    @property
    def id(self) -> str:
        """`synthetic/d1/2`, `rewrite/q1/2`."""
        return named(REWRITE if self.rewrites else SYNTHETIC, self.rewrites or self.doc_id, self.index)


@dataclass(frozen=True, slots=True)
class MinedNegative:
    """A corpus document that `miner` ranked (from 1) for the query and that no judge called relevant."""

    query_id: str
    doc_id: str
    miner: str
    rank: int
    score: float
    status: Status = "ok"
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Check -> what `verify` measured, for every check that has an opinion."""
    relevant_by: tuple[str, ...] = ()
    """The checks of `verify` that call it relevant."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found out about one negative; stored beside the file that the negative is in.

    `doc_id` is the document of a mined negative; of a synthetic one it is the positive that it
    was written for, and `index` its number. `status` and `reason` are what follows from the
    verdicts of all checks together.
    """

    query_id: str
    doc_id: str
    index: int | None
    relevant_by: tuple[str, ...]
    scores: Mapping[str, float]
    """For every check that has an opinion."""
    evidence: Mapping[str, str]
    """Check -> what it quotes."""
    status: Status
    reason: str
    unquoted: tuple[str, ...] = ()
    """The checks that call it relevant with a quotation that the document does not hold."""


@dataclass(frozen=True, slots=True)
class NegativeRef:
    """One document by reference: a corpus document id, a `SyntheticNegative.id`, or a text's id."""

    source: str
    id: str

    @property
    def in_corpus(self) -> bool:
        return self.source not in (SYNTHETIC, TEXT)


@dataclass(frozen=True, slots=True)
class TrainingInstance:
    """A positive pair with the negatives drawn for it: one tuple per round.

    Training uses round `epoch % len(rounds)`, so the negatives change from epoch to
    epoch, and the file alone says which ones every epoch saw.

    Instances of one `family` share a batch, and their positives are negatives of one
    another; without a name an instance is a family of its own.
    """

    query_id: str
    positive_id: str
    rounds: tuple[tuple[NegativeRef, ...], ...]
    positive_source: str = CORPUS
    family: str = ""

    @property
    def positive(self) -> NegativeRef:
        return NegativeRef(self.positive_source, self.positive_id)
