"""A query of its own for each negative that was made earlier: one short call each.

The result is the mirror file that `syneg mix --mirror FILE` reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from syneg_cli.core import SyntheticNegative
from syneg_cli.data import Dataset
from syneg_cli.generation.answer_checks import classify, own_query_problem
from syneg_cli.generation.answer_objects import read_object
from syneg_cli.generation.prompt_files import Prompt
from syneg_cli.llm import Answer, Engine, Request, Subject, Tick, ask_each

MAX_TOKENS = 300
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class OwnQueries:
    """Lines of a mirror file, and why other negatives have none."""

    rows: tuple[dict[str, object], ...]
    dropped: Counter[str]


@dataclass(frozen=True)
class OwnQuery:
    """Makes the request for a negative's own query, and tells good answers from bad."""

    dataset: Dataset
    prompt: Prompt
    temperature: float | None = None
    seed: int = 0
    structured: bool = True

    def request(self, negative: SyntheticNegative) -> Request:
        subject = Subject(negative.query_id, negative.positive_id, self.prompt.name, negative.index)
        messages = (("user", _rendered(self.prompt, self.dataset, negative)),)
        return Request(subject, messages, self._schema, self.temperature, MAX_TOKENS, self.seed)

    def classify(self, answer: Answer) -> str:
        return classify(answer, key="query")

    @cached_property
    def _schema(self) -> dict[str, Any] | None:
        return self.prompt.schema() if self.structured else None


def mirror_queries(
    negatives: Sequence[SyntheticNegative], asker: OwnQuery, engine: Engine, *, tick: Tick | None = None
) -> OwnQueries:
    """Ask for the own query of every negative with status "ok".

    Raises:
        BudgetExceeded, LLMSetupError: as `Engine.ask`; everything answered is in the cache.
    """
    asked, dataset = [negative for negative in negatives if negative.status == "ok"], asker.dataset
    answers = ask_each(
        engine, len(asked), lambda index: asker.request(asked[index]), classify=asker.classify, tick=tick
    )
    rows: list[dict[str, object]] = []
    dropped: Counter[str] = Counter()
    for negative, answer in zip(asked, answers, strict=True):
        text = str((read_object(answer.response or "", "query")[0] or {}).get("query") or "").strip()
        query = dataset.queries[negative.query_id].text
        reason = (
            NO_ANSWER
            if answer.response is None
            else own_query_problem(text, document=negative.text, query=query)
        )
        if reason:
            dropped[reason] += 1
            continue
        place = {"query_id": negative.query_id, "doc_id": negative.positive_id, "negative": negative.index}
        rows.append({**place, "query": text})
    return OwnQueries(tuple(rows), dropped)


def _rendered(prompt: Prompt, dataset: Dataset, negative: SyntheticNegative) -> str:
    return prompt.render(
        query=dataset.queries[negative.query_id].text,
        positive=dataset.corpus[negative.positive_id].shown,
        relevance=dataset.relevance,
        negative=negative.shown,
    )
