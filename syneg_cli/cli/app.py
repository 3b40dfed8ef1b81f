"""The Typer app and the one place that catches errors.

`main(argv)` returns the exit code: 0 done, 1 failed while running, 2 wrong use or bad
input, 130 interrupted. `SYNEG_DEBUG=1` shows tracebacks.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from importlib import import_module
from typing import Annotated, Any, Protocol, runtime_checkable

import typer

from syneg_cli.cli import shells
from syneg_cli.cli.commands import COMMANDS, HELP
from syneg_cli.cli.helping import Described, DescribedGroup
from syneg_cli.core.endings import leave_terminal, polite_ends
from syneg_cli.core.errors import SynegError, UsageError
from syneg_cli.core.paths import RIGHTS
from syneg_cli.core.processes import lost_process
from syneg_cli.core.secrets import masked
from syneg_cli.core.version import __version__

INTERRUPTED = 130
BROKEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""What is no wrong input: a disk that is full, or fails."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAKE_ROOM = "Make room on the disk, then run the same command: what was finished is kept."


@runtime_checkable
class Misused(Protocol):
    """An error of Typer's parser, whose class is not the same in all versions of Typer."""

    def format_message(self) -> str: ...


class CommandsOnDemand(DescribedGroup):
    """Help needs names and one line each; the module of a command is imported when it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, stub, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else stub, rest


@cache
def _load(name: str) -> Any:
    """The command, with its own options and help; made once, for programs that call `main` often."""
    module, (about, example) = import_module(f"syneg_cli.cli.commands.{name}"), COMMANDS[name]
    epilog = f"Example: [bold]{example}[/]"
    if hasattr(module, "group"):
        app = module.group
        app.info.help, app.info.epilog = about, epilog
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich", context_settings=HELP)
        documented = module.command.__doc__ or about
        app.command(name, cls=Described, help=documented, epilog=epilog)(module.command)
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
    epilog="Start with [bold]syneg demo[/] (offline, minutes), with your documents: [bold]syneg import "
    "docs/[/], or with a benchmark: [bold]syneg init scifact[/].",
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
    if lost := _lost_folder():
        raise lost


def _lost_folder() -> UsageError | None:
    """The error where the current folder was deleted: nothing that is given can be found from it."""
    try:
        os.getcwd()  # noqa: PTH109 (pathlib's is the same)
    except OSError as error:
        return UsageError(
            f"The current folder is not there any more ({error.strerror}).",
            hint="Go to a folder that is there (`cd`), then run the same command.",
        )
    return None


def _stub() -> None:
    """Stands for a command in the list of them."""


for _name, (_about, _) in COMMANDS.items():
    app.command(_name, help=_about)(_stub)


@lru_cache(maxsize=1)
def _tree() -> Any:
    return typer.main.get_command(app)


def main(argv: list[str] | None = None) -> int:
    """Run one command line; never raises, never exits the process. A polite end is as Ctrl-C."""
    with _ended_politely():
        return _run(argv)


@contextmanager
def _ended_politely() -> Iterator[None]:
    def interrupt(number: int, frame: object) -> None:
        leave_terminal(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = [one for one in polite_ends() if one != signal.SIGINT]  # which Python turns into the same
    before = {one: signal.signal(one, interrupt) for one in ends}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _run(argv: list[str] | None) -> int:
    if shells.asks():
        return shells.answer(lambda: _tree()(args=argv, prog_name="syneg"))
    as_json = "--json" in (sys.argv[1:] if argv is None else argv)
    try:
        _tree()(args=argv, prog_name="syneg")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        if code == INTERRUPTED:  # Typer turns Ctrl-C into this code before we see it
            _say("interrupted")  # what is kept, those say who keep it
        if as_json and isinstance(stop.__context__, Misused):  # people were told by Typer
            _print_json(_of_typer(stop.__context__, code))
        return code
    except SynegError as error:
        return _report(error, as_json=as_json)
    except OSError as error:
        if error.filename is None and (lost := _lost_folder()):  # in the middle of a command
            return _report(lost, as_json=as_json)
        full = error.errno in FULL
        if os.environ.get("SYNEG_DEBUG") or (error.filename is None and not full):
            return _unexpected(error)
        place = f"{error.filename}: " if error.filename else "A file cannot be written: "
        known = SynegError(f"{place}{error.strerror}.", hint=MAKE_ROOM if full else RIGHTS)
        known.exit_code = 1 if error.errno in BROKEN else 2
        return _report(known, as_json=as_json)
    except Exception as error:
        gone = lost_process(error)
        return _report(gone, as_json=as_json) if gone else _unexpected(error)
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
        _show_traceback(error)
    _say(f"error: {error.message}")
    if error.hint:
        _say(error.hint)
    if as_json:
        with suppress(OSError):  # where not even this can be written, people were told
            _print_json({"error": error.message, "hint": error.hint, "exit_code": error.exit_code})
    return error.exit_code


def _of_typer(wrong: Misused, code: int) -> dict[str, Any]:
    """What Typer says of arguments that it cannot read, as our own errors are in JSON."""
    context = getattr(wrong, "ctx", None)
    hint = f"`{context.command_path} --help` lists what there is." if context else None
    return {"error": wrong.format_message(), "hint": hint, "exit_code": code}


def _print_json(told: dict[str, Any]) -> None:
    if os.environ.get("RANK", "0") == "0":
        from syneg_cli.cli.output import print_json

        print_json(told)


def _say(line: str) -> None:
    from syneg_cli.cli.output import make_console, print_line

    line = masked(line)
    head, colon, rest = line.partition(": ")
    if colon and head == "error":
        print_line(make_console(stderr=True), rest, head=("error:", "red"))
    else:
        print_line(make_console(stderr=True), line)


def _show_traceback(error: BaseException) -> None:
    """Without secrets, which the errors of libraries repeat."""
    import traceback

    print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)


def entry_point() -> None:
    try:
        code = main()
    except Exception as error:  # SYNEG_DEBUG
        _show_traceback(error)
        code = 1
    sys.exit(code)
