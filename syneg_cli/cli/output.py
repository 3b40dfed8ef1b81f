"""What a person or a machine sees: results on stdout, progress and notes on stderr.

In a terminal: Rich tables and live progress. Elsewhere: plain lines, one every few
seconds while something runs. `--json` prints one object on stdout instead of tables.

Texts come from corpora, language models and servers. Here, and nowhere else, they are made into what
a terminal shows as it is: no markup, no emoji codes, no control characters, no secrets.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from syneg_cli.core import Advance, Line, duration, known_masked, masked, plain_json, roughly, visible

PLAIN_INTERVAL = 5.0
"""Seconds between two progress lines where there is no terminal."""

QUICK = 1.0
"""What takes less seconds than this leaves no line behind."""

PIPE_WIDTH = 100_000
"""Where there is no terminal, and no COLUMNS that says otherwise: no line is as wide, so nothing is cut."""


class PlainConsole(Console):
    """Takes every text as it is: `[/x]` is no markup, `:warning:` no emoji, ESC no escape sequence."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def _check_buffer(self) -> None:
        """Notes that nobody can read any more (a closed pipe or terminal, a full disk) stop no work."""
        if not self.stderr:
            return super()._check_buffer()
        try:
            super()._check_buffer()
        except (OSError, ValueError):
            self._fall_silent()

    def on_broken_pipe(self) -> None:
        if not self.stderr:
            super().on_broken_pipe()
        self._fall_silent()

    def _fall_silent(self) -> None:
        self.quiet = True
        with suppress(OSError, ValueError):  # else Python tries to write what is left, at its end
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, sys.stderr.fileno())

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever is printed, live views and tables too, passes here on its way to the terminal."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text)
            yield segment if text is segment.text else Segment(text, segment.style)


def make_console(*, stderr: bool = False) -> Console:
    console = PlainConsole(stderr=stderr)
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
            print_line(self.notes, masked(message))

    def warn(self, message: str) -> None:
        """A line that --quiet does not hide."""
        if not self.mute:
            print_line(self.notes, masked(message), head=("warning:", "yellow"))

    def result(self, data: Any, *shown: RenderableType) -> None:
        """The command's result: `data` for --json, else what is shown."""
        if self.mute:
            return
        if self.as_json:
            print_json(data)
        else:
            self._print(shown)

    def show(self, *shown: RenderableType) -> None:
        """A part of the result that is known already: for people, and not with --quiet."""
        if not (self.mute or self.quiet or self.as_json):
            self._print(shown)

    def _print(self, shown: Sequence[RenderableType]) -> None:
        for item in shown:
            if isinstance(item, str):
                print_line(self.results, known_masked(item))
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
            line = Line(description, total, unit, self.note, to)
            yield line
        seconds = time.monotonic() - started
        if unit and seconds >= QUICK:
            self.note(f"{description}{line.said}: {line.counted} in {duration(seconds)}")

    @contextmanager
    def _bar(self, description: str, total: int | None, unit: str) -> Iterator[Callable[[Line], None]]:
        """A bar of the work that is done: it, and the time it shows as left, go by that, not by items."""
        items = f"{{task.fields[done]}}{f'/{total}' if total else ''} {{task.fields[unit]}}"
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            *([BarColumn(bar_width=None)] if total else []),
            *([TextColumn(items, markup=False)] if total or unit else []),
            TimeElapsedColumn(),
            *([TimeRemainingColumn()] if total else []),
            console=self.notes,
            transient=True,
        ) as live:
            whole = 1.0 if total else None
            task = live.add_task(visible(masked(description)), total=whole, unit=unit, done=0)
            yield lambda line: live.update(
                task,
                completed=line.share,
                done=line.done,
                description=visible(masked(f"{description}{line.said}")),
            )

    @contextmanager
    def _lines(self, description: str, total: int | None, unit: str) -> Iterator[Callable[[Line], None]]:
        """A line now and then, more seldom the longer it takes."""
        started = last = time.monotonic()
        if not unit:
            self.note(f"{description} ...")

        def show(line: Line) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= max(PLAIN_INTERVAL, (now - started) / 12):
                last = now
                self.note(f"{description}{line.said}: {progress_text(line)}")

        yield show


def print_line(console: Console, text: str, *, head: tuple[str, str] | None = None) -> None:
    """A line of text: in a terminal broken between words, but never within one (a path).

    Args:
        head: the line's first word, and the style of that.
    """
    line = Text.assemble(head, " ", visible(text)) if head else Text(visible(text))
    longest = max(map(len, line.plain.split()), default=0)
    console.print(line, soft_wrap=not console.is_terminal or longest > console.width)


def print_raw(text: str) -> None:
    """A text for other programs, byte for byte; in a terminal its control characters are shown."""
    raw = not sys.stdout.isatty()
    print(text if raw else visible(text), end="" if raw or text.endswith("\n") else "\n")


def print_json(data: Any) -> None:
    """One object in one line."""
    print(known_masked(plain_json(json.dumps(data, ensure_ascii=False, default=str))))


def progress_text(line: Line) -> str:
    """`120/400 docs, 30%, ETA 15s`; where items differ in size, `120/400 docs, 42% of the work`."""
    if not line.total:
        return f"{line.done} {line.unit}".rstrip()
    left = line.pace.left if line.done < line.total else None
    eta = "" if left is None else f", ETA {roughly(left)}"
    of = " of the work" if line.weighed and line.done < line.total else ""
    return f"{line.done}/{line.total} {line.unit}".rstrip() + f", {line.share:.0%}{of}{eta}"


def table(
    title: str | None,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Callable[[str], bool] | None = None,
) -> Table:
    """A Rich table; columns whose cells are all numbers are right-aligned."""
    made = Table(
        title=Text(cell(title)) if title else None,
        title_justify="left",
        title_style="bold",
    )
    for index, column in enumerate(columns):
        numeric = right(column) if right else all(is_number(row[index]) for row in rows)
        made.add_column(Text(cell(column)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell(value)) for value in row))
    return made


def cell(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else visible(str(value))


def is_number(value: Any) -> bool:
    """Whether a value reads as a number: its column is aligned to the right then."""
    if isinstance(value, (int, float)) or value is None:
        return True
    return bool(str(value)) and str(value)[0] in "+-0123456789$<[" and any(c.isdigit() for c in str(value))


def short(text: str, length: int) -> str:
    """A text cut to `length` characters, with an ellipsis where something is missing."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
