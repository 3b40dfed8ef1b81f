"""OpenAI's Batch API: hand in what the cache has not, and fetch it up to a day later at half the price.

A batch claims its requests before they are sent, as a process claims its calls: so nothing is handed in,
or asked for live, a second time, and the caps hold. If the process is killed while it hands in, the next one
asks the server whether it has the batch. Collecting turns the claims into answers, or gives them back. It
keeps every answer to what was handed in, also where the project asks for something else by now.
"""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from syneg_cli.core import LLMError, UsageError, parsed, still_runs, this_process
from syneg_cli.llm.base import Item, Request, Subject
from syneg_cli.llm.batch_lines import ENDPOINT, read_line, request_line
from syneg_cli.llm.budget import most_it_can_cost
from syneg_cli.llm.engine import MAYBE_BILLED, Classify, Engine
from syneg_cli.llm.ledger import BATCH, Claim
from syneg_cli.llm.openai import OpenAI
from syneg_cli.llm.stored import Stored

WINDOW: Final = "24h"
LARGEST = 50_000
"""Requests in one batch; OpenAI takes no more."""

SENDING, FOUND, FAILED = "sending", "found", "failed"
DONE = ("completed", "expired", "cancelled", FAILED)
NAMED = "syneg"
"""The key of a batch's metadata under which it is found again."""

HANDING_IN = 3600.0
"""Seconds that a process of another machine, which nobody here can see, is given to hand in a batch."""

PAGES = 1000
"""Lists of a hundred batches that are looked through at most for one."""


@dataclass(frozen=True)
class Collected:
    """Batches by their state, answers that are new in the cache, and requests that failed.

    `bad` says which lines of the server's files could not be read, `left` how many requests have no answer
    and are in no batch that could bring one.
    """

    states: Mapping[str, str]
    answered: int
    failed: int
    bad: tuple[str, ...] = ()
    left: int = 0


async def submit(chunks: Iterable[list[Item]], engine: Engine) -> tuple[str, int] | None:
    """Hand in all that nobody asks for yet; (batch id, requests), None if there is nothing.

    Args:
        chunks: all requests that the cache does not answer.

    Raises:
        BudgetExceeded: all of it together could pass a cap; nothing is sent.
        LLMError: the server does not take it.
    """
    llm, token = openai_of(engine), uuid.uuid4().hex
    client = llm.client  # without a key nothing is claimed
    await _find_again(engine)
    items = {item.key: item for chunk in chunks for item in chunk}
    wanted = [
        Claim(key, most_it_can_cost(item.request, engine.price), item.request.max_tokens)
        for key, item in items.items()
    ][:LARGEST]
    claimed = engine.cache.claim_for_batch(
        wanted, owner=f"{BATCH}{token}", job=engine.job, caps=engine.caps, again=engine.again
    )
    if not claimed:
        return None
    chosen = [items[claim.key] for claim in claimed]
    reserved = sum(claim.reserve for claim in claimed)
    about = json.dumps({item.key: _described(item) for item in chosen}, ensure_ascii=False)
    row = [token, engine.job, SENDING, reserved, time.time(), about, token, this_process()]
    _change(engine, "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    content = b"".join(request_line(item, llm) for item in chosen)
    try:
        file = await llm.api(
            client.files.create(file=("requests.jsonl", io.BytesIO(content)), purpose="batch")
        )
        made = await llm.api(
            client.batches.create(
                input_file_id=file.id,
                endpoint=ENDPOINT,
                completion_window=WINDOW,
                metadata={NAMED: token},
            )
        )
    except LLMError as error:
        if not isinstance(error, MAYBE_BILLED):
            _end(engine, token, token, FAILED, lost=False)
        raise
    state = FOUND if made.status in DONE else made.status  # done at once, it is still to be fetched
    _change(engine, "UPDATE batches SET id = ?, state = ? WHERE token = ?", [made.id, state, token])
    return made.id, len(chosen)


async def collect(
    unanswered: Callable[[], Iterable[list[Item]]], engine: Engine, classify: Classify
) -> Collected:
    """Fetch what is ready into the cache.

    Args:
        unanswered: gives all requests that the cache does not answer, in chunks.
        classify: tells good answers from bad.

    Raises:
        LLMError: the server does not say where the batches stand.
    """
    llm, states, answered, failed, bad = openai_of(engine), {}, 0, 0, list[str]()
    items: dict[str, Item] = {}
    await _find_again(engine)
    for row in _open_rows(engine):
        if row["state"] == SENDING:
            states[row["id"]] = SENDING
            continue
        batch = await llm.api(llm.client.batches.retrieve(row["id"]))
        states[row["id"]] = batch.status
        if batch.status not in DONE:
            continue
        items = items or {item.key: item for chunk in unanswered() for item in chunk}
        handed_in = _handed_in(row) | items
        unread, kept = 0, list[Stored]()
        for name in filter(None, (batch.output_file_id, batch.error_file_id)):
            content = await llm.api(llm.client.files.content(name))
            for number, line in _lines(content.content):
                read = _read(line, handed_in, engine, classify)
                if isinstance(read, Stored):
                    kept.append(read)
                    continue
                failed += 1
                if read != FAILED:
                    bad.append(f"{name}, line {number}: {read}")
                    unread += 1
        answered += engine.keep(kept)
        _end(engine, row["id"], row["token"], batch.status, lost=unread > 0)
    held = engine.cache.ledger.held
    left = sum(len({item.key for item in chunk} - held([i.key for i in chunk])) for chunk in unanswered())
    return Collected(states, answered, failed, tuple(bad), left)


def openai_of(engine: Engine) -> OpenAI:

    if not isinstance(engine.llm, OpenAI):
        raise UsageError(
            f"Batches are of openai models, not of {engine.llm.provider} ones.",
            hint="`--llm openai:MODEL` names a model of vLLM and of other servers, too.",
        )
    return engine.llm


async def _find_again(engine: Engine) -> None:
    """What became of batches whose process ended while it handed them in: the server has them, or not."""
    lost = [row for row in _open_rows(engine) if row["state"] == SENDING and not _may_still_send(row)]
    if not lost:
        return
    known = await _made(engine, {row["token"] for row in lost})
    for row in lost:
        if batch := known.get(row["token"]):
            known_as = [batch, FOUND, row["token"]]
            _change(engine, "UPDATE batches SET id = ?, state = ? WHERE token = ?", known_as)
        else:
            _end(engine, row["id"], row["token"], FAILED, lost=False)


def _may_still_send(row: Mapping[str, Any]) -> bool:
    """Whether the process that hands a batch in may still be at it."""
    runs = still_runs(row["made_by"])
    return time.time() - row["created"] < HANDING_IN if runs is None else runs


async def _made(engine: Engine, tokens: set[str]) -> dict[str, str]:
    """Token -> id of the batches that the server has, newest first, until all are found."""
    llm, found = openai_of(engine), dict[str, str]()
    page = await llm.api(llm.client.batches.list(limit=100))
    for _ in range(PAGES):
        named = ((batch.id, (batch.metadata or {}).get(NAMED)) for batch in page.data)
        found |= {token: name for name, token in named if token in tokens}
        if found.keys() == tokens or not page.has_next_page():
            break
        page = await llm.api(page.get_next_page())
    return found


def _described(item: Item) -> dict[str, Any]:
    """What the cache has to know of a request when its answer comes."""
    subject = item.request.subject
    about = {"query_id": subject.query_id, "doc_id": subject.doc_id, "prompt": subject.prompt}
    return about | {"max_tokens": item.request.max_tokens, "about": dict(item.about)}


def _handed_in(row: Mapping[str, Any]) -> dict[str, Item]:
    """Key -> what a batch asked, without the texts; version 0.1 kept the keys alone."""
    kept = parsed(row["keys"])[0]
    told = kept if isinstance(kept, dict) else {key: {} for key in kept}
    found = {}
    for index, (key, one) in enumerate(told.items()):
        subject = Subject(*(one.get(name, "") for name in ("query_id", "doc_id", "prompt")))
        request = Request(subject, (), max_tokens=one.get("max_tokens", 0))
        found[key] = Item(index, request, key, one.get("about", {}))
    return found


def _open_rows(engine: Engine) -> list[dict[str, Any]]:
    marks = ", ".join("?" * len(DONE))
    sql = f"SELECT * FROM batches WHERE job = ? AND state NOT IN ({marks})"
    return engine.cache.file.dicts(sql, [engine.job, *DONE])


def _change(engine: Engine, sql: str, values: Sequence[Any]) -> None:
    with engine.cache.file.write(durable=True):
        engine.cache.file.change(sql, values)


def _end(engine: Engine, batch: str, token: str, state: str, *, lost: bool) -> None:
    """A batch is over: what it claims and has no answer for is free again."""
    engine.cache.release_all(f"{BATCH}{token}", lost=lost)
    _change(engine, "UPDATE batches SET state = ?, reserved = 0 WHERE id = ?", [state, batch])


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, line): lines end at a line feed alone, for texts hold other ends as they are."""
    numbered = enumerate(content.split(b"\n"), start=1)
    return ((number, line) for number, line in numbered if line.strip())


def _read(content: bytes, items: dict[str, Item], engine: Engine, classify: Classify) -> Stored | str:
    """One line of a batch's output: an answer that is ours, or why it is none."""
    try:
        line = read_line(content)
        if line.failed:
            return FAILED
        if line.key not in items:
            return "a custom_id that was not handed in"
        return line.stored(items[line.key], engine, classify)
    except LLMError as error:
        return error.message
