"""Running an engine to its end: the event loop, the ticking display, Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from syneg_cli.core import (
    HANGUP,
    BudgetExceeded,
    LLMError,
    LLMSetupError,
    keep_through_hangups,
    leave_terminal,
    polite_ends,
)
from syneg_cli.llm.base import NoRecording, Request
from syneg_cli.llm.engine import Classify, Engine
from syneg_cli.llm.statistics import REFUSED as NEVER
from syneg_cli.llm.statistics import Stats, kind_of
from syneg_cli.llm.stored import REFUSED, TRUNCATED, UNPARSABLE, Stored, generation_key

T = TypeVar("T")
Tick = Callable[[Stats], None]
TICK_SECONDS = 0.25
CHUNK = 200
NOT_ASKED, NOT_RECORDED = "not asked", "not recorded"


WORDS = {REFUSED: "declined", TRUNCATED: "truncated", UNPARSABLE: "unparsable"}
"""Status of a stored answer -> what is wrong with it, for people."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one request. `why` says what is wrong with the answer, or why there is none."""

    response: str | None
    why: str = ""
    later: bool = False
    """There is no answer, and asking again may bring one."""

    @classmethod
    def of(cls, stored: Stored) -> Asked:
        return cls(stored.response, WORDS.get(stored.status, ""))


def drive(
    engine: Engine, items: Iterable[T | None], work: Callable[[T], Awaitable[None]], tick: Tick | None = None
) -> None:
    """Do `work` for all items (see `Engine.run`), with `tick` called a few times a second.

    A polite end (Ctrl-C, SIGTERM, a closed terminal) finishes what is in flight and then raises
    KeyboardInterrupt; a second one, but for the terminal's, drops it, and that is said.
    """

    async def main() -> None:
        ticking = asyncio.create_task(_tick(engine.stats, tick)) if tick else None
        try:
            with _interruptible(engine):
                await engine.run(items, work)
        finally:
            if ticking:
                ticking.cancel()
            await engine.llm.close()

    with rare_collection():
        try:
            run(main(), interrupt=engine.stop)
        finally:
            engine.pauses.tell_dropped()
    if tick:
        tick(engine.stats)
    if engine.stopping and engine.stats.done < engine.stats.total:
        raise KeyboardInterrupt


def run(work: Coroutine[Any, Any, T], *, interrupt: Callable[[], None] | None = None) -> T:
    """The result of a coroutine, also where an event loop runs already (a notebook): then in a thread.

    Args:
        interrupt: called at the first Ctrl-C while waiting for that thread; the second is raised.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        made = thread.submit(asyncio.run, work)
        try:
            return made.result()
        except KeyboardInterrupt:
            if interrupt is None:
                raise
            interrupt()
        return made.result()


def ask_each(
    engine: Engine,
    count: int,
    make: Callable[[int], Request],
    *,
    classify: Classify,
    tick: Tick | None = None,
) -> list[Asked]:
    """What came of requests 0 to `count`.

    Args:
        make: makes a request when its turn comes, so that not all are in memory.
        classify: tells good answers from bad.

    Raises:
        BudgetExceeded, LLMSetupError: as `Engine.ask`; everything answered is in the cache.
    """
    found = [Asked(None, NOT_ASKED)] * count
    engine.stats.total = count

    async def work(item: tuple[int, Request]) -> None:
        index, request = item
        try:
            stored, cached = await engine.ask(request, classify)
        except (LLMSetupError, BudgetExceeded):
            raise
        except NoRecording:
            engine.stats.misses += 1
            found[index] = Asked(None, NOT_RECORDED)
        except LLMError as error:
            engine.stats.failed += 1
            kind = kind_of(error)
            found[index] = Asked(None, f"call failed: {kind}", later=kind != NEVER)
        else:
            found[index] = Asked.of(stored)
            if cached:
                engine.stats.hit(stored.cost_usd)
                return
        engine.stats.done += 1

    drive(engine, _open_requests(engine, count, make, found), work, tick)
    return found


def _open_requests(
    engine: Engine, count: int, make: Callable[[int], Request], found: list[Asked]
) -> Iterator[tuple[int, Request] | None]:
    """The requests that the cache does not answer; `found` gets the others' responses."""
    for start in range(0, count, CHUNK):
        part = [(index, make(index)) for index in range(start, min(start + CHUNK, count))]
        keys = {index: generation_key(engine.identity, request) for index, request in part}
        known = engine.cache.answers(list(keys.values()), messages=False)
        for index, request in part:
            stored = known.get(keys[index])
            if stored is not None and stored.serves(request.max_tokens) and not engine.again:
                found[index] = Asked.of(stored)
                engine.stats.hit(stored.cost_usd)
            elif not engine.llm.knows(request.subject):
                engine.stats.misses += 1
                engine.stats.done += 1
                found[index] = Asked(None, NOT_RECORDED)
            else:
                yield index, request
        yield None


@contextmanager
def rare_collection() -> Iterator[None]:
    """Collect garbage rarely: by default Python looks every few calls, which takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _tick(stats: Stats, tick: Tick) -> None:
    while True:
        tick(stats)
        await asyncio.sleep(TICK_SECONDS)


@contextmanager
def _interruptible(engine: Engine) -> Iterator[None]:
    """The first polite end lets calls in flight finish; a second is Python's own, and a hangup is none."""
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def forget(but: int | None = None) -> None:
        for one in [*before]:
            handler = before.pop(one)
            if one != but:
                signal.signal(one, handler)

    def first(number: int, frame: object) -> None:
        keep_through_hangups()
        leave_terminal(number)
        forget(HANGUP)
        loop.call_soon_threadsafe(engine.stop)

    with suppress(ValueError):  # not the main thread
        for one in polite_ends():
            before[one] = signal.signal(one, first)
    try:
        yield
    finally:
        forget()
