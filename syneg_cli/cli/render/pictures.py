"""Small pictures: in a terminal that is wide enough, and nowhere else. None needs a colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

ROOM = 60
"""Columns that a terminal needs for a picture."""

LONGEST = 30
"""Letters of the longest bar."""

EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Bars:
    """A line for each row: its name, and a bar for each group, all on one scale.

    `rows` are (name, the value of each group), `texts` how a value is written; a bar ends with it.
    """

    title: str
    groups: Sequence[tuple[str, str]]
    """(name, style) of each; a single group's name is not shown."""
    rows: Sequence[tuple[str, Sequence[float]]]
    written: str = "{:.0f}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not console.is_terminal or options.max_width < ROOM or not self.rows:
            return
        names = max(len(name) for name, _ in self.rows)
        most = max(max(values) for _, values in self.rows) or 1.0
        number = max(len(self.written.format(value)) for _, values in self.rows for value in values)
        share = (options.max_width - names - 1) // len(self.groups) - number - 4
        length = max(4, min(LONGEST, share))
        yield Text(self.title, style="bold")
        if len(self.groups) > 1:
            yield Text(
                " " * (names + 2) + "".join(name.ljust(length + number + 3) for name, _ in self.groups)
            )
        for name, values in self.rows:
            line = Text(f"{name.rjust(names)}  ")
            for (_, style), value in zip(self.groups, values, strict=True):
                bar = _bar(value / most * length, ascii_only=options.ascii_only)
                line.append(bar, style)
                line.append(f" {self.written.format(value)}".ljust(length + number + 3 - len(bar)))
            line.rstrip()
            yield line


def _bar(length: float, *, ascii_only: bool) -> str:
    """A bar to an eighth of a letter; what is more than nothing is seen."""
    if ascii_only:
        return "#" * (max(1, round(length)) if length > 0 else 0)
    whole, part = divmod(max(1, round(length * 8)) if length > 0 else 0, 8)
    return "█" * whole + (EIGHTHS[part] if part else "")


EDGES = (-1.0, -0.5, -0.2, 0.0, 0.2, 0.5, 1.0)


def gains(label: str, differences: Sequence[float]) -> Bars:
    """How many queries lost and gained how much."""
    rows: list[tuple[str, Sequence[float]]] = []
    for low, high in pairwise(EDGES):
        lost = high <= 0
        if low == 0:
            rows.append(("the same", [sum(value == 0 for value in differences)]))
        count = sum(low <= value < high if lost else low < value <= high for value in differences)
        rows.append((f"{low:+.1f} to {high:+.1f}".replace("+0.0", "0.0"), [count]))
    return Bars(f"Queries by their difference in {label}", [("queries", "cyan")], rows[::-1])


BINS = 10


def similarities(positive: Sequence[float], negative: Sequence[float]) -> Bars:
    """The scores of positives and of mined negatives side by side, as shares of each."""
    if not positive or not negative:
        return Bars("", [], [])
    low, high = min(*positive, *negative), max(*positive, *negative)
    step = (high - low) / BINS or 1.0
    rows = []
    for place in range(BINS):
        shares = [
            sum(min(BINS - 1, int((score - low) / step)) == place for score in scores) / len(scores) * 100
            for scores in (positive, negative)
        ]
        rows.append((f"{low + place * step:.2f} to {low + (place + 1) * step:.2f}", shares))
    return Bars(
        "Scores of positives and negatives, share of each",
        [("positives", "green"), ("negatives", "magenta")],
        rows[::-1],
        written="{:.0f} %",
    )


@dataclass(frozen=True)
class Intervals:
    """A line for each row: its name, its interval with the value in it beside zero, and the value."""

    title: str
    rows: Sequence[tuple[str, float, float, float]]
    """(name, lower end, value, upper end); one that has no ends is not drawn."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [row for row in self.rows if all(map(isfinite, row[1:]))]
        if not console.is_terminal or options.max_width < ROOM or not rows:
            return
        names = max(len(name) for name, *_ in rows)
        length = max(LONGEST, min(2 * LONGEST, options.max_width - names - len("  +0.0000 ")))
        least, most = min(0.0, *(row[1] for row in rows)), max(0.0, *(row[3] for row in rows))
        step = (most - least) / (length - 1) or 1.0
        zero = round(-least / step)
        nought, dash, crossed, dot = "|-+o" if options.ascii_only else "│─┼●"
        yield Text(self.title, style="bold")
        for name, *ends in rows:
            low, value, high = (round((end - least) / step) for end in ends)
            line = [" "] * length
            line[low : high + 1] = dash * (high + 1 - low)
            line[zero] = crossed if low <= zero <= high else nought
            line[value] = dot
            style = "green" if ends[0] > 0 else "red" if ends[2] < 0 else ""
            yield Text(f"{name.rjust(names)}  ").append("".join(line), style).append(f" {ends[1]:+.4f}")
        yield Text(" " * (names + 2) + _axis(least, most, zero, length))


def _axis(least: float, most: float, zero: int, length: int) -> str:
    """Zero below its line, and both ends where they are clear of it."""
    low, high = (f"{end:+.2g}" if end else "" for end in (least, most))
    left = low if len(low) < zero else ""
    right = high if zero + 1 + len(high) < length else ""
    return f"{left.ljust(zero)}0{right.rjust(length - zero - 1)}".rstrip()
