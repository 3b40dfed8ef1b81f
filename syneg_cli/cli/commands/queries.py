"""`syneg queries`: LLM-written queries for documents that have none, and rewordings of those of train."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from syneg_cli.cli.options import ASKING, DISJOINT, Call, Flag, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.generated import estimated, fetched, handed_in
from syneg_cli.cli.render.queries import queries
from syneg_cli.stages import Queries, fetch, hand_in, perform, same_server


@make(
    *section("queries", leave_out=("weight",)),
    *ASKING,
    DISJOINT,
    Flag("mine.backbone", help="The encoder of the round trip, and of a sample that is spread."),
    force=True,
)
def command(
    call: Call,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Reword the training queries, instead of writing new ones.")
    ] = False,
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
    """Let an LLM write queries for documents that have none.

    A query is kept if it finds its document again. Answers are stored as they come: nothing is paid twice.
    """
    output, dataset = call.output, call.session.dataset("none")
    session = same_server(call.session, dataset)
    stage = Queries(session, dataset, rewrite=rewrite, again=retry_bad)
    if estimate:
        found = stage.estimate()
        data = asdict(found)
        if session.project.queries.check == "judge" and not rewrite:
            output.note("the judge's calls come on top: one for each query, and those of --judge-pool")
        output.result({"asked": data.pop("pairs"), **data}, *estimated(found, stage.nouns.asked[1]))
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
    output.result(done.as_json(), *queries(done, stage.nouns.asked[1], session.query_weight(dataset)))
    output.note(stage.next_step())
