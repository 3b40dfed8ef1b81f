"""`syneg queries`: LLM-written queries for documents that have none, and rewordings of those of train."""

from __future__ import annotations

from typing import Annotated

import typer

from syneg_cli.cli.asking import Batch, BatchRead, BatchWrite, Estimating, Files, RetryBad, ask, check_ways
from syneg_cli.cli.options import ASKING, DISJOINT, Call, Flag, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.queries import estimated_queries, queries
from syneg_cli.stages import Queries, same_server


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
    retry_bad: RetryBad = False,
    batch: Batch = None,
    batch_write: BatchWrite = None,
    batch_read: BatchRead = None,
    estimate: Estimating = False,
) -> None:
    """Let an LLM write queries for documents that have none.

    A query is kept if it finds its document again. Answers are stored as they come: nothing is paid twice.
    """
    files = Files(batch_write, batch_read)
    check_ways(call, files, {"--estimate": estimate}, batch=batch, retry_bad=retry_bad)
    output, dataset = call.output, call.session.dataset("none")
    session = same_server(call.session, dataset)
    stage = Queries(session, dataset, rewrite=rewrite, again=retry_bad)
    if estimate:
        found = stage.estimate()
        output.result(*estimated_queries(found, stage.estimate_judge(), stage.nouns.asked[1]))
    elif done := ask(stage, call, batch=batch, files=files):
        output.result(done.as_json(), *queries(done, stage.nouns.asked[1], session.query_weight(dataset)))
        if done.counts["complete"]:
            output.note(stage.next_step())
