"""What `syneg cache` shows: answers, and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.output import cell
from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.core import counted, money
from syneg_cli.encoding import Entry
from syneg_cli.llm import Stored

KEY = 8
"""Letters of a key that a table of vectors shows."""


def totals(title: str, rows: Sequence[dict[str, Any]]) -> tuple[Any, ...]:
    cells = [[*list(row.values())[:-1], money(row["cost_usd"])] for row in rows]
    columns = (
        Column("llm"),
        Column("prompt"),
        Column("answers"),
        Column("bad"),
        Column("tokens in", spare=1),
        Column("tokens out", spare=2),
        Column("cost"),
    )
    return title, Fitted(columns, cells)


def answers(rows: Sequence[Stored]) -> Any:
    cells = [
        (
            row.key[:12],
            row.status,
            f"{row.provider}:{row.model}",
            row.prompt,
            row.query_id,
            row.doc_id,
            row.completion_tokens,
            money(row.cost_usd),
            row.created[:16].replace("T", " "),
        )
        for row in rows
    ]
    columns = (
        Column("key"),
        Column("status"),
        Column("llm", least=12),
        Column("prompt", least=8),
        Column("query", least=8),
        Column("document", least=8),
        Column("tokens out", spare=3),
        Column("cost", spare=1),
        Column("created (UTC)", spare=2),
    )
    return Fitted(columns, cells, right=lambda column: column in ("tokens out", "cost"))


def going(some: Sequence[Stored], found: int, *, done: bool) -> list[Any]:
    """What `prune` says of the answers that it found, of which `some` are shown."""
    many = counted(found, "answer")
    if done:
        return [f"{many} removed"]
    more = f" (the latest {len(some)} are shown)" if len(some) < found else ""
    said = f"{many} would be removed{more}; --yes removes them" if found else "no answer fits"
    return [*([answers(some)] if some else []), said]


def answer(row: Stored) -> tuple[Any, ...]:
    facts = {name: value for name, value in asdict(row).items() if name not in ("messages", "response")}
    told = "\n".join(f"{name}: {cell(value)}" for name, value in facts.items())
    asked = "\n\n".join(f"--- {role}\n{text}" for role, text in row.asked)
    return f"{told}\n", asked, f"\n--- answer\n{row.response}"


def vectors(entries: Sequence[Entry]) -> Any:
    """A row an entry; what it cost, where one was paid for."""
    priced = any(entry.paid for entry in entries)
    columns = (
        Column("key"),
        Column("model"),
        Column("tokens", spare=4),
        Column("precision", spare=3),
        Column("texts", least=8),
        Column("vectors", spare=1),
        Column("size"),
        *([Column("cost")] if priced else []),
        Column("done", spare=2 if all(entry.complete for entry in entries) else 0),
        Column("used"),
    )
    rows = [
        (
            entry.key[:KEY],
            entry.short_model,
            entry.labels.max_length,
            entry.labels.precision,
            entry.labels.texts,
            f"{entry.documents} × {entry.dimension}",
            size(entry.bytes),
            *([money(entry.paid.usd) if entry.paid else None] if priced else []),
            f"{int(entry.share * 100)} %",
            entry.used.date(),
        )
        for entry in entries
    ]
    return Fitted(columns, rows, right=lambda column: column in ("tokens", "vectors", "size", "cost", "done"))


def busy(entries: Sequence[Entry]) -> str:
    keys = " ".join(entry.key[:KEY] for entry in entries)
    return (
        f"{many(entries)} kept: incomplete and changed within the last hour, so another process may be "
        f"writing there. If none is, name what has to go: syneg cache prune-embeddings {keys}"
    )


def paid(entries: Sequence[Entry]) -> str:
    """What becomes of vectors that were paid for, where there are such; else nothing."""
    costs = [entry.paid.usd for entry in entries if entry.paid]
    if not costs or not any(cost is None or cost > 0 for cost in costs):
        return ""
    known = sum(cost for cost in costs if cost is not None)
    also = " and what is unpriced" if None in costs else ""
    return f"Servers made some of them, for {money(known)}{also}: that is paid again when they are needed"


def many(entries: Sequence[Entry]) -> str:
    return counted(len(entries), "entry", "entries")


def size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def entry_json(entry: Entry) -> dict[str, Any]:
    """Labels beside the rest, times in ISO format."""
    data = asdict(entry)
    labels = data.pop("labels")
    times = {name: data[name].isoformat(timespec="seconds") for name in ("created", "used")}
    paid = data.pop("paid") or {"requests": None, "tokens": None, "usd": None}
    costs = {"requests": paid["requests"], "tokens_paid": paid["tokens"], "cost_usd": paid["usd"]}
    return {**data, **labels, **costs, **times, "complete": entry.complete}
