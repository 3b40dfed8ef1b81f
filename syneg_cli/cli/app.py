"""The Typer app and the one place that catches errors.

`main(argv)` returns the exit code: 0 done, 1 failed while running, 2 wrong use or bad
input, 130 interrupted. `SYNEG_DEBUG=1` shows tracebacks.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from syneg_cli.cli import shells
from syneg_cli.cli.commands import COMMANDS, HELP
from syneg_cli.core.errors import SynegError
from syneg_cli.core.version import __version__

INTERRUPTED = 130
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CHECK_PATH = "Check the path and its rights."
MAKE_ROOM = "Make room on the disk, then run the same command: what was finished is kept."


class CommandsOnDemand(TyperGroup):
    """Help needs names and one line each; the module of a command is imported when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else stub, rest


def _load(name: str) -> Any:
    """The command, with its own options and help."""
    module, (about, example) = import_module(f"syneg_cli.cli.commands.{name}"), COMMANDS[name]
    epilog = f"Example: [bold]{example}[/]"
    if hasattr(module, "group"):
        app = module.group
        app.info.help, app.info.epilog = about, epilog
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich", context_settings=HELP)
        app.command(name, help=module.command.__doc__ or about, epilog=epilog)(module.command)
    loaded = typer.main.get_command(app)
    loaded.name = name
    return loaded


app = typer.Typer(
    name="syneg",
    cls=CommandsOnDemand,
    help="Better dense retrievers from LLM-written hard negatives.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=HELP,
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


def _stub() -> None:
    """Stands for a command in the list of them."""


for _name, (_about, _) in COMMANDS.items():
    app.command(_name, help=_about)(_stub)


def main(argv: list[str] | None = None) -> int:
    """Run one command line; never raises, never exits the process."""
    if shells.asks():
        return shells.answer(lambda: app(args=argv, prog_name="syneg"))
    try:
        app(args=argv, prog_name="syneg")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        if code == INTERRUPTED:  # Typer turns Ctrl-C into this code before we see it
            _say("interrupted: everything finished so far is kept; run the same command to go on")
        return code
    except SynegError as error:
        return _report(error, as_json="--json" in (sys.argv[1:] if argv is None else argv))
    except OSError as error:
        full = error.errno in FULL
        if os.environ.get("SYNEG_DEBUG") or (error.filename is None and not full):
            return _unexpected(error)
        place = f"{error.filename}: " if error.filename else "A file cannot be written: "
        known = SynegError(f"{place}{error.strerror}.", hint=MAKE_ROOM if full else CHECK_PATH)
        return _report(known, as_json="--json" in (sys.argv[1:] if argv is None else argv))
    except Exception as error:
        return _unexpected(error)
    return 0


def _unexpected(error: Exception) -> int:
    if os.environ.get("SYNEG_DEBUG"):
        raise error
    _say(f"unexpected {type(error).__name__}: {error}")
    _say("SYNEG_DEBUG=1 shows the traceback; please report it with the command you ran.")
    return 1


def _report(error: SynegError, *, as_json: bool) -> int:
    """Tell people on stderr; programs that asked for JSON get the same on stdout."""
    if os.environ.get("SYNEG_DEBUG"):
        import traceback

        traceback.print_exception(error)
    _say(f"error: {error.message}")
    if error.hint:
        _say(error.hint)
    if as_json and os.environ.get("RANK", "0") == "0":
        told = {"error": error.message, "hint": error.hint, "exit_code": error.exit_code}
        print(json.dumps(told, ensure_ascii=False))
    return error.exit_code


def _say(line: str) -> None:
    from rich.markup import escape

    from syneg_cli.cli.output import make_console, print_line

    head, colon, rest = line.partition(": ")
    text = f"[red]{head}:[/] {escape(rest)}" if colon and head == "error" else escape(line)
    print_line(make_console(stderr=True), text)


def entry_point() -> None:
    sys.exit(main())
