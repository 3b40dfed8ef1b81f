"""`syneg keys`: the keys of servers, kept in a file that its owner alone can read."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from syneg_cli.cli.commands import GROUP
from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import Call
from syneg_cli.cli.options import command as make
from syneg_cli.cli.output import table
from syneg_cli.core import (
    KEY_NAMES,
    UsageError,
    find_key,
    key_origins,
    keys_file,
    known_key_name,
    remove_key,
    store_key,
)

Name = Annotated[
    str, typer.Argument(help=f"{', '.join(KEY_NAMES)}.", autocompletion=offer(*KEY_NAMES), show_default=False)
]
local = make(dataset=False)


@local
def set_(
    call: Call, name: Name, value: Annotated[list[str] | None, typer.Argument(hidden=True)] = None
) -> None:
    """Keep a key: asked for without showing it, or read from a pipe."""
    known_key_name(name)
    if value:
        raise UsageError(
            "A key is no argument: the list of processes and the shell's history would show it.",
            hint=f"Run `syneg keys set {name}` and paste the key when it asks; replace a key that was shown.",
        )
    path = store_key(name, _hidden(name))
    before = [origin for origin in key_origins(name) if origin != str(path)]
    if before:
        call.output.warn(f"{before[0]} has a {name} too, and that one counts")
    call.output.result({"name": name, "from": str(path)}, f"{name} -> {path}")


@local
def list_(call: Call) -> None:
    """The keys that there are and where they come from, never what they are."""
    rows = [_row(name) for name in KEY_NAMES]
    cells = [(row["name"], row["from"], row["problem"] or row["for"]) for row in rows]
    call.output.result({"keys": rows}, table(None, ["key", "from", "for"], cells, right=lambda _: False))


@local
def remove(call: Call, name: Name) -> None:
    """Take a key out of the file; environment and .env stay as they are."""
    gone = remove_key(name)
    said = f"{name} removed from {keys_file()}" if gone else f"{keys_file()} has no {name}"
    call.output.result({"name": name, "removed": gone}, said)
    if left := key_origins(name):
        call.output.note(f"{left[0]} still has one")


def _hidden(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.read()
    from getpass import getpass

    try:
        return getpass(f"{name} (it is not shown): ")
    except EOFError:
        return ""


def _row(name: str) -> dict[str, Any]:
    try:
        key = find_key(name)
    except UsageError as error:
        return {"name": name, "from": None, "for": KEY_NAMES[name], "problem": str(error)}
    return {"name": name, "from": key.origin if key else None, "for": KEY_NAMES[name], "problem": None}


group = typer.Typer(**GROUP)
for _command in (set_, list_, remove):
    group.command(_command.__name__.rstrip("_"))(_command)
