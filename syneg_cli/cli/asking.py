"""What the commands share that ask a language model about many things: asking again, estimates, batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import typer

from syneg_cli.cli.options import Call
from syneg_cli.cli.render.generated import fetched, handed_in
from syneg_cli.stages import Asks, Performed, fetch, hand_in, perform

RetryBad = Annotated[bool, typer.Option("--retry-bad", help="Ask again for answers that could not be used.")]
Batch = Annotated[
    Literal["submit", "collect"] | None,
    typer.Option(help="OpenAI's Batch API: hand in now, fetch later, at half the price."),
]
Estimating = Annotated[bool, typer.Option("--estimate", help="Calls, tokens and cost; nothing is sent.")]


def ask(stage: Asks, call: Call, *, batch: Literal["submit", "collect"] | None) -> Performed | None:
    """Perform the stage, live or by what a batch brought; None where that cannot be yet, which is shown.

    Collecting sends nothing to the model: it is for those who want half the price.
    """
    if batch == "submit":
        call.output.result(*handed_in(hand_in(stage)))
        return None
    if batch == "collect":
        found, nothing = fetch(stage)
        data, told = fetched(found, nothing.message if nothing else "")
        if nothing or data["waiting"] or (data["left"] and not found.states):
            call.output.result(data, told)
            return None
        call.output.note(told)
        stage.collects = True
        done = perform(stage, force=call.force)
        return replace(done, counts={**done.counts, "batch": data})
    because = "--force" if call.force else "--retry-bad"
    return perform(stage, force=call.force or stage.again, because=because)
