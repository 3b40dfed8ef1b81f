"""Help that fits 80 columns: names are whole, and switches have no type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class Described(TyperCommand):
    """A command with such help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with _room(self, ctx):
            super().format_help(ctx, formatter)


class DescribedGroup(TyperGroup):
    """A group of commands with such help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with _room(self, ctx):
            super().format_help(ctx, formatter)


@contextmanager
def _room(command: TyperCommand | TyperGroup, context: Any) -> Iterator[None]:
    """Without the type of switches, and the column for `--no-...`, which leave too little for the rest.

    Only while help is made: the command may be called again.
    """
    before = []
    for option in command.get_params(context):
        if not isinstance(option, TyperOption) or not option.is_flag:
            continue
        before.append((option, option.metavar, option.help, option.secondary_opts))
        option.metavar = ""
        if against := [name for name in option.secondary_opts if name.startswith("--no-")]:
            option.help = f"{option.help} Or {against[0]}."
            option.secondary_opts = []
    try:
        yield
    finally:
        for option, metavar, about, against in before:
            option.metavar, option.help, option.secondary_opts = metavar, about, against
