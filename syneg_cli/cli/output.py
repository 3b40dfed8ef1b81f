"""What a person or a machine sees: results on stdout, progress and notes on stderr.

In a terminal: Rich tables and live progress. Elsewhere: plain lines, one every few
seconds while something runs. `--json` prints one object on stdout instead of tables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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

PIPE_WIDTH = 100_000
"""Where there is no terminal, and no COLUMNS that says otherwise: no line is as wide, so nothing is cut."""


def make_console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in console._environ:
        console.width = PIPE_WIDTH
    return console


@dataclass
class Line:
    """An `Advance` that is also told how it goes."""

    show: Callable[[int, str], None]
    done: int = 0
    said: str = ""

    def __call__(self, n: int) -> None:
        self.done += n
        self.show(self.done, self.said)

    def say(self, text: str) -> None:
        self.said = f", {text}"


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
            print_line(self.notes, escape(message))

    def warn(self, message: str) -> None:
        """A line that --quiet does not hide."""
        if not self.mute:
            print_line(self.notes, f"[yellow]warning:[/] {escape(message)}")

    def result(self, data: Any, *shown: RenderableType) -> None:
        """The command's result: `data` for --json, else what is shown."""
        if self.mute:
            return
        if self.as_json:
            print(json.dumps(data, ensure_ascii=False, default=str))
        else:
            self._print(shown)

    def show(self, *shown: RenderableType) -> None:
        """A part of the result that is known already: for people, and not with --quiet."""
        if not (self.mute or self.quiet or self.as_json):
            self._print(shown)

    def _print(self, shown: Sequence[RenderableType]) -> None:
        for item in shown:
            if isinstance(item, str):  # of documents and servers too: no markup
                print_line(self.results, escape(item))
            else:
                self.results.print(item)

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        """A bar that is gone when it ends; a line says what was done, where that took a while.

        What fails leaves nothing: the error is the next that is read. Without a unit there is
        nothing to count: one waits, as for a model that is loaded.
        """
        if self.quiet:
            yield lambda n: None
            return
        started = time.monotonic()
        show = self._bar if self.notes.is_terminal else self._lines
        with show(description, total, unit) as to:
            line = Line(to)
            yield line
        seconds = time.monotonic() - started
        if unit and seconds >= QUICK:
            self.note(f"{description}{line.said}: {line.done} {unit} in {duration(seconds)}")

    @contextmanager
    def _bar(self, description: str, total: int | None, unit: str) -> Iterator[Callable[[int, str], None]]:
        counted = [TextColumn("{task.completed} {task.fields[unit]}")] if unit else []
        measured = [BarColumn(bar_width=None), MofNCompleteColumn(), TextColumn("{task.fields[unit]}")]
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *(measured if total else counted),
            TimeElapsedColumn(),
            *([TimeRemainingColumn()] if total else []),
            console=self.notes,
            transient=True,
        ) as live:
            task = live.add_task(escape(description), total=total, unit=unit)
            yield lambda done, said: live.update(
                task, completed=done, description=escape(f"{description}{said}")
            )

    @contextmanager
    def _lines(self, description: str, total: int | None, unit: str) -> Iterator[Callable[[int, str], None]]:
        """A line now and then, more seldom the longer it takes."""
        started = last = time.monotonic()
        if not unit:
            self.note(f"{description} ...")

        def show(done: int, said: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= max(PLAIN_INTERVAL, (now - started) / 12):
                last = now
                self.note(f"{description}{said}: {progress_text(done, total, unit, now - started)}")

        yield show


def print_line(console: Console, text: str) -> None:
    """A line of text with markup: in a terminal broken between words, but never within one (a path)."""
    longest = max(map(len, text.split()), default=0)
    console.print(text, soft_wrap=not console.is_terminal or longest > console.width)


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
