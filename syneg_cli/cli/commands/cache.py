"""`syneg cache`: what was ever asked, and what it cost; the vectors that are kept."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer

from syneg_cli.cli.commands import GROUP
from syneg_cli.cli.completion import offer
from syneg_cli.cli.helping import Described
from syneg_cli.cli.options import Call, flags
from syneg_cli.cli.options import command as make
from syneg_cli.cli.render import cached
from syneg_cli.core import UsageError, Workspace, check_free, counted, need_file
from syneg_cli.encoding import Choice, choose, entries, remove
from syneg_cli.llm import STATUSES, Cache, Stored, cache_exchange
from syneg_cli.stages import cache_path, open_cache, stored_answers

PromptFilter = Annotated[
    str | None,
    typer.Option("--prompt", help="Only answers to this prompt.", autocompletion=offer("<prompt file>")),
]
ModelFilter = Annotated[
    str | None, typer.Option("--model", help="Only answers of this model, with or without its provider.")
]
StatusFilter = Annotated[
    str | None,
    typer.Option(
        "--status",
        help=f"Only answers that are {', '.join(STATUSES[:-1])} or {STATUSES[-1]}.",
        metavar="|".join(STATUSES),
        autocompletion=offer(*STATUSES),
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Remove them; without it, what would go is shown.")]
SHOWN = 10
"""Answers that `prune` shows of those that would go."""

Filters = cache_exchange.Filters
answers = make(*flags("generate.cache"), dataset=False)
vectors = make(dataset=False)


@answers
def stats(call: Call) -> None:
    """How many answers there are by model and prompt, their tokens and their cost."""
    with stored_answers(call.session) as opened:
        rows = cache_exchange.stats(opened)
    call.output.result({"rows": rows}, *cached.totals(str(cache_path(call.session)), rows))


@answers
def list_(
    call: Call,
    limit: Annotated[int, typer.Option(help="How many, the latest first.")] = 20,
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
) -> None:
    """The latest answers, one a line."""
    with stored_answers(call.session) as opened:
        rows = _latest(opened, Filters(prompt, model, status), limit)
    call.output.result({"answers": [asdict(row) for row in rows]}, cached.answers(rows))


@answers
def show(call: Call, key: Annotated[str, typer.Argument(help="The start of an answer's key.")]) -> None:
    """One answer in full: what was asked, what came back."""
    with stored_answers(call.session) as opened:
        row = cache_exchange.find(opened, key)
    call.output.result(asdict(row), *cached.answer(row))


@answers
def export(
    call: Call,
    output: Annotated[Path, typer.Argument(help="The JSONL file to write.")],
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write good answers as JSONL, for `--llm replay:FILE` or `syneg cache import`."""
    check_free(output, force=force)
    with stored_answers(call.session) as opened:
        count = cache_exchange.export(opened, output, *Filters(prompt, model).where(opened))
    call.output.result({"exported": count, "path": str(output)}, f"{counted(count, 'answer')} -> {output}")


@answers
def import_(call: Call, file: Annotated[Path, typer.Argument(help="An export of another cache.")]) -> None:
    """Add the answers of an export."""
    with open_cache(call.session) as opened:
        new, read = cache_exchange.import_file(opened, file)
    call.output.result({"new": new, "read": read}, f"{new} new of {counted(read, 'answer')}")


@answers
def merge(
    call: Call,
    others: Annotated[list[Path], typer.Argument(help="Caches (generations.db) of other machines.")],
) -> None:
    """Add the answers of other caches, for example those of the shards of one job."""
    for other in others:
        need_file(other, UsageError, hint="Give the generations.db of another work directory.")
    with open_cache(call.session) as opened:
        counts = {str(other): cache_exchange.merge(opened, other) for other in others}
    lines = [f"{other}: {new} new of {counted(read, 'answer')}" for other, (new, read) in counts.items()]
    caches = [{"path": other, "new": new, "read": read} for other, (new, read) in counts.items()]
    call.output.result({"caches": caches}, "\n".join(lines))


@answers
def prune(
    call: Call,
    prompt: PromptFilter = None,
    model: ModelFilter = None,
    status: StatusFilter = None,
    yes: Yes = False,
) -> None:
    """Remove answers for good. Shows what would go, unless --yes is given."""
    chosen = Filters(prompt, model, status)
    if not chosen.given:
        hint = "For example `syneg cache prune --status unparsable`."
        raise UsageError("prune: say which answers.", hint=hint)
    with stored_answers(call.session) as opened:
        where, values = chosen.where(opened)
        keys = [row.key for row in opened.rows(where, values)]
        some = _latest(opened, chosen, SHOWN)
        removed = opened.remove(where, values) if yes else 0
    data = {"found": len(keys), "removed": removed, "keys": keys}
    call.output.result(data, *cached.going(some, len(keys), done=yes))


@vectors
def embeddings(call: Call) -> None:
    """The vectors that are kept: of which model, of what, how large, when last used."""
    folder = Workspace(call.session.work_dir, "").embeddings
    found = entries(folder)
    total = sum(entry.bytes for entry in found)
    data = {"path": str(folder), "bytes": total, "entries": [cached.entry_json(entry) for entry in found]}
    none = f"No embeddings at {folder}; `syneg mine` and `syneg eval` keep theirs there."
    title = f"{folder}: {cached.many(found)}, {cached.size(total)}"
    call.output.result(data, *([title, cached.vectors(found)] if found else [none]))


@vectors
def prune_embeddings(
    call: Call,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY", help="Entries by the start of their key.", autocompletion=offer("<vectors>")
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only vectors of this model.")] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Only what was not used for so long.", metavar="DAYS")
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Only what a stopped run left unfinished.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Yes = False,
) -> None:
    """Remove vectors; they are encoded again when needed. Shows what would go, unless --yes is given."""
    choice = Choice(tuple(keys or ()), model, older_than, incomplete)
    if all_ == choice.given:
        raise UsageError(
            "prune-embeddings: say which, or --all alone.",
            hint="For example `syneg cache prune-embeddings --older-than 30`; "
            "`syneg cache embeddings` lists them.",
        )
    folder = Workspace(call.session.work_dir, "").embeddings
    going, busy = choose(entries(folder), choice, datetime.now(timezone.utc))
    if yes:
        remove(folder, going)
    size = sum(entry.bytes for entry in going)
    said = "removed" if yes else "would be removed; --yes removes them"
    shown: list[Any] = [cached.vectors(going)] if going and not yes else []
    shown.append(f"{cached.many(going)} ({cached.size(size)}) {said}")
    shown += [cached.paid(going)] if cached.paid(going) else []
    shown += [cached.busy(busy)] if busy else []
    data = {"found": len(going), "removed": len(going) if yes else 0, "bytes": size}
    call.output.result(data | {"kept": [entry.key for entry in busy]}, *shown)


def _latest(opened: Cache, chosen: Filters, limit: int) -> list[Stored]:
    """The answers that fit, the latest first."""
    where, values = chosen.where(opened)
    latest = f"{where} AND id IN (SELECT id FROM answers WHERE {where} ORDER BY id DESC LIMIT ?)"
    return list(opened.rows(latest, (*values, *values, limit)))[::-1]


group = typer.Typer(**GROUP)
for _command in (stats, list_, show, export, import_, merge, prune, embeddings, prune_embeddings):
    group.command(_command.__name__.rstrip("_").replace("_", "-"), cls=Described)(_command)
