"""`syneg cache`: what was ever asked, and what it cost; the vectors that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from syneg_cli.cli.commands import calling, embeddings
from syneg_cli.cli.commands.options import Json, ProjectFile, Session, WorkDir, open_session
from syneg_cli.core.errors import UsageError

CacheFile = Annotated[
    str | None,
    typer.Option("--cache", help="The cache file.", show_default="WORK_DIR/generations.db", metavar="FILE"),
]
PromptFilter = Annotated[str | None, typer.Option("--prompt", help="Only answers to this prompt.")]
ModelFilter = Annotated[str | None, typer.Option("--model", help="Only answers of this model.")]
StatusFilter = Annotated[
    str | None, typer.Option("--status", help="Only ok, truncated or unparsable answers.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Really remove them; without it they are only counted.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="The generation cache, every answer ever paid for; and the embedding cache.",
        no_args_is_help=True,
    )
    for command in (stats, list_, show, export, import_, merge, prune):
        group.command(command.__name__.rstrip("_"))(_with_options_of(_open, command))
    group.command("embeddings")(_with_options_of(_open_work, embeddings.list_))
    group.command("prune-embeddings")(_with_options_of(_open_work, embeddings.prune))
    app.add_typer(group, name="cache")


def _open(
    cache: CacheFile = None, work_dir: WorkDir = None, project: ProjectFile = None, as_json: Json = False
) -> Session:
    flags = {"generate.cache": cache, "work_dir": work_dir}
    return open_session(flags, project=project, as_json=as_json)


def _open_work(work_dir: WorkDir = None, project: ProjectFile = None, as_json: Json = False) -> Session:
    return open_session({"work_dir": work_dir}, project=project, as_json=as_json)


def _with_options_of(opening: Callable[..., Session], command: Callable[..., None]) -> Callable[..., None]:
    """`command`, with the options of `opening` in the place of the session that these open."""
    shared = signature(opening, eval_str=True).parameters
    own = list(signature(command, eval_str=True).parameters.values())[1:]

    @wraps(command)
    def run(**given: Any) -> None:
        command(opening(**{name: given.pop(name) for name in shared}), **given)

    run.__signature__ = Signature([*own, *shared.values()])  # type: ignore[attr-defined]
    return run


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


def stats(session: Session) -> None:
    """How many answers there are by model and prompt, their tokens and their cost."""
    from syneg_cli.cli.output import money, table
    from syneg_cli.llm import cache_exchange as cache_files

    _need_file(session)
    with calling.open_cache(session) as opened:
        rows = cache_files.stats(opened)
    cells = [[*list(row.values())[:-1], money(row["cost_usd"])] for row in rows]
    columns = ["llm", "prompt", "answers", "bad", "tokens in", "tokens out", "cost"]
    session.output.result({"rows": rows}, table(str(calling.cache_path(session)), columns, cells))


def list_(
    session: Session,
    limit: Annotated[int, typer.Option(help="How many, the latest first.")] = 20,
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
) -> None:
    """The latest answers, one a line."""
    from syneg_cli.cli.output import money, table

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
    session: Session,
    key: Annotated[str, typer.Argument(help="The start of an answer's key.")],
) -> None:
    """One answer in full: what was asked, what came back."""
    from syneg_cli.cli.output import table
    from syneg_cli.llm import cache_exchange as cache_files

    _need_file(session)
    with calling.open_cache(session) as opened:
        row = cache_files.find(opened, key)
    facts = [(name, value) for name, value in asdict(row).items() if name not in ("messages", "response")]
    asked = "\n\n".join(f"--- {role}\n{text}" for role, text in json.loads(row.messages))
    shown = (table(None, ["", ""], facts, right=lambda column: False), asked, f"\n--- answer\n{row.response}")
    session.output.result(asdict(row), *shown)


def export(
    session: Session,
    output: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
    prompt: PromptFilter = None,
    model: ModelFilter = None,
) -> None:
    """Write good answers as JSONL, for `--llm replay:FILE` or `syneg cache import`."""
    from syneg_cli.llm import cache_exchange as cache_files

    _need_file(session)
    with calling.open_cache(session) as opened:
        count = cache_files.export(opened, output, *_where(prompt, model, None))
    session.output.result({"exported": count, "path": str(output)}, f"{count} answers -> {output}")


def import_(
    session: Session,
    file: Annotated[Path, typer.Argument(help="An export of another cache.")],
) -> None:
    """Add the answers of an export."""
    from syneg_cli.llm import cache_exchange as cache_files

    with calling.open_cache(session) as opened:
        new, read = cache_files.import_file(opened, file)
    session.output.result({"new": new, "read": read}, f"{new} of {read} answers were new")


def merge(
    session: Session,
    others: Annotated[list[Path], typer.Argument(help="Caches (generations.db) of other machines.")],
) -> None:
    """Add the answers of other caches, for example those of the shards of one job."""
    from syneg_cli.llm import cache_exchange as cache_files

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
    session: Session,
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
    yes: Yes = False,
) -> None:
    """Remove answers for good. Says what would go, unless --yes is given."""
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
