"""`syneg generate --batch submit | collect`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from syneg_cli.cli.commands import calling

if TYPE_CHECKING:
    from syneg_cli.cli.commands.options import Session
    from syneg_cli.data.dataset import Dataset
    from syneg_cli.llm.base import LLM

T = TypeVar("T")


def run(session: Session, dataset: Dataset, action: Literal["submit", "collect"]) -> bool:
    """Hand in or fetch; True where everything is there, so that the negatives can be written."""
    from syneg_cli.cli.commands.generate import generator_for, job_id, pairs_of, plan
    from syneg_cli.generation.answer_checks import classify
    from syneg_cli.generation.negatives import items_of
    from syneg_cli.llm.batch_files import DONE, collect, openai_of, submit
    from syneg_cli.llm.engine import Engine
    from syneg_cli.llm.prices import BATCH_DISCOUNT

    generator, pairs = generator_for(session, dataset), pairs_of(session, dataset)
    price = calling.price(session, generator.llm)
    with calling.open_cache(session) as cache:
        engine = Engine(
            generator.llm,
            cache,
            price=price.scaled(BATCH_DISCOUNT) if price else None,
            job=job_id(plan(session, dataset)),
            limits=calling.limits(session),
        )
        openai_of(engine)
        if action == "submit":
            made = asyncio.run(_closing(engine.llm, submit(items_of(generator, pairs), engine)))
            data: dict[str, Any] = (
                {"batch": made[0], "requests": made[1]} if made else {"batch": None, "requests": 0}
            )
            later = "Fetch it with `--batch collect`; it takes up to 24 hours."
            said = (
                f"batch {made[0]}: {made[1]} requests handed in. {later}" if made else "Nothing to hand in."
            )
            session.output.result(data, said)
            return False
        found = asyncio.run(_closing(engine.llm, collect(items_of(generator, pairs), engine, classify)))
    waiting = [f"{batch} ({state})" for batch, state in found.states.items() if state not in DONE]
    said = f"{found.answered} answers fetched, {found.failed} failed"
    if waiting:
        said += f"; waiting for {', '.join(waiting)}"
    elif found.failed:
        said += "; `--batch submit` hands the failed in again, without --batch they are asked at once"
    if waiting or found.failed:
        data = {"fetched": found.answered, "failed": found.failed, "waiting": waiting}
        session.output.result(data, said)
        return False
    session.output.note(said)
    return True


async def _closing(llm: LLM, work: Awaitable[T]) -> T:
    try:
        return await work
    finally:
        await llm.close()
