"""`syneg report`: what training recorded, as figures and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import Call, flags
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.reported import cost_line, costs, models, summary
from syneg_cli.core import UsageError
from syneg_cli.report import write_report
from syneg_cli.stages import report_workspace, reported_models, reported_results, reported_split


@make(*flags("eval.split"))
def command(
    call: Call,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model, by name; may be repeated.",
            show_default="all with a recording",
            autocompletion=offer("<model>"),
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder to write.", metavar="FOLDER", show_default="WORK_DIR/DATASET/report"),
    ] = None,
) -> None:
    """Draw what training recorded: figures, Markdown and one HTML file."""
    if output is not None and output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file.", hint="Give a folder to --output.")
    workspace = report_workspace(call.session)
    split = reported_split(call.session, workspace)
    found, left_out = reported_models(call.session, workspace, model or [])
    results = reported_results(call.session, workspace)
    for line in (*left_out, *results.notes):
        call.output.warn(line)
    folder = output or workspace.root / workspace.dataset / "report"
    made = write_report(folder, workspace.dataset, found, split=split, left_out=left_out, results=results)
    data = {
        "dataset": workspace.dataset,
        "report": str(made.markdown),
        "html": str(made.html),
        "figures": [str(figure) for figure in made.figures],
        "models": [summary(one) for one in found],
        "left_out": left_out,
        **costs(results),
    }
    table, paths = models(found, split), f"{made.html}\n{made.markdown}"
    shown = (f"training on {workspace.dataset}", table, cost_line(results), paths)
    call.output.result(data, *shown)
