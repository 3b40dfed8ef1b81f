"""What is asked for each document, or for each training query that is reworded, and what comes back."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from syneg_cli.core import Pair, SyntheticQuery, digest, listed
from syneg_cli.data import Dataset, normalised, refutation_counts
from syneg_cli.generation.prompt_files import REWRITES, Prompt
from syneg_cli.generation.query_answers import (
    KINDS,
    NOT_ASKED,
    TOO_MANY,
    QueryDraft,
    classify_queries,
    parse_queries,
)
from syneg_cli.generation.query_settings import QueryAttributes, QuerySettings
from syneg_cli.generation.requests import CHUNK, Asker, Asking, draw_attributes
from syneg_cli.llm import (
    LLM,
    OK,
    Answer,
    Cache,
    Item,
    Request,
    Stats,
    Stored,
    Subject,
    generation_key,
    rare_collection,
)

EXAMPLE_POOL = 100
"""Training queries that examples are drawn from: those with the smallest seeded hash."""

LIKE_EXAMPLES = {
    "form": ("the form of the example queries",),
    "length": ("the length of the example queries",),
}
WITHOUT_EXAMPLES = {
    "form": ("a question", "a few keywords, as typed into a search box", "a statement that is to be checked"),
    "length": ("4 to 8 words", "8 to 16 words"),
}


@dataclass(frozen=True)
class ExampleQueries:
    """Real training queries, to show the model how queries are worded here: never those of dev or test."""

    dataset: Dataset
    count: int
    seed: int = 0

    @cached_property
    def pool(self) -> list[str]:
        """Their ids, in no order that a file has; without texts that another split has, too."""
        splits, texts = self.dataset.judgements, self.dataset.queries
        measured = {normalised(texts[q].text) for split in splits if split != "train" for q in splits[split]}
        train = (q for q in splits.get("train", {}) if q not in self.dataset.synthetic)
        real = [q for q in train if normalised(texts[q].text) not in measured]
        return sorted(real, key=lambda q: digest(listed(self.seed, "examples", q)))[:EXAMPLE_POOL]

    def of(self, doc_id: str) -> list[str]:
        """The texts for one document, whose own queries are not among them."""
        others = [q for q in self.pool if doc_id not in self.dataset.positives(q)]
        ranked = sorted(others, key=lambda q: digest(listed(self.seed, "examples", doc_id, q)))
        return [self.dataset.queries[query_id].text for query_id in ranked[: self.count]]


@dataclass(frozen=True)
class QueryAsker(Asker):
    """What asking for queries and asking for rewordings have in common."""

    key: ClassVar[str]
    """Of the list in the answer."""
    none_given: ClassVar[str]
    """What is said of an answer without a query."""

    def item(self, index: int, pair: Pair) -> Item:
        subject = Subject(pair.query_id, pair.doc_id, self.prompt.name)
        recorded = (self.llm.recorded(subject) or {}).get("attributes")
        attributes = dict(recorded or {})
        attributes |= self.drawn([name for name in self.prompt.attributes if name not in attributes], pair)
        asking = self.asking
        request = Request(
            subject=subject,
            messages=(("user", self.prompt.render(**(attributes | self.values(pair)))),),
            schema=self._schema if asking.structured else None,
            temperature=asking.temperature,
            max_tokens=asking.max_tokens,
            seed=asking.seed,
        )
        about = {"attributes": json.dumps(attributes, ensure_ascii=False), "n": asking.n}
        return Item(index, request, generation_key(self.llm.identity(), request), about)

    @abstractmethod
    def values(self, pair: Pair) -> dict[str, Any]:
        """What the prompt shows."""

    def drawn(self, names: Sequence[str], pair: Pair) -> dict[str, str]:
        return {}

    @abstractmethod
    def record(self, pair: Pair, index: int, draft: QueryDraft, stored: Stored) -> SyntheticQuery:
        """A draft as a record; dropped where it cannot be used for what it is."""

    def classify(self, answer: Answer) -> str:
        return classify_queries(answer, self.key)

    def problem(self, stored: Stored) -> str:
        return parse_queries(stored.response, self.key, finish=stored.finish_reason).error

    def look_at(self, stored: Stored, stats: Stats) -> None:
        document = self.dataset.corpus[stored.doc_id].full_text
        for draft in parse_queries(stored.response, self.key, finish=stored.finish_reason).drafts:
            stats.look_at(draft.problem, ("query", draft.text), ("document", document))

    @cached_property
    def _schema(self) -> dict[str, Any]:
        return self.prompt.schema(n=self.asking.n)


@dataclass(frozen=True)
class QueryWriter(QueryAsker):
    """Asks for the queries of each document, which is `Pair("", doc_id)`.

    Args:
        pools: what attributes are drawn from.
    """

    key = "queries"
    none_given = "nobody would look for it"
    examples: ExampleQueries = field(kw_only=True)
    pools: Mapping[str, Sequence[str]] = field(kw_only=True)

    def values(self, pair: Pair) -> dict[str, Any]:
        document = self.dataset.corpus[pair.doc_id].shown
        examples = self.examples.of(pair.doc_id) if "examples" in self.prompt.variables else []
        return {
            "document": document,
            "relevance": self.dataset.relevance,
            "n": self.asking.n,
            "examples": examples,
        }

    def drawn(self, names: Sequence[str], pair: Pair) -> dict[str, str]:
        return draw_attributes(self.pools, names, self.asking.seed, pair)

    def record(self, pair: Pair, index: int, draft: QueryDraft, stored: Stored) -> SyntheticQuery:
        reason = draft.problem or (TOO_MANY if index > self.asking.n else "")
        return _record(pair.doc_id, index, draft.text, stored, reason, attributes=stored.drawn)


@dataclass(frozen=True)
class QueryRewriter(QueryAsker):
    """Asks for rewordings of each training query, with the first document that is relevant to it.

    Args:
        negate: whether its opposite is one of them.
    """

    key = "rewrites"
    none_given = "without a rewording"
    negate: bool = False

    def values(self, pair: Pair) -> dict[str, Any]:
        return {
            "query": self.dataset.queries[pair.query_id].text,
            "document": self.dataset.corpus[pair.doc_id].shown,
            "relevance": self.dataset.relevance,
            "negate": self.negate,
        }

    def record(self, pair: Pair, index: int, draft: QueryDraft, stored: Stored) -> SyntheticQuery:
        known = draft.kind in KINDS and (self.negate or draft.kind != "negation")
        reason = draft.problem or ("" if known or not draft.kind else NOT_ASKED)
        about = {"kind": draft.kind} if draft.kind else {}
        return _record(pair.doc_id, index, draft.text, stored, reason, about, rewrites=pair.query_id)


def _record(
    doc_id: str,
    index: int,
    text: str,
    stored: Stored,
    reason: str,
    attributes: Mapping[str, str],
    rewrites: str = "",
) -> SyntheticQuery:
    return SyntheticQuery(
        doc_id=doc_id,
        index=index,
        text=text,
        prompt=stored.prompt,
        llm=f"{stored.provider}:{stored.model}",
        key=stored.key,
        rewrites=rewrites,
        attributes=attributes,
        status="dropped" if reason else "ok",
        reason=reason,
    )


def read_queries(
    asker: QueryAsker,
    pairs: Sequence[Pair],
    keys: Sequence[str | None],
    cache: Cache,
    *,
    unusable: Counter[str],
    none: Counter[str],
) -> Iterator[SyntheticQuery]:
    """The records of all answers, in the order of the pairs, as the model wrote them.

    Args:
        unusable: gets the answers that hold no query, by reason.
        none: gets the documents that nobody would look for, as the model says.
    """
    places = [(pair, key) for pair, key in zip(pairs, keys, strict=True) if key is not None]
    with rare_collection():
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            stored = cache.answers([key for _, key in part], messages=False)
            for pair, key in part:
                answer = stored[key]
                found = parse_queries(answer.response, asker.key, finish=answer.finish_reason)
                if not found.drafts:
                    where = none if answer.status == OK else unusable
                    where[asker.none_given if answer.status == OK else answer.status] += 1
                for index, draft in enumerate(found.drafts, start=1):
                    yield asker.record(pair, index, draft, answer)


def attribute_pools(given: QueryAttributes, *, examples: bool) -> dict[str, tuple[str, ...]]:
    """The pools to draw from.

    Args:
        examples: whether the model is shown real queries, which say what queries look like here.
    """
    defaults = LIKE_EXAMPLES if examples else WITHOUT_EXAMPLES
    known = QueryAttributes()
    pools = given.model_dump()
    return {name: tuple(pools[name]) or getattr(known, name) or defaults[name] for name in pools}


def query_asker(
    dataset: Dataset, prompt: Prompt, llm: LLM, asking: Asking, settings: QuerySettings
) -> QueryAsker:
    """What asks by a prompt: for queries of documents, or for rewordings, as the prompt's kind is."""
    asking = replace(asking, n=settings.n)
    if prompt.kind == REWRITES:
        return QueryRewriter(dataset, prompt, llm, asking, negate=negates(dataset, settings))
    examples = ExampleQueries(dataset, settings.examples, asking.seed)
    pools = attribute_pools(settings.attributes, examples=bool(settings.examples and examples.pool))
    return QueryWriter(dataset, prompt, llm, asking, examples=examples, pools=pools)


def negates(dataset: Dataset, settings: QuerySettings) -> bool:
    """Whether the opposite of a query is written, too."""
    known = refutation_counts(dataset.name, dataset.relevance)
    return {"auto": known, "yes": True, "no": False}[settings.negate]


def documents_of(doc_ids: Sequence[str]) -> list[Pair]:
    """Documents as what is asked about."""
    return [Pair("", doc_id) for doc_id in doc_ids]


def training_queries(dataset: Dataset) -> list[Pair]:
    """Each real training query with its first positive: what is reworded."""
    found: dict[str, Pair] = {}
    for pair in dataset.pairs("train") if "train" in dataset.judgements else ():
        if pair.query_id not in dataset.synthetic:
            found.setdefault(pair.query_id, pair)
    return list(found.values())
