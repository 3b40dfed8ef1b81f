"""`syneg eval`: how good is a retriever, and is it better than its backbone?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from syneg_cli.cli.asking import Estimating
from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import EMBEDDING, WRITTEN, Call, flags, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.compared import compared
from syneg_cli.cli.render.vectors import estimated_vectors
from syneg_cli.core import UsageError, near
from syneg_cli.stages import Asked, estimate_measuring, measure_all, need_no_depth, write_mteb

More = Annotated[
    list[str] | None,
    typer.Argument(metavar="MORE", help="More data sets, in one table.", autocompletion=offer("<dataset>")),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        help="A model folder, the NAME of a model trained here, what --backbone takes, or bm25. "
        "May be repeated.",
        autocompletion=offer("<model>"),
    ),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="An alias, a folder, a hub id, openai:MODEL or ollama:MODEL; "
        "with --model, what to compare with.",
        autocompletion=offer("<backbone>", "openai:", "ollama:"),
    ),
]
RunFile = Annotated[
    list[Path] | None,
    typer.Option("--run", help="A TREC run to measure instead of a model. May be repeated.", metavar="FILE"),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        help="What to compare with: backbone (what a model began as), bm25, alone (the same without "
        "--expansion and --lexical), whatever --model takes, a TREC run's file, or none.",
        autocompletion=offer("backbone", "bm25", "alone", "none", "<model>", "<path>"),
    ),
]
Reranker = Annotated[
    str | None,
    typer.Option(
        help="A cross-encoder on top of it: a folder, a hub id or the NAME of one trained here.",
        autocompletion=offer("<model>"),
    ),
]
Worst = Annotated[
    int, typer.Option(help="Show the N queries that lost most against the baseline.", min=0, metavar="N")
]
Best = Annotated[int, typer.Option(help="Show the N queries that gained most.", min=0, metavar="N")]
Format = Annotated[
    Literal["table", "mteb"], typer.Option(help="mteb also writes the result files that mteb reads.")
]
Folder = Annotated[
    Path | None, typer.Option(help="The folder of --format mteb.", metavar="FOLDER", show_default="results")
]


@make(*section("eval"), *flags("dataset.identical_ids"), *EMBEDDING, WRITTEN, force=True)
def command(
    call: Call,
    more: More = None,
    model: Model = None,
    backbone: Backbone = None,
    run: RunFile = None,
    baseline: Baseline = None,
    rerank: Reranker = None,
    worst: Worst = 0,
    best: Best = 0,
    format: Format = "table",
    output: Folder = None,
    estimate: Estimating = False,
) -> None:
    """Measure models, backbones, BM25 or TREC runs on one or more data sets."""
    if rerank is None:
        need_no_depth(call.session)
    if output and format != "mteb":
        raise UsageError("--output is where --format mteb writes.", hint="Add `--format mteb`.")
    asked = Asked(model or (), backbone, run or (), baseline, rerank)
    named = [call.session.project.dataset.name or "", *more] if more else []
    if estimate:
        data, told = estimated_vectors(estimate_measuring(call.session, named, asked))
        call.output.result(data, *told)
        return
    found = measure_all(call.session, named, asked, worst=worst, best=best, force=call.force)
    written = write_mteb(found, output or Path("results")) if format == "mteb" else []
    error = found.error
    if found.measured:
        margin = call.session.project.eval.equivalence_margin
        data, shown = compared(found, margin, for_machines=call.output.as_json)
        call.output.result(data, *shown, *(f"for mteb: {near(path)}" for path in written))
        if error and call.output.as_json:  # which has told it already, and is one object
            call.output.warn(f"{error}")
            raise typer.Exit(2)
    if error:
        raise error
