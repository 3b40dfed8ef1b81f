"""`syneg init`: a syneg.toml and a prompts/ folder to edit."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from syneg_cli.cli.options import DATASET
from syneg_cli.cli.output import Output
from syneg_cli.cli.questions import RELEVANCE, ask, ask_llm, ask_share, can_ask
from syneg_cli.cli.render.started import started
from syneg_cli.data import Dataset, shared_positives
from syneg_cli.stages import (
    HALF,
    Project,
    example_text,
    lacking_split,
    looked_at,
    needs_relevance,
    new_session,
    write_project,
)


class Checking(Output):
    """Shows progress and warnings; what the data set holds is in the result."""

    def note(self, message: str) -> None:
        return None


def command(
    dataset: Annotated[str | None, DATASET] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Where.", show_default=".")] = Path(),
    relevance: Annotated[
        str | None, typer.Option(help="What counts as relevant in your data, in one or two sentences.")
    ] = None,
    test_fraction: Annotated[
        float | None,
        typer.Option(
            help="Where only train or only test is judged: the share of the queries that is test.",
            metavar="SHARE",
        ),
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            "--llm",
            help="The language model: openai:MODEL, ollama:MODEL, hf:FOLDER or replay:FILE.",
            metavar="PROVIDER:MODEL",
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Its server, as http://localhost:8000/v1 (openai: and ollama:).", metavar="URL"),
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(help="Never spend more than this on it.", metavar="USD")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a syneg.toml that is there.")] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Print a syneg.toml with every key explained, no more.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no questions.")] = False,
) -> None:
    """Write a syneg.toml and a prompts/ folder to edit; the data set is checked first, if it is on disk.

    DATASET may be documents, too (a folder, a table, hub:OWNER/NAME): `syneg run` then imports them.
    """
    if example:
        print(example_text(), end="")
        return
    output = Output(as_json=as_json, quiet=quiet)
    asks, checking = can_ask(output), Checking(quiet=quiet)
    options: dict[str, Any] = {"llm": llm, "base_url": base_url, "max_cost": max_cost, "force": force}
    session = new_session(directory, dataset, test_fraction=test_fraction, progress=checking, **options)
    if asks and llm is None and session.project.documents.source:
        options["llm"], options["max_cost"] = ask_llm(output, max_cost)
        session = new_session(directory, dataset, test_fraction=test_fraction, progress=checking, **options)
    found = looked_at(session)
    if (missing := lacking_split(found)) and asks and test_fraction is None:
        share = ask_share(output, *missing)
        session = new_session(directory, dataset, test_fraction=share, **options)
        found = looked_at(session)
    asked = asks and relevance is None and needs_relevance(session, found)
    written = write_project(session, found, relevance=ask(output, RELEVANCE) if asked else relevance)
    output.result(*started(written, session.project, found))
    _tell_of(output, found, test_fraction)
    output.note(_next(directory, dataset, session.project))


def _tell_of(output: Output, found: Dataset | None, test_fraction: float | None) -> None:
    """Documents that train and test share, a split that is missing, and a fraction that makes none."""
    _warn_of_shared(output, found)
    if missing := lacking_split(found):
        made = f"`test_fraction = {HALF}` in [dataset] makes it of {missing[1]}."
        output.note(f"There is no {missing[0]} split; {made}")
    elif test_fraction and found and "test" not in found.carved:
        output.note("--test-fraction changes nothing: the data set has train and test.")


def _warn_of_shared(output: Output, dataset: Dataset | None) -> None:
    """That test asks for documents that train asks for, too, and what can be done."""
    if told := shared_positives(dataset) if dataset else "":
        output.warn(
            f"{told}. `syneg eval` shows every score with and without such queries; "
            "`disjoint = true` in [dataset] trains without these documents"
        )


def _next(directory: Path, dataset: str | None, project: Project) -> str:
    lacking = [*([] if dataset else ["name"]), *([] if project.generate.llm else ["llm"])]
    prompt = "query" if project.documents.source else "syneg"
    there = "" if directory.resolve() == Path.cwd() else f"`cd {shlex.quote(str(directory))}`, "
    named = f"set {' and '.join(lacking)} in syneg.toml, " if lacking else ""
    return f"Next: {there}{named}look at prompts/{prompt}.txt, then `syneg run`."
