"""Small pictures of bars: in a terminal that is wide enough, and nowhere else. None needs a colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
