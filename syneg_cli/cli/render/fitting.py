"""Tables that fit the terminal: texts are cut ("…") and columns left out; names and keys stay whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from syneg_cli.cli.output import cell, is_number, table

PARTS = re.compile(r"[^/:-]*[/:-]+|[^/:-]+$")
"""What stays together of a name that is longer than its column."""

FRAME = 3
"""Cells that a table needs for a column, beside its text; and one more for itself."""


@dataclass(frozen=True)
class Column:
    """A column of a `Fitted` table.

    `least` is how narrow its texts may be cut; with None they are whole, and go on in another line after
    a `/`, `:` or `-` at most. `at_start` cuts a path's beginning.
    `spare` orders what is left out where cutting is not enough: the highest first, 0 never.
    """

    name: str
    least: int | None = None
    at_start: bool = False
    spare: int = 0


@dataclass(frozen=True)
class Fitted:
    """A table no wider than the terminal, if its whole columns leave it a chance."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    right: Callable[[str], bool] | None = None
    all_in: str = ""
    """The file that has every column, which is said below a table that leaves one out."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        texts = [[cell(value) for value in row] for row in self.rows]
        widths = self._widths(texts, options.max_width)
        names = [self.columns[at].name for at in widths]
        rows = [[self._cut(row[at], at, width) for at, width in widths.items()] for row in texts]
        numeric = {self.columns[at].name for at in widths if all(is_number(row[at]) for row in self.rows)}
        yield table(None, names, rows, right=self.right or numeric.__contains__)
        if self.all_in and (left_out := [c.name for at, c in enumerate(self.columns) if at not in widths]):
            yield Text(f"not shown here: {', '.join(left_out)} ({self.all_in} has all)", "dim")

    def _widths(self, texts: Sequence[Sequence[str]], room: int) -> dict[int, int]:
        """Column -> its width, of the columns that are shown."""
        widths = {
            at: max(cell_len(text) for text in (column.name, *(row[at] for row in texts)))
            for at, column in enumerate(self.columns)
        }
        spare = sorted((at for at in widths if self.columns[at].spare), key=lambda at: self.columns[at].spare)
        least = {at: min(width, self._least(at, texts)) for at, width in widths.items()}
        while spare:  # names are broken only where there is nothing more to leave out
            whole = (width if self.columns[at].least is None else least[at] for at, width in widths.items())
            if sum(whole) + FRAME * len(widths) + 1 <= room:
                break
            del widths[spare.pop()]
        for last in (False, True):
            mine = [at for at in widths if (self.columns[at].least is None) == last]
            while (over := sum(widths.values()) + FRAME * len(widths) + 1 - room) > 0:
                open_ = [at for at in mine if widths[at] > least[at]]
                if not open_:
                    break
                widest, *others = sorted(open_, key=lambda at: -widths[at])
                floor = max([least[widest], *(widths[at] for at in others[:1])])
                widths[widest] -= max(1, min(over, widths[widest] - floor))
        return widths

    def _least(self, at: int, texts: Sequence[Sequence[str]]) -> int:
        """How narrow a column may become."""
        column = self.columns[at]
        parts = (cell_len(part) for row in texts for part in PARTS.findall(row[at]))
        return max(column.least or max(parts, default=0), cell_len(column.name))

    def _cut(self, text: str, at: int, width: int) -> str:
        if cell_len(text) <= width:
            return text
        if self.columns[at].least is None:
            return _lines(text, width)
        if self.columns[at].at_start:
            return f"…{set_cell_size(text[::-1], width - 1)[::-1].lstrip()}"
        return f"{set_cell_size(text, width - 1).rstrip()}…"


def _lines(name: str, width: int) -> str:
    """A name over several lines, broken between its parts alone."""
    lines = [""]
    for part in PARTS.findall(name):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
