"""The Typer app and the one error boundary.

`main(argv)` returns the exit code: 0 done, 1 failed while running, 2 wrong use or bad
input, 130 interrupted. `SYNEG_DEBUG=1` shows tracebacks.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from syneg_cli import __version__
from syneg_cli.cli.commands import COMMANDS
from syneg_cli.core.errors import SynegError

INTERRUPTED = 130

app = typer.Typer(
    name="syneg",
    help="Better dense retrievers from LLM-written hard negatives.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with [bold]syneg demo[/] (offline, minutes) or [bold]syneg init scifact[/].",
)


def _version(value: bool) -> None:
    if value:
        print(f"syneg {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


for _register in COMMANDS:
    _register(app)


def main(argv: list[str] | None = None) -> int:
    """Run one command line; never raises, never exits the process."""
    try:
        app(args=argv, prog_name="syneg")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        if code == INTERRUPTED:  # Typer turns Ctrl-C into this code before we see it
            _say("interrupted: everything finished so far is kept; run the same command to go on")
        return code
    except SynegError as error:
        return _report(error)
    except Exception as error:
        if os.environ.get("SYNEG_DEBUG"):
            raise
        _say(f"unexpected {type(error).__name__}: {error}")
        _say("SYNEG_DEBUG=1 shows the traceback; please report it with the command you ran.")
        return 1
    return 0


def _report(error: SynegError) -> int:
    if os.environ.get("SYNEG_DEBUG"):
        import traceback

        traceback.print_exception(error)
    _say(f"error: {error.message}")
    if error.hint:
        _say(error.hint)
    return error.exit_code


def _say(line: str) -> None:
    from rich.markup import escape

    from syneg_cli.cli.output import make_console

    head, colon, rest = line.partition(": ")
    text = f"[red]{head}:[/] {escape(rest)}" if colon and head == "error" else escape(line)
    make_console(stderr=True).print(text, soft_wrap=True)


def entry_point() -> None:
    sys.exit(main())
