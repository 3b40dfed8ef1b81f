"""A query of its own for each negative that was made earlier: one short call each.

The result is the mirror file that `syneg mix --mirror FILE` reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.answers import read_object
from syneg_cli.asking import Tick, ask_each
from syneg_cli.dataset import Dataset, normalised
from syneg_cli.generate import shown
from syneg_cli.llm.base import Request, Subject
from syneg_cli.records import SyntheticNegative

if TYPE_CHECKING:
    from syneg_cli.engine import Engine
    from syneg_cli.prompts import Prompt

MAX_TOKENS = 300
NO_ANSWER, EMPTY, COPY, QUOTES = "no answer", "empty", "copy of the query", "quotes its document"
QUOTE_WORDS = 6
"""A query of at least so many words that stands in the document word for word quotes it."""


@dataclass(frozen=True)
class OwnQueries:
    """Lines of a mirror file, and why other negatives have none."""

    rows: tuple[dict[str, object], ...]
    dropped: Counter[str]


def mirror_queries(
    negatives: Sequence[SyntheticNegative],
    dataset: Dataset,
    prompt: Prompt,
    engine: Engine,
    *,
    temperature: float | None = None,
    seed: int = 0,
    structured: bool = True,
    tick: Tick | None = None,
) -> OwnQueries:
    """Ask for the own query of every negative with status "ok".

    Raises:
        BudgetExceeded, LLMSetupError: as `Engine.ask`; everything answered is in the cache.
    """
    asked = [negative for negative in negatives if negative.status == "ok"]
    schema = prompt.schema() if structured else None
    requests = [
        Request(
            Subject(negative.query_id, negative.positive_id, prompt.name, negative.index),
            (("user", _rendered(prompt, dataset, negative)),),
            schema,
            temperature,
            MAX_TOKENS,
            seed,
        )
        for negative in asked
    ]
    answers = ask_each(engine, requests, key="query", tick=tick)
    rows: list[dict[str, object]] = []
    dropped: Counter[str] = Counter()
    for negative, stored in zip(asked, answers, strict=True):
        text = str((read_object(stored.response)[0] or {}).get("query") or "").strip() if stored else ""
        if reason := problem(text, negative, dataset.queries[negative.query_id].text, stored is not None):
            dropped[reason] += 1
            continue
        place = {"query_id": negative.query_id, "doc_id": negative.positive_id, "negative": negative.index}
        rows.append({**place, "query": text})
    return OwnQueries(tuple(rows), dropped)


def problem(text: str, negative: SyntheticNegative, query: str, answered: bool = True) -> str:
    """Why a text cannot be the negative's own query; empty if it can."""
    if not answered:
        return NO_ANSWER
    folded = normalised(text)
    if not folded:
        return EMPTY
    if folded.strip(" .?!") == normalised(query).strip(" .?!"):
        return COPY
    quotes = folded.count(" ") >= QUOTE_WORDS - 1 and folded.strip(" .?!") in normalised(negative.text)
    return QUOTES if quotes else ""


def _rendered(prompt: Prompt, dataset: Dataset, negative: SyntheticNegative) -> str:
    return prompt.render(
        query=dataset.queries[negative.query_id].text,
        positive=shown(dataset.corpus[negative.positive_id]),
        relevance=dataset.relevance,
        negative=f"{negative.title}\n{negative.text}".strip(),
    )
