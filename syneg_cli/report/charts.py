"""The kinds of pictures: rows of values with intervals, lines in panels, sorted bars, points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from syneg_cli.report.curves import Curve, thin
from syneg_cli.report.drawing import (
    LETTER,
    WIDTH,
    Scale,
    box,
    colour,
    dash,
    dot,
    letters_of,
    line,
    number,
    path,
    picture,
    said,
    scale_of,
    shortened,
    words,
)

MARGIN = 8.0
ROW = 38.0
SECOND_LINE = 16.0
"""Of a row whose label is too long to stand beside its numbers."""
PANEL = 150.0
LETTERS = int((WIDTH - 2 * MARGIN) / LETTER)
"""That have room beside each other."""
MOST_POINTS = 500
"""A line of more is thinned to its extremes: more than the eye tells apart, and pages stay small."""

MOST_BARS = 400


@dataclass(frozen=True)
class Row:
    """A value with what is around it; `points` are single values that it stands for."""

    label: str
    value: float
    told: str
    """The numbers, in words beside the label."""
    interval: tuple[float, float] | None = None
    inner: tuple[float, float] | None = None
    """A narrower range, drawn thick: the middle half."""
    points: Sequence[float] = ()
    classes: str = "c0"


@dataclass(frozen=True)
class Axis:
    """What a horizontal axis is of; `reference` is where nothing is shown, with what that means."""

    label: str
    reference: float | None = None
    meaning: str = ""
    low: float | None = None
    high: float | None = None
    left: str = ""
    right: str = ""
    """What lies to both sides of the reference."""
    band: float | None = None
    """Half the width of a grey band around the reference."""


def rows_chart(name: str, title: str, told: str, rows: Sequence[Row], axis: Axis) -> str:
    """Each row: its label and its numbers in words, and below them its value on a common axis."""
    scale = _scale_of_rows(rows, axis)
    top = 20.0 if axis.left or axis.right or axis.meaning else 4.0
    ends = list(accumulate((_height(row) for row in rows), initial=top))
    bottom = ends[-1]
    # What stands behind the marks leaves the labels free.
    zones = [(end - ROW + 20, end - 2) for end in ends[1:]]
    marks = _across(scale, zones, bottom, axis.label)
    if axis.reference is not None:
        marks += _reference(scale, zones, axis, axis.reference)
    for row, end in zip(rows, ends[1:], strict=True):
        marks += _row(row, scale, end - ROW)
    return picture(name, bottom + 36, title, told, marks)


def _reference(scale: Scale, zones: Sequence[tuple[float, float]], axis: Axis, reference: float) -> list[str]:
    at, marks = scale(reference), []
    for top, bottom in zones:
        if axis.band:
            start, end = scale(reference - axis.band), scale(reference + axis.band)
            start, end = max(start, MARGIN), min(end, WIDTH - MARGIN)
            marks.append(box(start, top, end - start, bottom - top, "muted", 0.16))
        marks.append(line(at, top, at, bottom, "muted", 1.4, "4 3"))
    return [*marks, *_sides(at, axis)]


def _scale_of_rows(rows: Sequence[Row], axis: Axis) -> Scale:
    values = [axis.reference] if axis.reference is not None else []
    for row in rows:
        values += [row.value, *(row.interval or ()), *(row.inner or ()), *row.points]
    whole = scale_of(values, MARGIN, WIDTH - MARGIN)
    low, high = (
        (axis.low if axis.low is not None else whole.low),
        (axis.high if axis.high is not None else whole.high),
    )
    return Scale(low, high, MARGIN + 6, WIDTH - MARGIN - 6)


def _sides(at: float, axis: Axis) -> list[str]:
    found = []
    if axis.left and at - MARGIN > len(axis.left) * LETTER + 12:
        found.append(words(at - 8, 13, f"← {axis.left}", anchor="end", classes="muted"))
    if axis.right and WIDTH - MARGIN - at > len(axis.right) * LETTER + 12:
        found.append(words(at + 8, 13, f"{axis.right} →", classes="muted"))
    if axis.meaning:
        anchor = "start" if at < WIDTH / 3 else "end" if at > WIDTH * 2 / 3 else "middle"
        found.append(words(at, 13, axis.meaning, anchor=anchor, classes="muted"))
    return found


def _height(row: Row) -> float:
    """Of a row; a label that is too long to stand beside the numbers has a line for itself."""
    return ROW if letters_of(row.label) + letters_of(row.told) + 2 <= LETTERS else ROW + SECOND_LINE


def _row(row: Row, scale: Scale, top: float) -> list[str]:
    above = _height(row) - ROW
    y = top + 27
    marks = [
        words(MARGIN, top + 15 - above, shortened(row.label, LETTERS)),
        words(WIDTH - MARGIN, top + 15, row.told, anchor="end", classes="muted"),
    ]
    if row.interval:
        low, high = map(scale, row.interval)
        marks.append(line(low, y, high, y, row.classes, 2))
        marks += [line(end, y - 4, end, y + 4, row.classes, 2) for end in (low, high)]
    if row.inner:
        marks.append(line(scale(row.inner[0]), y, scale(row.inner[1]), y, row.classes, 7))
    marks += [dot(scale(value), y, f"{row.classes} hollow", 4, number(value)) for value in row.points]
    if row.points:
        marks.append(line(scale(row.value), y - 8, scale(row.value), y + 8, row.classes, 2.5))
    else:
        marks.append(dot(scale(row.value), y, row.classes, 5, f"{row.label}: {row.told}"))
    return marks


def _across(scale: Scale, zones: Sequence[tuple[float, float]], bottom: float, label: str) -> list[str]:
    """The horizontal axis below, with faint lines at its numbers from top to bottom of each zone."""
    marks = []
    for tick in scale.ticks(7):
        at = scale(tick)
        anchor = "end" if at > WIDTH - 20 else "start" if at < 12 else "middle"
        marks += [line(at, top, at, end, "faint") for top, end in zones]
        marks.append(words(at, bottom + 15, number(tick), anchor=anchor, classes="muted"))
    middle = (scale.start + scale.end) / 2
    return [*marks, words(middle, bottom + 31, label, anchor="middle", classes="muted")]


@dataclass(frozen=True)
class Line:
    """One curve of a panel, in pieces; `faint` is what it was smoothed from."""

    colour: int
    pieces: Sequence[Curve]
    faint: Sequence[Curve] = ()
    markers: bool = False
    bars: Sequence[tuple[float, float, float]] = ()
    """(x, low, high) of intervals."""


@dataclass(frozen=True)
class Lines:
    """One panel. Its curves' steps may be any numbers that ascend."""

    title: str
    lines: Sequence[Line]


def line_chart(
    name: str,
    title: str,
    told: str,
    panels: Sequence[Lines],
    *,
    across: str,
    up: str,
    legend: Sequence[tuple[int, str]],
    zero: bool = False,
) -> str:
    """Panels one below the other with the same axes, and a legend of (colour, text) below them all."""
    curves = [c for panel in panels for one in panel.lines for c in (*one.pieces, *one.faint) if len(c)]
    spans = [end for panel in panels for one in panel.lines for _, *ends in one.bars for end in ends]
    values = [value for curve in curves for value in (min(curve.values), max(curve.values))] + spans
    steps = [step for curve in curves for step in (curve.steps[0], curve.steps[-1])]
    over = scale_of(steps, 0, 1)
    y_scale = scale_of(values, 0, 1, zero=zero)
    left = 14 + LETTER * max(len(number(tick)) for tick in y_scale.ticks(5))
    x_scale = Scale(over.low, over.high, left, WIDTH - MARGIN)
    marks, top = [words(MARGIN, 13, up, classes="muted")], 22.0
    for panel in panels:
        top += 16 if panel.title else 0
        here = Scale(y_scale.low, y_scale.high, top + PANEL, top)
        marks += [words(left, top - 5, panel.title)] if panel.title else []
        marks += _up(here, left)
        if zero and y_scale.low < 0:
            marks.append(line(left, here(0.0), WIDTH - MARGIN, here(0.0), "muted", 1.2, "4 3"))
        for one in panel.lines:
            marks += _line(one, x_scale, here, min(0.35, 1.5 / len(panel.lines)))
        top += PANEL + (10 if panel is not panels[-1] else 0)
    marks += _across(x_scale, [], top, across)
    marks += _legend(legend, top + 50)
    return picture(name, top + 44 + 18 * len(legend), title, told, marks)


def _up(scale: Scale, left: float) -> list[str]:
    marks = []
    for tick in scale.ticks(5):
        at = scale(tick)
        marks += [
            line(left, at, WIDTH - MARGIN, at, "faint"),
            words(left - 5, at + 4, number(tick), anchor="end", classes="muted"),
        ]
    return marks


def _line(one: Line, x: Scale, y: Scale, faint: float) -> list[str]:
    marks, kind = [], colour(one.colour)
    for curves, width, opacity in ((one.faint, 1.0, faint), (one.pieces, 2.2, 1.0)):
        for curve in curves:
            shown = thin(curve, MOST_POINTS)
            points = [(x(step), y(value)) for step, value in zip(shown.steps, shown.values, strict=True)]
            if len(points) > 1:
                marks.append(path(points, kind, width, dash(one.colour), opacity))
            if one.markers or len(points) == 1:
                marks += [dot(*point, kind, 3.5) for point in points]
    return [*marks, *(line(x(at), y(low), x(at), y(high), kind, 1.5) for at, low, high in one.bars)]


def _legend(entries: Sequence[tuple[int, str]], top: float, *, dots: bool = False) -> list[str]:
    marks, room = [], int((WIDTH - 2 * MARGIN - 36) / LETTER)
    for row, (place, label) in enumerate(entries):
        y = top + 18 * row
        kind = colour(place) if place >= 0 else "muted"
        swatch = line(MARGIN, y - 4, MARGIN + 26, y - 4, kind, 2.5, dash(max(place, 0)))
        marks.append(dot(MARGIN + 22, y - 4, kind, 5) if dots else swatch)
        marks.append(words(MARGIN + 34, y, shortened(label, room)))
    return marks


@dataclass(frozen=True)
class Bar:
    value: float
    told: str
    link: str = ""
    """An anchor of the page."""


def bars_chart(
    name: str, title: str, told: str, bars: Sequence[Bar], up: str, sides: Callable[[int], str]
) -> str:
    """Bars from a zero line, in the order given; of very many every n-th one.

    Args:
        sides: 1, 0 or -1 -> what is said of the bars above, at and below zero.
    """
    every = -(-len(bars) // MOST_BARS)
    shown = bars[::every]
    scale = scale_of([bar.value for bar in shown], 220, 24, zero=True)
    left = 14 + LETTER * max(len(number(tick)) for tick in scale.ticks(6))
    width = (WIDTH - MARGIN - left) / len(shown)
    marks = [words(MARGIN, 13, up, classes="muted"), *_up(scale, left)]
    for place, bar in enumerate(shown):
        top, bottom = sorted((scale(bar.value), scale(0.0)))
        kind = "better" if bar.value > 0 else "worse" if bar.value < 0 else "muted"
        height = max(bottom - top, 1.0)
        drawn = box(left + place * width, top, max(width * 0.86, 0.6), height, kind, told=bar.told)
        marks.append(f'<a href="#{said(bar.link)}">{drawn}</a>' if bar.link else drawn)
    marks.append(line(left, scale(0.0), WIDTH - MARGIN, scale(0.0), "muted", 1.2))
    marks.append(words(left, 240, sides(-1), classes="muted"))
    marks.append(words(WIDTH - MARGIN, 240, sides(1), anchor="end", classes="muted"))
    if middle := sides(0):
        marks.append(words((left + WIDTH - MARGIN) / 2, 256, middle, anchor="middle", classes="muted"))
    return picture(name, 262, title, told, marks)


@dataclass(frozen=True)
class Point:
    label: str
    x: float
    y: float
    interval: tuple[float, float] | None = None
    colour: int = 0


def points_chart(name: str, title: str, told: str, points: Sequence[Point], across: str, up: str) -> str:
    """Points with intervals, numbered in the picture and named below it."""
    over = scale_of([point.x for point in points], 0, 1, zero=True)
    ends = [end for p in points for end in (p.y, *(p.interval or ()))]
    y = scale_of(ends, 220, 22, zero=True)
    left = 14 + LETTER * max(len(number(tick)) for tick in y.ticks(6))
    x = Scale(over.low, over.high, left + 8, WIDTH - MARGIN - 12)
    marks = [words(MARGIN, 13, up, classes="muted"), *_up(y, left), *_across(x, [], 220, across)]
    marks.append(line(left, y(0.0), WIDTH - MARGIN, y(0.0), "muted", 1.2, "4 3"))
    for place, point in enumerate(points, start=1):
        if point.interval:
            low, high = map(y, point.interval)
            marks.append(line(x(point.x), low, x(point.x), high, colour(point.colour), 1.5))
        marks.append(dot(x(point.x), y(point.y), colour(point.colour), 5, point.label))
        marks.append(words(x(point.x) + 7, y(point.y) + 4, str(place)))
    marks += _legend(
        [(p.colour, f"{place}: {p.label}") for place, p in enumerate(points, start=1)], 270, dots=True
    )
    return picture(name, 264 + 18 * len(points), title, told, marks)
