"""`syneg cache embeddings` and `prune-embeddings`: the vectors that are kept, and removing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syneg_cli.cli.commands.options import Session
from syneg_cli.core.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from syneg_cli.encoding.embedding_cache import Entry

KEY = 8
"""Letters of a key that a table shows."""


def list_(session: Session) -> None:
    """The vectors that are kept: of which model, of what, how large, when last used."""
    from syneg_cli.encoding.embedding_cache import entries

    folder = _folder(session)
    found = entries(folder)
    total = sum(entry.bytes for entry in found)
    data = {"path": str(folder), "bytes": total, "entries": [_as_json(entry) for entry in found]}
    if found:
        session.output.result(data, _table(f"{folder}: {_many(found)}, {_size(total)}", found))
    else:
        session.output.result(
            data, f"No embeddings at {folder}; `syneg mine` and `syneg eval` keep theirs there."
        )


def prune(
    session: Session,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY", help="Entries by the start of their key.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only vectors of this model.")] = None,
    older_than: Annotated[
        float | None, typer.Option(min=0, help="Only what was not used for so long.", metavar="DAYS")
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Only what a stopped run left unfinished.")
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Really remove them; without it they are only listed.")
    ] = False,
) -> None:
    """Remove vectors; they are encoded again when needed. Says what would go, unless --yes is given."""
    from syneg_cli.encoding.embedding_cache import entries, remove

    if all_ == any((keys, model, older_than is not None, incomplete)):
        raise UsageError(
            "prune-embeddings: say which, or --all alone.",
            hint="For example `syneg cache prune-embeddings --older-than 30`; "
            "`syneg cache embeddings` lists them.",
        )
    folder = _folder(session)
    found = entries(folder)
    chosen = _by_key(found, keys) if keys else found
    chosen = [entry for entry in chosen if _matches(entry, model, older_than, incomplete)]
    busy = [] if keys else [entry for entry in chosen if entry.may_be_in_the_making(_now())]
    going = [entry for entry in chosen if entry not in busy]
    if yes:
        remove(folder, going)
    size = sum(entry.bytes for entry in going)
    said = "removed" if yes else "would be removed; --yes removes them"
    shown: list[Any] = [_table(None, going)] if going and not yes else []
    shown.append(f"{_many(going)} ({_size(size)}) {said}")
    if busy:
        shown.append(_busy(busy))
    data = {"found": len(going), "removed": len(going) if yes else 0, "bytes": size}
    session.output.result(data | {"kept": [entry.key for entry in busy]}, *shown)


def _folder(session: Session) -> Path:
    from syneg_cli.core.artifacts import Workspace

    return Workspace(session.work_dir, dataset="").embeddings


def _by_key(found: Sequence[Entry], keys: Sequence[str]) -> list[Entry]:
    chosen: dict[str, Entry] = {}
    for key in keys:
        same = {entry.key: entry for entry in found if entry.key.startswith(key)}
        if len(same) != 1:
            many = f"{len(same)} entries have keys" if same else "no entry has a key"
            raise UsageError(f"{many} that start with {key!r}.", hint="`syneg cache embeddings` shows keys.")
        chosen |= same
    return list(chosen.values())


def _matches(entry: Entry, model: str | None, older_than: float | None, incomplete: bool) -> bool:
    return (
        (model is None or model in (entry.labels.model, _short(entry)))
        and (older_than is None or _now() - entry.used >= timedelta(days=older_than))
        and not (incomplete and entry.complete)
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _busy(entries: Sequence[Entry]) -> str:
    keys = " ".join(entry.key[:KEY] for entry in entries)
    return (
        f"{_many(entries)} kept: incomplete and changed within the last hour, so another process may be "
        f"writing there. If none is, name what has to go: syneg cache prune-embeddings {keys}"
    )


def _many(entries: Sequence[Entry]) -> str:
    return "1 entry" if len(entries) == 1 else f"{len(entries)} entries"


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _table(title: str | None, entries: Sequence[Entry]) -> Table:
    from syneg_cli.cli.output import table

    columns = ["key", "model", "tokens", "", "texts", "vectors", "size", "done", "used"]
    rows = [
        (
            entry.key[:KEY],
            _short(entry),
            entry.labels.max_length,
            entry.labels.precision,
            entry.labels.texts,
            f"{entry.documents} × {entry.dimension}",
            _size(entry.bytes),
            f"{int(entry.share * 100)} %",
            entry.used.date(),
        )
        for entry in entries
    ]
    return table(title, columns, rows, right=lambda column: column in ("tokens", "vectors", "size", "done"))


def _short(entry: Entry) -> str:
    """A model's name; of a folder its last part, so that a table fits a terminal."""
    name = entry.labels.model
    return Path(name).name if name and Path(name).is_absolute() else str(name or "")


def _as_json(entry: Entry) -> dict[str, Any]:
    """Labels beside the rest, times in ISO format."""
    data = asdict(entry)
    labels = data.pop("labels")
    times = {name: data[name].isoformat(timespec="seconds") for name in ("created", "used")}
    return {**data, **labels, **times, "complete": entry.complete}
