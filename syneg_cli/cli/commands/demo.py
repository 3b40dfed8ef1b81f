"""`syneg demo`: the whole pipeline on the built-in benchmark, offline."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.live import watch
from syneg_cli.cli.output import Output
from syneg_cli.cli.render.measured import arms
from syneg_cli.core import duration
from syneg_cli.data import demo
from syneg_cli.stages import PROJECT_FILE, Session, resolve, run_arms, write_demo


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where the demo project is put.", show_default=True)
    ] = Path("syneg-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="The result and warnings alone.")] = False,
) -> None:
    """Run the whole pipeline on the built-in benchmark, offline, in minutes."""
    started, output = time.monotonic(), Output(as_json=as_json, quiet=quiet)
    write_demo(directory)
    resolved = resolve({}, file=directory / PROJECT_FILE)
    session = Session(resolved, output, lambda *what: watch(output, *what))
    output.note(f"The demo project is in {directory}; edit its syneg.toml and run `syneg run` there.")
    data, shown = arms(run_arms(session, directory), demo.DATASET)
    seconds = time.monotonic() - started
    output.result({**data, "seconds": seconds}, *shown)
    output.note(f"demo: {duration(seconds)} in all")
