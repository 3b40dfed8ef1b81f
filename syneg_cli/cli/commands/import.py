"""`syneg import`: documents, tables, databases and data sets elsewhere as a folder in BEIR layout."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from syneg_cli.cli.completion import offer
from syneg_cli.cli.options import Call, Flag, section
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render.imported import imported
from syneg_cli.stages import Session, import_documents

COUNTING = Flag("train.backbone", help="Whose tokenizer counts: an alias, a model folder or a hub id.")


@make(*section("documents", leave_out=("source",)), COUNTING, dataset=False, force=True)
def command(
    call: Call,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A folder or a file of documents, a table, a database, hub:OWNER/NAME, irds:NAME or "
            "mteb:TASK.",
            autocompletion=offer("<path>", "hub:", "irds:", "mteb:"),
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(help="The folder to write.", metavar="DIR", show_default="PATH's name with -data, here"),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(help="Of a database: the SELECT whose rows are the documents.", metavar="SQL"),
    ] = None,
    queries: Annotated[
        str | None,
        typer.Option(help="Queries: JSONL, Parquet, CSV, or lines of id, tab, text.", metavar="FILE"),
    ] = None,
    qrels: Annotated[
        list[str] | None,
        typer.Option(
            help="Judgements of a split, which the name says: TREC, TSV, CSV, JSONL, Parquet. "
            "May be repeated.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Make a data set folder of documents that you have: texts, tables, databases, the hub."""
    made = import_documents(
        call.session, path, output, query=query, queries=queries, qrels=tuple(qrels or ()), force=call.force
    )
    call.output.result(made.as_json(), *imported(made))
    call.output.note(f"Next: {_next(call.session, made.path)}.")


def _next(session: Session, folder: Path) -> str:
    """What to do with what was imported: a project that is about it is there, or none yet."""
    name = session.project.dataset.name
    if name and session.resolved.path(name).resolve() == folder.resolve():
        return "`syneg run` does what is to do now, `syneg status` shows it"
    return f"`syneg init {shlex.quote(str(folder))}`"
