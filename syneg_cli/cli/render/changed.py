"""What `syneg eval --worst N` and `--best N` show: queries, their documents, and what is found instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from syneg_cli.core import counted
from syneg_cli.evaluation import Change

SHOWN = 3
"""Relevant documents of a query that are shown."""

NOWHERE = "not found"

LEAST = 12
"""Cells that a title keeps, however long the ids are."""


def as_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{**asdict(change), "difference": change.difference} for change in changes]


def changed(title: str, label: str, changes: Sequence[Change]) -> list[Any]:
    """A heading, and for each query its text, its values and its documents."""
    if not changes:
        return [f"{title}: no query."]
    shown: list[Any] = [Text(title, style="bold")]
    for change in changes:
        shown.append(f"{change.query_id}: {' '.join(change.query.split())}")
        shown.append(f"  {label} {change.before:.4f} -> {change.after:.4f} ({change.difference:+.4f})")
        shown.append(_documents(change))
    return shown


def _documents(change: Change) -> Lines:
    """Relevant documents with both ranks, and the first ones of now."""
    rows: list[list[str]] = []
    for place, one in enumerate(change.relevant[:SHOWN]):
        ranks = " -> ".join(NOWHERE if rank is None else f"{rank}" for rank in (one.before, one.after))
        rows.append(["" if place else "relevant", f"rank {ranks}", "", one.doc_id, one.title])
    if (more := len(change.relevant) - SHOWN) > 0:
        rows.append(["", f"and {counted(more, 'other')}", "", "", ""])
    for rank, top in enumerate(change.found, start=1):
        judged = "" if top.grade is None else "relevant" if top.grade > 0 else "not relevant"
        rows.append(["found now" if rank == 1 else "", f"rank {rank}", judged, top.doc_id, top.title])
    return Lines(rows)


@dataclass(frozen=True)
class Lines:
    """Rows without a frame, each in one line: the last column is cut where the terminal ends."""

    rows: Sequence[Sequence[str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = list(zip(*self.rows, strict=True))[:-1]
        widths = [max(map(cell_len, column)) for column in columns]
        for row in self.rows:
            head = "  ".join(
                f"{text}{' ' * (width - cell_len(text))}"
                for text, width in zip(row, widths, strict=False)
                if width
            )
            room = max(options.max_width - cell_len(head) - 4, LEAST)
            last = row[-1] if cell_len(row[-1]) <= room else f"{set_cell_size(row[-1], room - 1).rstrip()}…"
            yield Text(f"  {head}  {last}".rstrip())
