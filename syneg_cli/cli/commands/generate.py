"""`syneg generate`: LLM-written hard negatives for every training pair."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from syneg_cli.cli.options import DISJOINT, WRITTEN, Call, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.generated import estimated, fetched, handed_in
from syneg_cli.cli.render.stages import tables
from syneg_cli.generation import QUERY, load_prompt
from syneg_cli.stages import Generate, MirrorQueries, fetch, hand_in, perform, same_server


@make(*section("generate", leave_out=("price",)), WRITTEN, DISJOINT, force=True)
def command(
    call: Call,
    retry_bad: Annotated[
        bool, typer.Option("--retry-bad", help="Ask again for answers that could not be used.")
    ] = False,
    batch: Annotated[
        Literal["submit", "collect"] | None,
        typer.Option(help="OpenAI's Batch API: hand in now, fetch later, at half the price."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Calls, tokens and cost; nothing is sent.")
    ] = False,
) -> None:
    """Let an LLM write hard negatives for every training pair.

    Every answer is stored as soon as it comes: stop and resume at any time, nothing is paid twice.
    """
    output, dataset = call.output, call.dataset()
    session = same_server(call.session, dataset)
    prompt = load_prompt(session.project.generate.prompt, session.resolved.folder)
    if prompt.kind == QUERY:
        done = perform(MirrorQueries(session, dataset, prompt), force=True)
        output.result(done.as_json(), *tables(done, dataset))
        return
    stage = Generate(session, dataset, again=retry_bad)
    if estimate:
        found = stage.estimate()
        output.result(asdict(found), *estimated(found))
        return
    if batch == "submit":
        output.result(*handed_in(hand_in(stage)))
        return
    if batch == "collect":
        data, told = fetched(fetch(stage))
        if data["waiting"] or data["failed"] or data["bad"]:
            output.result(data, told)
            return
        output.note(told)
    because = "--force" if call.force else "--retry-bad"
    done = perform(stage, force=call.force or retry_bad, because=because)
    output.result(done.as_json(), *tables(done, dataset))
