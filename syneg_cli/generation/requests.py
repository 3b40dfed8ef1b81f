"""What is asked for each training pair: its attributes, its length, the rendered prompt."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from syneg_cli.core import MinedNegative, Pair, Passage, listed, pick
from syneg_cli.data import Dataset, characters_per_word, length
from syneg_cli.generation.answer_checks import check_drafts, classify, parse_negatives
from syneg_cli.generation.prompt_files import Prompt
from syneg_cli.generation.settings import GenerateSettings
from syneg_cli.llm import LLM, Answer, Item, Request, Stats, Stored, Subject, generation_key

CHUNK = 200
NO_CANDIDATE, NOT_RECORDED = "no mined candidate", "not recorded"


@dataclass(frozen=True)
class Asking:
    """What is asked for, beside the prompt. `max_words` bounds the length that is asked for."""

    n: int = 2
    temperature: float | None = None
    max_tokens: int = 4096
    seed: int = 0
    structured: bool = True
    corrections: int = 1
    max_words: int = 400

    @classmethod
    def of(cls, settings: GenerateSettings) -> Asking:
        return cls(**settings.model_dump(include=set(cls.__dataclass_fields__)))


@dataclass(frozen=True)
class Asker(ABC):
    """Makes the request about each pair, and tells good answers from bad.

    A pair need not have both ids: what is about a document alone is `Pair("", doc_id)`.
    """

    dataset: Dataset
    prompt: Prompt
    llm: LLM
    asking: Asking = Asking()

    @abstractmethod
    def item(self, index: int, pair: Pair) -> Item:
        """The request about a pair, the `index`-th of all."""

    @abstractmethod
    def classify(self, answer: Answer) -> str:
        """ "ok" if anything in the answer can be used, else "truncated" or "unparsable"."""

    @abstractmethod
    def problem(self, stored: Stored) -> str:
        """What is wrong with an answer as a whole, for the model to read."""

    @abstractmethod
    def look_at(self, stored: Stored, stats: Stats) -> None:
        """For the live view: why drafts will be dropped, and now and then a good one."""

    def lacks(self, pair: Pair) -> str | None:
        """What keeps the pair from being asked at all; None if nothing does."""
        known = self.llm.knows(Subject(pair.query_id, pair.doc_id, self.prompt.name))
        return None if known else NOT_RECORDED


@dataclass(frozen=True)
class Generator(Asker):
    """Asks for the negatives of each pair.

    Args:
        candidates: query id -> texts of mined documents, for prompts that rewrite them.
    """

    candidates: Mapping[str, Sequence[str]] | None = None

    def item(self, index: int, pair: Pair) -> Item:
        subject = Subject(pair.query_id, pair.doc_id, self.prompt.name)
        recorded = self.llm.recorded(subject) or {}
        positive = self.dataset.corpus[pair.doc_id]
        words = recorded.get("words") or asked_words(positive.text, self.asking.max_words)
        attributes = dict(recorded.get("attributes") or {})
        lacking = [name for name in self.prompt.attributes if name not in attributes]
        attributes |= draw_attributes(self.dataset.attributes, lacking, self.asking.seed, pair)
        request = self.request(subject, pair, positive, attributes, words)
        about = {"attributes": json.dumps(attributes, ensure_ascii=False), "n": self.asking.n, "words": words}
        return Item(index, request, generation_key(self.llm.identity(), request), about)

    def request(
        self, subject: Subject, pair: Pair, positive: Passage, attributes: Mapping[str, str], words: int
    ) -> Request:
        asking = self.asking
        texts = list((self.candidates or {}).get(pair.query_id, ()))[: asking.n]
        rewriting: dict[str, Any] = {"candidates": texts, "candidate": texts[0]} if texts else {}
        prompt = self.prompt.in_characters if characters_per_word(positive.text) > 1 else self.prompt
        values = dict(attributes) | rewriting  # a recording may have attributes of any name
        values |= {"query": self.dataset.queries[pair.query_id].text, "positive": positive.shown}
        values |= {"relevance": self.dataset.relevance, "words": words, "n": asking.n}
        text = prompt.render(**values)
        return Request(
            subject=subject,
            messages=(("user", text),),
            schema=self._schema if asking.structured else None,
            temperature=asking.temperature,
            max_tokens=asking.max_tokens,
            seed=asking.seed,
        )

    def lacks(self, pair: Pair) -> str | None:
        if self.prompt.needs_candidates and not (self.candidates or {}).get(pair.query_id):
            return NO_CANDIDATE
        return super().lacks(pair)

    def classify(self, answer: Answer) -> str:
        return classify(answer)

    def problem(self, stored: Stored) -> str:
        return parse_negatives(stored.response, finish=stored.finish_reason).error

    def look_at(self, stored: Stored, stats: Stats) -> None:
        drafts = parse_negatives(stored.response, finish=stored.finish_reason).drafts[: self.asking.n]
        query = self.dataset.queries[stored.query_id].text
        positive = self.dataset.corpus[stored.doc_id].full_text
        reasons = check_drafts(drafts, query=query, positive=positive, words=stored.words, corpus=None)
        for draft, reason in zip(drafts, reasons, strict=True):
            written = f"{draft.title} {draft.text}".strip()
            stats.look_at(reason, ("query", query), ("negative", written))

    @cached_property
    def _schema(self) -> dict[str, Any]:
        return self.prompt.schema(n=self.asking.n)


def candidates_of(mined: Iterable[MinedNegative], dataset: Dataset, n: int) -> dict[str, list[str]]:
    """Query id -> texts of its n best-ranked mined negatives, for prompts that rewrite them."""
    found: dict[str, list[str]] = {}
    for negative in sorted(mined, key=lambda negative: negative.rank):
        texts = found.setdefault(negative.query_id, [])
        if negative.status == "ok" and len(texts) < n:
            texts.append(dataset.corpus[negative.doc_id].shown)
    return found


def asked_words(text: str, most: int) -> int:
    """The length to ask for: the text's own, to the next ten, between 10 and `most` words.

    In words, or in characters where blanks do not separate words (see `data.units`).
    """
    return max(10, min(most * characters_per_word(text), round(length(text) / 10) * 10))


def draw_attributes(
    pools: Mapping[str, Sequence[str]], names: Sequence[str], seed: int, pair: Pair
) -> dict[str, str]:
    """One value of each pool, decided by seed and pair alone: order and company do not matter."""
    return {
        name: pools[name][pick(listed(seed, name, pair.query_id, pair.doc_id), len(pools[name]))]
        for name in names
    }


def select_pairs(pairs: Sequence[Pair], *, limit: int | None = None, shard: str | None = None) -> list[Pair]:
    """The first `limit` pairs, and of these the ones of shard "I/N", which a hash of their ids decides."""
    chosen = list(pairs[:limit])
    if shard is None:
        return chosen
    part, parts = map(int, shard.split("/"))
    return [pair for pair in chosen if pick(listed(pair.query_id, pair.doc_id), parts) == part - 1]
