"""Running an engine to its end: the event loop, the ticking display, Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from syneg_cli.answers import classify
from syneg_cli.engine import Engine
from syneg_cli.errors import BudgetExceeded, LLMError, LLMSetupError
from syneg_cli.llm.base import NoRecording, Request
from syneg_cli.stats import Stats
from syneg_cli.stored import Stored, generation_key

T = TypeVar("T")
Tick = Callable[[Stats], None]
TICK_SECONDS = 0.25
CHUNK = 200


def drive(
    engine: Engine, items: Iterable[T | None], work: Callable[[T], Awaitable[None]], tick: Tick | None = None
) -> None:
    """Do `work` for all items (see `Engine.run`), with `tick` called a few times a second.

    Ctrl-C finishes what is in flight and then raises KeyboardInterrupt; a second one drops it.
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

    asyncio.run(main())
    if tick:
        tick(engine.stats)
    if engine.stopping and engine.stats.done < engine.stats.total:
        raise KeyboardInterrupt


def ask_each(
    engine: Engine, requests: Sequence[Request], *, key: str, tick: Tick | None = None
) -> list[Stored | None]:
    """The answer to each request, None where there is none; `key` is what a good answer holds.

    Raises:
        BudgetExceeded, LLMSetupError: as `Engine.ask`; everything answered is in the cache.
    """
    found: list[Stored | None] = [None] * len(requests)
    engine.stats.total = len(requests)

    async def work(item: tuple[int, Request]) -> None:
        index, request = item
        try:
            stored, cached = await engine.ask(request, partial(classify, key=key))
        except (LLMSetupError, BudgetExceeded):
            raise
        except NoRecording:
            engine.stats.misses += 1
        except LLMError:
            engine.stats.failed += 1
        else:
            found[index] = stored
            if cached:
                engine.stats.hit(stored.cost_usd)
                return
        engine.stats.done += 1

    def items() -> Iterator[tuple[int, Request] | None]:
        for start in range(0, len(requests), CHUNK):
            part = list(enumerate(requests[start : start + CHUNK], start=start))
            keys = {index: generation_key(engine.identity, request) for index, request in part}
            known = engine.cache.answers(list(keys.values()))
            for index, request in part:
                stored = known.get(keys[index])
                if stored is not None and stored.serves(request.max_tokens) and not engine.again:
                    found[index] = stored
                    engine.stats.hit(stored.cost_usd)
                elif not engine.llm.knows(request.subject):
                    engine.stats.misses += 1
                    engine.stats.done += 1
                else:
                    yield index, request
            yield None

    drive(engine, items(), work, tick)
    return found


async def _tick(stats: Stats, tick: Tick) -> None:
    while True:
        tick(stats)
        await asyncio.sleep(TICK_SECONDS)


@contextmanager
def _interruptible(engine: Engine) -> Iterator[None]:
    """The first Ctrl-C lets calls in flight finish; the second is Python's own."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        engine.stop()

    with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
        loop.add_signal_handler(signal.SIGINT, first)
    try:
        yield
    finally:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
