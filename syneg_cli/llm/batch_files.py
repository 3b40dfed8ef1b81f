"""OpenAI's Batch API: hand in what the cache has not, and fetch it up to a day later at half the price.

What was handed in is remembered in the cache's file, with the most it can cost counted as
spent, so that the caps hold; collecting replaces that by what it did cost.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from syneg_cli.core import BudgetExceeded, LLMError, UsageError
from syneg_cli.llm.base import Answer, Item
from syneg_cli.llm.budget import most_it_can_cost
from syneg_cli.llm.cache import Caps
from syneg_cli.llm.completions import read_completion
from syneg_cli.llm.engine import Classify, Engine
from syneg_cli.llm.openai import OpenAI

ENDPOINT: Final = "/v1/chat/completions"
WINDOW: Final = "24h"
LARGEST = 50_000
"""Requests in one batch; OpenAI takes no more."""

DONE = ("completed", "expired", "cancelled", "failed")


@dataclass(frozen=True)
class Collected:
    """Batches by their state, answers that are new in the cache, and requests that failed."""

    states: Mapping[str, str]
    answered: int
    failed: int


async def submit(chunks: Iterable[list[Item]], engine: Engine) -> tuple[str, int] | None:
    """Hand in all that the cache does not answer and no batch holds; (batch id, requests), None if nothing.

    Raises:
        BudgetExceeded: all of it together could pass a cap; nothing is sent.
    """
    llm = openai_of(engine)
    handed_in = {key for row in _open_rows(engine) for key in json.loads(row["keys"])}
    items = [item for item in _missing(chunks, engine) if item.key not in handed_in][:LARGEST]
    if not items:
        return None
    reserve = sum(most_it_can_cost(item.request, engine.price) for item in items)
    check_caps(engine, reserve, len(items))
    lines = (
        {"custom_id": item.key, "method": "POST", "url": ENDPOINT, "body": llm.options(item.request)}
        for item in items
    )
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    file = await llm.client.files.create(file=("requests.jsonl", io.BytesIO(content)), purpose="batch")
    made = await llm.client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window=WINDOW)
    row = {
        "id": made.id,
        "job": engine.job,
        "state": made.status,
        "reserved": reserve,
        "created": time.time(),
    }
    engine.cache.db.table("batches").insert({**row, "keys": json.dumps([item.key for item in items])})
    return made.id, len(items)


async def collect(chunks: Iterable[list[Item]], engine: Engine, classify: Classify) -> Collected:
    """Fetch what is ready into the cache.

    Args:
        chunks: all requests that may have been handed in; only read if a batch is ready.
        classify: tells good answers from bad.
    """
    llm, states, answered, failed = openai_of(engine), {}, 0, 0
    items: dict[str, Item] = {}
    for row in _open_rows(engine):
        batch = await llm.client.batches.retrieve(row["id"])
        states[row["id"]] = batch.status
        if batch.status not in DONE:
            continue
        items = items or {item.key: item for item in _missing(chunks, engine)}
        if batch.output_file_id:
            content = await llm.client.files.content(batch.output_file_id)
            for line in content.text.splitlines():
                good = _store(json.loads(line), items, engine, classify)
                answered, failed = answered + good, failed + (not good)
        engine.cache.db.table("batches").update(row["id"], {"state": batch.status, "reserved": 0.0})
    return Collected(states, answered, failed)


def openai_of(engine: Engine) -> OpenAI:

    if not isinstance(engine.llm, OpenAI):
        raise UsageError(f"--batch works with openai models, not with {engine.llm.provider}.")
    return engine.llm


def check_caps(engine: Engine, reserve: float, calls: int) -> None:
    """Raises BudgetExceeded where the batch could pass a cap."""
    used, caps = engine.cache.totals(engine.job), Caps(engine.limits.max_cost, engine.limits.max_calls)
    waiting = sum(row["reserved"] for row in _open_rows(engine))
    most = used.spent_usd + used.lost_usd + waiting + reserve
    if caps.cost is not None and most > caps.cost:
        raise BudgetExceeded(
            f"--max-cost ${caps.cost:g}: the batch of {calls} requests could bring the total to ${most:.4f}.",
            hint="Raise the cap, lower --max-tokens, or hand in fewer pairs with --limit.",
        )
    if caps.calls is not None and used.calls + calls > caps.calls:
        raise BudgetExceeded(
            f"--max-calls {caps.calls}: the batch holds {calls} requests.", hint="Use --limit."
        )


def _missing(chunks: Iterable[list[Item]], engine: Engine) -> Iterator[Item]:
    for items in chunks:
        known = engine.cache.answers([item.key for item in items])
        yield from (item for item in items if item.key not in known)


def _open_rows(engine: Engine) -> list[dict[str, Any]]:
    marks = ", ".join("?" * len(DONE))
    return list(
        engine.cache.db.query(
            f"SELECT * FROM batches WHERE job = ? AND state NOT IN ({marks})", [engine.job, *DONE]
        )
    )


def _store(line: Mapping[str, Any], items: dict[str, Item], engine: Engine, classify: Classify) -> bool:
    """Put one line of a batch's output into the cache; whether it held an answer that is ours."""

    item, response = items.get(line["custom_id"]), line.get("response") or {}
    if item is None or response.get("status_code") != 200:
        return False
    try:
        answer: Answer = read_completion(response["body"], 0.0, None, "the batch")
    except LLMError:
        return False
    stored = engine.stored(item.key, item.request, answer, classify(answer), item.about)
    engine.cache.record(stored, job=engine.job)
    engine.count(stored)
    del items[item.key]  # another batch may hold the same request
    return True
