"""Help that fits 80 columns: names are whole, and switches have no type."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption


class Described(TyperCommand):
    """A command with such help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _make_room(self, ctx)
        super().format_help(ctx, formatter)


class DescribedGroup(TyperGroup):
    """A group of commands with such help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _make_room(self, ctx)
        super().format_help(ctx, formatter)


def _make_room(command: TyperCommand | TyperGroup, context: Any) -> None:
    """Take away the type of switches, and the column for `--no-...`, which leave too little for the rest.

    Help is the end of a call: nothing is parsed any more.
    """
    for option in command.get_params(context):
        if not isinstance(option, TyperOption) or not option.is_flag:
            continue
        option.metavar = ""
        if against := [name for name in option.secondary_opts if name.startswith("--no-")]:
            option.help = f"{option.help} Or {against[0]}."
            option.secondary_opts = []
