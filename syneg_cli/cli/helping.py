"""Help that fits 80 columns, with whole names; and what is meant by an option that a command has not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

OTHERWISE = {"--name": "--output", "--output": "--name"}
"""How the name of a result is called elsewhere."""


class Described(TyperCommand):
    """A command with such help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the base class has it; an option that only other commands have is said to be theirs."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:  # its class is not the same in all versions of Typer
            _say_whose(error, ctx)
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with _room(self, ctx):
            super().format_help(ctx, formatter)


class DescribedGroup(TyperGroup):
    """A group of commands with such help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with _room(self, ctx):
            super().format_help(ctx, formatter)


def _say_whose(error: Any, ctx: Any) -> None:
    """Put into the error of an unknown option what it is called here, or which commands have it."""
    name = getattr(error, "option_name", None)
    if name is None or not hasattr(error, "possibilities"):
        return
    own = {flag for option in ctx.command.params for flag in (*option.opts, *option.secondary_opts)}
    told = ""
    if OTHERWISE.get(name) in own:
        told = f"{OTHERWISE[name]} names what {ctx.command_path} makes."
    elif whose := _commands_with(name, ctx.find_root()):
        told = f"It is an option of {', '.join(whose)}."
    if told:
        error.message, error.possibilities = f"{error.message}. {told}", None


def _commands_with(flag: str, root: Any) -> list[str]:
    """The commands that have an option, as they are called."""
    found = []
    for name in root.command.list_commands(root):
        command = root.command.resolve_command(root, [name])[1]
        parts = getattr(command, "commands", None) or {"": command}
        for part, one in parts.items():
            if any(flag in (*option.opts, *option.secondary_opts) for option in one.params):
                found.append(f"{root.command_path} {name} {part}".strip())
    return found


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
