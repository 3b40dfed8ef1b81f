"""--batch: hand in to OpenAI's Batch API what the cache has not, and fetch it later."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from syneg_cli.generation import items_of
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

T = TypeVar("T")


def hand_in(stage: Asks) -> tuple[str, int] | None:
    """(batch id, number of requests); None where there is nothing to hand in."""
    generator, pairs = stage.generator(), stage.pairs()
    with language_model.open_cache(stage.session) as cache:
        engine = _engine(stage, generator.llm, cache)
        return run(_closing(engine.llm, submit(items_of(generator, pairs), engine)))


def fetch(stage: Asks) -> Collected:
    """What came back by now, stored in the cache."""
    generator, pairs = stage.generator(), stage.pairs()
    with language_model.open_cache(stage.session) as cache:
        engine = _engine(stage, generator.llm, cache)
        return run(_closing(engine.llm, collect(items_of(generator, pairs), engine, generator.classify)))


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
    )
    openai_of(engine)
    return engine


async def _closing(llm: LLM, work: Awaitable[T]) -> T:
    try:
        return await work
    finally:
        await llm.close()
