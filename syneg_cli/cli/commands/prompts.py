"""`syneg prompts`: list, show, check and render prompt files."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from syneg_cli.cli.commands.options import (
    DataDir,
    Json,
    ProjectFile,
    Quiet,
    Session,
    WorkDir,
    open_session,
)
from syneg_cli.core.errors import PromptError, UsageError, did_you_mean

Name = Annotated[str, typer.Argument(help="A prompt's name, or a .txt file.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The prompts: list, show, check and render them.", no_args_is_help=True)
    for command in (list_, show, check, render):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="prompts")


def list_(project: ProjectFile = None, as_json: Json = False) -> None:
    """Every prompt, where it lies and what it asks for; those of the project hide ours."""
    from syneg_cli.cli.output import table
    from syneg_cli.generation.prompt_files import list_prompts, load_prompt

    session = open_session({}, project=project, as_json=as_json)
    rows: list[dict[str, Any]] = []
    for name, path in list_prompts(session.resolved.folder).items():
        try:
            prompt = load_prompt(name, session.resolved.folder)
            rows.append(
                {
                    "name": name,
                    "asks for": prompt.kind,
                    "variables": sorted(prompt.variables),
                    "file": str(path),
                }
            )
        except PromptError as error:
            rows.append({"name": name, "asks for": error.message, "variables": [], "file": str(path)})
    cells = [(row["name"], row["asks for"], ", ".join(row["variables"]), row["file"]) for row in rows]
    session.output.result({"prompts": rows}, table(None, ["name", "asks for", "variables", "file"], cells))


def show(name: Name, project: ProjectFile = None) -> None:
    """Print a prompt file as it is: copy it to prompts/NAME.txt to write your own."""
    from syneg_cli.generation.prompt_files import load_prompt

    session = open_session({}, project=project)
    print(load_prompt(name, session.resolved.folder).source, end="")


def check(
    names: Annotated[list[str] | None, typer.Argument(help="Prompts to check.", show_default="all")] = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """Find what is wrong with prompt files: syntax, unknown or missing variables, no answer shown."""
    from syneg_cli.generation.prompt_files import list_prompts, load_prompt

    session = open_session({}, project=project, as_json=as_json)
    problems: dict[str, str] = {}
    chosen = names or list(list_prompts(session.resolved.folder))
    for name in chosen:
        try:
            load_prompt(name, session.resolved.folder)
        except PromptError as error:
            problems[name] = error.message
    lines = [problems.get(name) or f"{name}: fine" for name in chosen]
    session.output.result({name: problems.get(name) for name in chosen}, "\n".join(lines))
    if problems:
        raise typer.Exit(2)


def render(
    name: Annotated[str | None, typer.Argument(help="A prompt's name.", show_default="syneg")] = None,
    query_id: Annotated[str | None, typer.Option(help="The query; by default the first of train.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A BEIR name or a folder.")] = None,
    project: ProjectFile = None,
    data_dir: DataDir = None,
    work_dir: WorkDir = None,
    quiet: Quiet = False,
) -> None:
    """Print what would be sent for a query and its first positive."""
    flags = {
        "dataset.name": dataset,
        "dataset.data_dir": data_dir,
        "work_dir": work_dir,
        "generate.prompt": name,
    }
    print(rendered(open_session(flags, project=project, quiet=quiet), query_id))


def rendered(session: Session, query_id: str | None) -> str:
    """The text of the request for a query's first training positive."""
    from syneg_cli.cli.commands.generate import generator_for
    from syneg_cli.llm.base import NoModel

    dataset = session.dataset()
    pairs = [p for split in ("train", "dev") if split in dataset.judgements for p in dataset.pairs(split)]
    pair = next((p for p in pairs if query_id in (None, p.query_id)), None)
    if pair is None:
        known = [p.query_id for p in pairs]
        raise UsageError(
            f"--query-id: {dataset.name} has no training query {query_id!r}."
            + did_you_mean(str(query_id), known),
            hint=f"Some that it has: {', '.join(known[:5])}.",
        )
    item = generator_for(session, dataset, NoModel()).item(0, pair)
    return item.request.messages[0][1]
