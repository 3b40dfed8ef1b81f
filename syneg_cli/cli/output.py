"""What a person or a machine sees: results on stdout, progress and notes on stderr.

In a terminal: Rich tables and live progress. Elsewhere: plain lines, one every few
seconds while something runs. `--json` prints one object on stdout instead of tables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from syneg_cli.core import Advance, duration

PLAIN_INTERVAL = 5.0
"""Seconds between two progress lines where there is no terminal."""

QUICK = 1.0
"""What takes less seconds than this leaves no line behind."""

PIPE_WIDTH = 160


def make_console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = PIPE_WIDTH
    return console


class Output:
    """One per command run. Implements `progress.Progress`."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False, mute: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.mute = mute
        """No result either: another process of the same job prints it."""
        self.results = make_console()
        self.notes = make_console(stderr=True)

    def note(self, message: str) -> None:
        """A line for people, on stderr; silent with --quiet."""
        if not self.quiet:
            self.notes.print(escape(message), soft_wrap=True)

    def warn(self, message: str) -> None:
        """A line that --quiet does not hide."""
        if not self.mute:
            self.notes.print(f"[yellow]warning:[/] {escape(message)}", soft_wrap=True)

    def result(self, data: Any, *shown: RenderableType) -> None:
        """The command's result: `data` for --json, else what is shown."""
        if self.mute:
            return
        if self.as_json:
            print(json.dumps(data, ensure_ascii=False, default=str))
            return
        for item in shown:
            text = isinstance(item, str)  # of documents and servers too: no markup
            self.results.print(item, soft_wrap=text, markup=not text)

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        if self.quiet:
            yield lambda n: None
        elif self.notes.is_terminal:
            with self._live() as live:
                task = live.add_task(escape(description), total=total, unit=unit)
                yield lambda n: live.advance(task, n)
        else:
            yield from self._plain(description, total, unit)

    def _live(self) -> Progress:
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.notes,
        )

    def _plain(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        started = last = time.monotonic()
        done = 0

        def advance(n: int) -> None:
            nonlocal done, last
            done += n
            now = time.monotonic()
            if now - last >= max(PLAIN_INTERVAL, (now - started) / 12):
                last = now
                self.note(f"{description}: {progress_text(done, total, unit, now - started)}")

        yield advance
        seconds = time.monotonic() - started
        if seconds >= QUICK:
            self.note(f"{description}: {done} {unit} in {duration(seconds)}".replace("  ", " "))


def progress_text(done: int, total: int | None, unit: str, seconds: float) -> str:
    """`120/400 docs, 30%, ETA 12s`."""
    if not total:
        return f"{done} {unit}".rstrip()
    eta = f", ETA {duration(seconds * (total - done) / done)}" if done else ""
    return f"{done}/{total} {unit}".rstrip() + f", {done / total:.0%}{eta}"


def table(
    title: str | None,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    caption: str | None = None,
    right: Callable[[str], bool] | None = None,
) -> Table:
    """A Rich table; columns whose cells are all numbers are right-aligned."""
    made = Table(
        title=title, caption=caption, title_justify="left", caption_justify="left", title_style="bold"
    )
    for index, column in enumerate(columns):
        numeric = right(column) if right else all(is_number(row[index]) for row in rows)
        made.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(cell(value)) for value in row))
    return made


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def is_number(value: Any) -> bool:
    """Whether a value reads as a number: its column is aligned to the right then."""
    if isinstance(value, (int, float)) or value is None:
        return True
    return bool(str(value)) and str(value)[0] in "+-0123456789$<[" and any(c.isdigit() for c in str(value))


def short(text: str, length: int) -> str:
    """A text cut to `length` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
