"""What `syneg cache` shows: answers, and vectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.core import money
from syneg_cli.encoding import Entry
from syneg_cli.llm import Stored

KEY = 8
"""Letters of a key that a table of vectors shows."""


def totals(title: str, rows: Sequence[dict[str, Any]]) -> Any:
    cells = [[*list(row.values())[:-1], money(row["cost_usd"])] for row in rows]
    return table(title, ["llm", "prompt", "answers", "bad", "tokens in", "tokens out", "cost"], cells)


def answers(rows: Sequence[Stored]) -> Any:
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
    return table(None, columns, cells)


def answer(row: Stored) -> tuple[Any, ...]:
    facts = [(name, value) for name, value in asdict(row).items() if name not in ("messages", "response")]
    asked = "\n\n".join(f"--- {role}\n{text}" for role, text in json.loads(row.messages))
    return table(None, ["", ""], facts, right=lambda column: False), asked, f"\n--- answer\n{row.response}"


def vectors(title: str | None, entries: Sequence[Entry]) -> Any:
    columns = ["key", "model", "tokens", "", "texts", "vectors", "size", "done", "used"]
    rows = [
        (
            entry.key[:KEY],
            entry.short_model,
            entry.labels.max_length,
            entry.labels.precision,
            entry.labels.texts,
            f"{entry.documents} × {entry.dimension}",
            size(entry.bytes),
            f"{int(entry.share * 100)} %",
            entry.used.date(),
        )
        for entry in entries
    ]
    return table(title, columns, rows, right=lambda column: column in ("tokens", "vectors", "size", "done"))


def busy(entries: Sequence[Entry]) -> str:
    keys = " ".join(entry.key[:KEY] for entry in entries)
    return (
        f"{many(entries)} kept: incomplete and changed within the last hour, so another process may be "
        f"writing there. If none is, name what has to go: syneg cache prune-embeddings {keys}"
    )


def many(entries: Sequence[Entry]) -> str:
    return "1 entry" if len(entries) == 1 else f"{len(entries)} entries"


def size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def entry_json(entry: Entry) -> dict[str, Any]:
    """Labels beside the rest, times in ISO format."""
    data = asdict(entry)
    labels = data.pop("labels")
    times = {name: data[name].isoformat(timespec="seconds") for name in ("created", "used")}
    return {**data, **labels, **times, "complete": entry.complete}
