"""What `syneg eval --worst N` and `--best N` show: queries, their documents, and what is found instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from syneg_cli.core import counted
from syneg_cli.evaluation import Change

SHOWN = 3
"""Relevant documents of a query that are shown."""

NOWHERE = "not found"


def as_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{**asdict(change), "difference": change.difference} for change in changes]


def changed(title: str, label: str, changes: Sequence[Change]) -> list[Any]:
    """A heading, and for each query its text, its values and a small table."""
    if not changes:
        return [f"{title}: no query."]
    shown: list[Any] = [Text(title, style="bold")]
    for change in changes:
        shown.append(f"{change.query_id}: {' '.join(change.query.split())}")
        shown.append(f"  {label} {change.before:.4f} -> {change.after:.4f} ({change.difference:+.4f})")
        shown.append(_documents(change))
    return shown


def _documents(change: Change) -> Table:
    """Relevant documents with both ranks, and the first ones of now; titles are cut to one line each."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for place, one in enumerate(change.relevant[:SHOWN]):
        ranks = " -> ".join(NOWHERE if rank is None else f"{rank}" for rank in (one.before, one.after))
        table.add_row(*_cells("  relevant" if place == 0 else "", f"rank {ranks}", "", one.doc_id, one.title))
    if (more := len(change.relevant) - SHOWN) > 0:
        table.add_row(*_cells("", f"and {counted(more, 'other')}", "", "", ""))
    for rank, top in enumerate(change.found, start=1):
        judged = "" if top.grade is None else "relevant" if top.grade > 0 else "not relevant"
        head = "  found now" if rank == 1 else ""
        table.add_row(*_cells(head, f"rank {rank}", judged, top.doc_id, top.title))
    return table


def _cells(*texts: str) -> list[Text]:
    return [Text(text) for text in texts]
