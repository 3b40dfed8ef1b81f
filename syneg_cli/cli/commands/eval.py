"""`syneg eval`: how good is a retriever, and is it better than its backbone?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import EMBEDDING, WRITTEN, Call, flags, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.measured import measured
from syneg_cli.stages import measure, measure_reranked, measuring, need_no_depth, retriever_of, subject_of


@make(*section("eval"), *flags("dataset.identical_ids"), *EMBEDDING, WRITTEN, force=True)
def command(
    call: Call,
    model: Annotated[
        str | None,
        typer.Option(
            help="A model folder, or the NAME of a model trained here.", autocompletion=offer("<model>")
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="An alias, a folder, a hub id, openai:MODEL or ollama:MODEL; "
            "with --model, what to compare with.",
            autocompletion=offer("<backbone>", "openai:", "ollama:"),
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="A TREC run to measure instead of a model.", metavar="FILE")
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            help="A cross-encoder on top of it: a folder, a hub id or the NAME of one trained here.",
            autocompletion=offer("<model>"),
        ),
    ] = None,
) -> None:
    """Measure a model, a backbone or a TREC run on a data set."""
    dataset = call.dataset()
    session = measuring(call.session, dataset)
    if rerank is None:
        need_no_depth(session)
        subject = subject_of(session, dataset, model, backbone, run)
        record = measure(session, dataset, subject, force=call.force)
    else:
        subject = retriever_of(session, dataset, model, backbone, run)
        record = measure_reranked(session, dataset, subject, rerank, force=call.force)
    data, shown = measured(record, session.project.eval.equivalence_margin)
    call.output.result(data, *shown)
