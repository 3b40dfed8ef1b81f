"""`syneg init`: a syneg.toml and a prompts/ folder to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.options import DATASET
from syneg_cli.cli.output import Output
from syneg_cli.stages import example_text, write_project


def command(
    dataset: Annotated[str | None, DATASET] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Where.", show_default=".")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a syneg.toml that is there.")] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a syneg.toml with every key explained, no more.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
) -> None:
    if example:
        print(example_text(), end="")
        return
    written = write_project(directory, dataset, force=force)
    output = Output(quiet=quiet)
    output.result(None, *(f"wrote {path}" for path in written))
    output.note("Next: set llm in syneg.toml, look at prompts/syneg.txt, then `syneg run`.")
