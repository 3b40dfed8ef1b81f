"""`syneg generate --batch submit | collect`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from syneg_cli.commands import calling

if TYPE_CHECKING:
    from syneg_cli.commands.options import Session
    from syneg_cli.dataset import Dataset


def run(session: Session, dataset: Dataset, action: Literal["submit", "collect"]) -> bool:
    """Hand in or fetch; True where everything is there, so that the negatives can be written."""
    from syneg_cli.batch import collect, openai_of, submit
    from syneg_cli.commands.generate import generator_for, job_id, pairs_of, plan
    from syneg_cli.engine import Engine
    from syneg_cli.llm.pricing import BATCH_DISCOUNT

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
            made = asyncio.run(_closing(engine, submit(generator, pairs, engine)))
            data = {"batch": made[0], "requests": made[1]} if made else {"batch": None, "requests": 0}
            later = "Fetch it with `--batch collect`; it takes up to 24 hours."
            said = f"batch {made[0]}: {made[1]} requests handed in. {later}" if made else "Nothing to hand in."
            session.output.result(data, said)
            return False
        found = asyncio.run(_closing(engine, collect(generator, pairs, engine)))
    waiting = [f"{batch} ({state})" for batch, state in found.states.items() if state not in calling.BATCH_DONE]
    note = f"{found.answered} answers fetched, {found.failed} failed"
    if waiting:
        session.output.result({"waiting": waiting, "fetched": found.answered}, f"{note}; waiting for {', '.join(waiting)}")
        return False
    session.output.note(note)
    return True


async def _closing[T](engine: object, work: T) -> T: ...
