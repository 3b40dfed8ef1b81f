"""`syneg cache`: what was ever asked, and what it cost."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from syneg_cli.commands import calling
from syneg_cli.commands.options import Json, ProjectFile, Session, WorkDir, open_session
from syneg_cli.errors import UsageError

CacheFile = Annotated[
    str | None,
    typer.Option("--cache", help="The cache file.", show_default="WORK_DIR/generations.db", metavar="FILE"),
]
PromptFilter = Annotated[str | None, typer.Option("--prompt", help="Only answers to this prompt.")]
ModelFilter = Annotated[str | None, typer.Option("--model", help="Only answers of this model.")]
StatusFilter = Annotated[
    str | None, typer.Option("--status", help="Only ok, truncated or unparsable answers.")
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The generation cache: every answer ever paid for.", no_args_is_help=True)
    for command in (stats, list_, show, export, import_, merge, prune):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="cache")


def _open(cache: str | None, work_dir: str | None, project: Path | None, as_json: bool = False) -> Session:
    flags = {"generate.cache": cache, "work_dir": work_dir}
    return open_session(flags, project=project, as_json=as_json)


def _need_file(session: Session) -> None:
    path = calling.cache_path(session)
    if not path.is_file():
        raise UsageError(
            f"There is no cache at {path} yet.", hint="`syneg generate` makes it; --cache names another."
        )


def _where(prompt: str | None, model: str | None, status: str | None) -> tuple[str, tuple[Any, ...]]:
    given = {"prompt": prompt, "model": model, "status": status}
    used = {name: value for name, value in given.items() if value is not None}
    return " AND ".join(f"{name} = ?" for name in used) or "1", tuple(used.values())


def stats(
    cache: CacheFile = None, work_dir: WorkDir = None, project: ProjectFile = None, as_json: Json = False
) -> None:
    """How many answers there are by model and prompt, their tokens and their cost."""
    from syneg_cli import cache_files
    from syneg_cli.output import money, table

    session = _open(cache, work_dir, project, as_json)
    _need_file(session)
    with calling.open_cache(session) as opened:
        rows = cache_files.stats(opened)
    cells = [[*list(row.values())[:-1], money(row["cost_usd"])] for row in rows]
    columns = ["llm", "prompt", "answers", "bad", "tokens in", "tokens out", "cost"]
    session.output.result({"rows": rows}, table(str(calling.cache_path(session)), columns, cells))


def list_(
    limit: Annotated[int, typer.Option(help="How many, the latest first.")] = 20,
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """The latest answers, one a line."""
    from syneg_cli.output import money, table

    session = _open(cache, work_dir, project, as_json)
    _need_file(session)
    where, values = _where(prompt, model, status)
    with calling.open_cache(session) as opened:
        rows = list(
            opened.rows(
                f"{where} AND id IN (SELECT id FROM answers WHERE {where} ORDER BY id DESC LIMIT ?)",
                (*values, *values, limit),
            )
        )
    rows.reverse()
    cells = [
        (
            row.key[:12],
            row.status,
            f"{row.provider}:{row.model}"[:40],
            row.prompt,
            row.query_id,
            row.doc_id,
            row.completion_tokens,
            money(row.cost_usd),
            row.created,
        )
        for row in rows
    ]
    columns = ["key", "status", "llm", "prompt", "query", "document", "tokens out", "cost", "created"]
    session.output.result({"answers": [asdict(row) for row in rows]}, table(None, columns, cells))


def show(
    key: Annotated[str, typer.Argument(help="The start of an answer's key.")],
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """One answer in full: what was asked, what came back."""
    from syneg_cli import cache_files
    from syneg_cli.output import table

    session = _open(cache, work_dir, project, as_json)
    _need_file(session)
    with calling.open_cache(session) as opened:
        row = cache_files.find(opened, key)
    facts = [(name, value) for name, value in asdict(row).items() if name not in ("messages", "response")]
    asked = "\n\n".join(f"--- {role}\n{text}" for role, text in json.loads(row.messages))
    shown = (table(None, ["", ""], facts, right=lambda column: False), asked, f"\n--- answer\n{row.response}")
    session.output.result(asdict(row), *shown)


def export(
    output: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """Write good answers as JSONL, for `--llm replay:FILE` or `syneg cache import`."""
    from syneg_cli import cache_files

    session = _open(cache, work_dir, project, as_json)
    _need_file(session)
    with calling.open_cache(session) as opened:
        count = cache_files.export(opened, output, *_where(prompt, model, None))
    session.output.result({"exported": count, "path": str(output)}, f"{count} answers -> {output}")


def import_(
    file: Annotated[Path, typer.Argument(help="An export of another cache.")],
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """Add the answers of an export."""
    from syneg_cli import cache_files

    session = _open(cache, work_dir, project, as_json)
    with calling.open_cache(session) as opened:
        new, read = cache_files.import_file(opened, file)
    session.output.result({"new": new, "read": read}, f"{new} of {read} answers were new")


def merge(
    others: Annotated[list[Path], typer.Argument(help="Caches (generations.db) of other machines.")],
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """Add the answers of other caches, for example those of the shards of one job."""
    from syneg_cli import cache_files

    session = _open(cache, work_dir, project, as_json)
    missing = [other for other in others if not other.is_file()]
    if missing:
        raise UsageError(
            f"{missing[0]} is not there.", hint="Give the generations.db of another work directory."
        )
    with calling.open_cache(session) as opened:
        counts = {str(other): cache_files.merge(opened, other) for other in others}
    lines = [f"{other}: {new} of {read} answers were new" for other, (new, read) in counts.items()]
    session.output.result(
        {other: {"new": n, "read": r} for other, (n, r) in counts.items()}, "\n".join(lines)
    )


def prune(
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really remove them; without it they are only counted.")
    ] = False,
    cache: CacheFile = None,
    work_dir: WorkDir = None,
    project: ProjectFile = None,
    as_json: Json = False,
) -> None:
    """Remove answers for good. Says what would go, unless --yes is given."""
    session = _open(cache, work_dir, project, as_json)
    _need_file(session)
    where, values = _where(prompt, model, status)
    if where == "1":
        raise UsageError(
            "prune: say which answers.", hint="For example `syneg cache prune --status unparsable`."
        )
    with calling.open_cache(session) as opened:
        found = sum(1 for _ in opened.rows(where, values))
        removed = opened.remove(where, values) if yes else 0
    said = f"{removed} answers removed" if yes else f"{found} answers would be removed; --yes removes them"
    session.output.result({"found": found, "removed": removed}, said)
