"""`syneg prompts`: list, show, check and render prompt files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from syneg_cli.cli.commands import GROUP
from syneg_cli.cli.completion import offer
from syneg_cli.cli.helping import Described
from syneg_cli.cli.options import Call, Flag
from syneg_cli.cli.options import command as make
from syneg_cli.cli.output import print_raw
from syneg_cli.cli.render.prompted import prompts
from syneg_cli.core import PromptError
from syneg_cli.generation import list_prompts, load_prompt
from syneg_cli.stages import rendered_prompt

named = offer("<prompt file>")
Name = Annotated[str, typer.Argument(help="A prompt's name, or a .txt file.", autocompletion=named)]


@make(dataset=False)
def list_(call: Call) -> None:
    """Every prompt, where it is and what it asks for; those of the project hide ours."""
    folder = call.session.resolved.folder
    rows: list[dict[str, Any]] = []
    for name, path in list_prompts(folder).items():
        try:
            prompt = load_prompt(name, folder)
            kind, variables, wrong = prompt.kind, sorted(prompt.variables), None
        except PromptError as error:
            kind, variables, wrong = None, [], error.message
        row = {"name": name, "asks_for": kind, "variables": variables, "error": wrong, "file": str(path)}
        rows.append(row)
    call.output.result({"prompts": rows}, *prompts(rows))


@make(dataset=False)
def show(call: Call, name: Name) -> None:
    """Print a prompt file as it is: copy it to prompts/NAME.txt to write your own."""
    prompt = load_prompt(name, call.session.resolved.folder)
    if call.output.as_json:
        call.output.result({"name": prompt.name, "file": str(prompt.path), "source": prompt.source})
    else:
        print_raw(prompt.source)


@make(dataset=False)
def check(
    call: Call,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Prompts to check.", show_default="all", autocompletion=named),
    ] = None,
) -> None:
    """Find what is wrong with prompt files: syntax, unknown or missing variables, no answer shown."""
    folder = call.session.resolved.folder
    problems: dict[str, str] = {}
    there = list_prompts(folder)
    chosen = names or list(there)
    for name in chosen:
        try:
            load_prompt(name, folder)
        except PromptError as error:
            if name not in there and not Path(name).is_file():  # no such prompt: nothing was checked
                raise
            problems[name] = error.message
    lines = [problems.get(name) or f"{name}: fine" for name in chosen]
    checked = [{"name": name, "error": problems.get(name)} for name in chosen]
    call.output.result({"prompts": checked}, "\n".join(lines))
    if problems:
        raise typer.Exit(2)


@make(Flag("dataset.name", ("--dataset",)), Flag("dataset.data_dir"), Flag("generate.prompt"), dataset=False)
def render(
    call: Call,
    name: Annotated[
        str | None,
        typer.Argument(help="A prompt's name.", show_default="syneg", autocompletion=offer("<prompt>")),
    ] = None,
    query_id: Annotated[str | None, typer.Option(help="The query; by default the first of train.")] = None,
) -> None:
    """Print what would be sent for a query and its first positive."""
    text = rendered_prompt(call.session, name, query_id)
    if call.output.as_json:
        call.output.result({"text": text})
    else:
        print_raw(f"{text}\n")


group = typer.Typer(**GROUP)
for _command in (list_, show, check, render):
    group.command(_command.__name__.rstrip("_"), cls=Described)(_command)
