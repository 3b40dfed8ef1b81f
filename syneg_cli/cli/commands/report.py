"""`syneg report`: what training gained and how it went, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import Call, flags
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.reported import shown
from syneg_cli.core import UsageError
from syneg_cli.report import write_report
from syneg_cli.stages import SAMPLED, report_workspace, reported


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
    sample: Annotated[
        int,
        typer.Option(help="Queries whose texts are encoded to compare the sources; 0 loads no model.", min=0),
    ] = SAMPLED,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder to write.", metavar="FOLDER", show_default="WORK_DIR/DATASET/report"),
    ] = None,
) -> None:
    """Say what training gained and how it went: one HTML page, the same in Markdown, and the figures."""
    if output is not None and output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file.", hint="Give a folder to --output.")
    workspace = report_workspace(call.session)
    facts = reported(call.session, workspace, model or [], sample=sample)
    for line in (*facts.left_out, *facts.results.notes):
        call.output.warn(line)
    made = write_report(output or workspace.root / workspace.dataset / "report", facts)
    call.output.result(*shown(facts, made))
