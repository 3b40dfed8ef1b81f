"""--batch: hand in to OpenAI's Batch API what the cache has not, and fetch it later."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from syneg_cli.core import Pair, UsageError
from syneg_cli.generation import open_items
from syneg_cli.llm import (
    BATCH_DISCOUNT,
    LLM,
    Cache,
    Collected,
    Engine,
    Limits,
    collect,
    openai_of,
    run,
    settled_price,
    submit,
)
from syneg_cli.stages import language_model
from syneg_cli.stages.asks import Asks
from syneg_cli.stages.stage import need_place

T = TypeVar("T")


def hand_in(stage: Asks) -> tuple[str, int] | None:
    """(batch id, number of requests); None where there is nothing to hand in.

    Raises:
        UsageError: what is fetched later could not be put in its place.
    """
    need_place(stage, stage.plan())
    generator, pairs = stage.generator(), stage.pairs()
    with language_model.open_cache(stage.session) as cache:
        engine = _engine(stage, generator.llm, cache)
        open_ = open_items(generator, pairs, cache, again=stage.again)
        return run(_closing(engine.llm, submit(open_, engine)))


def fetch(stage: Asks) -> tuple[Collected, UsageError | None]:
    """(what came back by now, stored in the cache, why there is nothing to ask about any more).

    What was handed in is paid for, and kept also where the data set has nothing to ask about by now.
    """
    generator, nothing, pairs = stage.generator(), None, list[Pair]()
    try:
        pairs = stage.pairs()
    except UsageError as error:
        nothing = error
    with language_model.open_cache(stage.session) as cache:
        engine = _engine(stage, generator.llm, cache)
        work = collect(lambda: open_items(generator, pairs, cache), engine, generator.classify)
        return run(_closing(engine.llm, work)), nothing


def _engine(stage: Asks, llm: LLM, cache: Cache) -> Engine:
    """An engine at the price of batches.

    Raises:
        UsageError: the model is not of a server with a Batch API.
    """
    price = settled_price(stage.model_settings, llm)
    engine = Engine(
        llm,
        cache,
        price=price.scaled(BATCH_DISCOUNT) if price else None,
        job=stage.job(stage.plan()),
        limits=Limits.of(stage.model_settings),
        again=stage.again,
    )
    openai_of(engine)
    return engine


async def _closing(llm: LLM, work: Awaitable[T]) -> T:
    try:
        return await work
    finally:
        await llm.close()
