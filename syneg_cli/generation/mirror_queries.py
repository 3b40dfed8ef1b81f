"""A query of its own for each negative that was made earlier: one short call each.

The result is the mirror file that `syneg mix --mirror FILE` reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from syneg_cli.core import SyntheticNegative
from syneg_cli.data import Dataset
from syneg_cli.generation.answer_checks import classify, own_query_problem
from syneg_cli.generation.answer_objects import read_object
from syneg_cli.generation.prompt_files import Prompt
from syneg_cli.generation.requests import shown
from syneg_cli.llm import Engine, Request, Subject, Tick, ask_each

MAX_TOKENS = 300
NO_ANSWER = "no answer"


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

    def make(index: int) -> Request:
        negative = asked[index]
        subject = Subject(negative.query_id, negative.positive_id, prompt.name, negative.index)
        messages = (("user", _rendered(prompt, dataset, negative)),)
        return Request(subject, messages, schema, temperature, MAX_TOKENS, seed)

    answers = ask_each(engine, len(asked), make, classify=partial(classify, key="query"), tick=tick)
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
        positive=shown(dataset.corpus[negative.positive_id]),
        relevance=dataset.relevance,
        negative=f"{negative.title}\n{negative.text}".strip(),
    )
