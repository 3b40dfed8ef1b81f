"""Pictures as SVG text: scales, ticks, marks. They are `WIDTH` wide, and a page makes them larger or smaller.

A colour is a class (`c0`, `c1`, ... `positive`, `mined`, `synthetic`, `muted`, `faint`) that the page gives a
meaning in light and in dark; every mark takes `currentColor`. Texts stay texts.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from unicodedata import east_asian_width

WIDTH = 440
"""Of every picture, in its own units: about what a phone has, so that the texts of 12 stay readable there."""

TEXT = 12
LETTER = 0.56 * TEXT
"""How wide a letter is on average; browsers choose the font."""

COLOURS = 8
DASHES = ("", "7 3", "2 3")
"""Lines beyond the eighth model."""

UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML does not allow, or nobody sees."""


@dataclass(frozen=True)
class Scale:
    """From values to places: `low` is at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        return ticks(self.low, self.high, most)


def scale_of(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> Scale:
    """A scale that has all values with some room, and 0 where that is asked for; one value gets room, too."""
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    below = 0.0 if zero and low == 0 else room
    above = 0.0 if zero and high == 0 and low < 0 else room
    return Scale(low - below, high + above, start, end)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    power = math.floor(math.log10((high - low) / most))
    steps = [factor * 10.0**exponent for exponent in (power, power + 1, power + 2) for factor in (1, 2, 5)]
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(place * step, 12) + 0.0 for place in range(first, last + 1)]
    return [low]


def number(value: float) -> str:
    """`0.25`, `1,000`, `−0.5`: as short as it is, with a minus that is one."""
    return f"{value:,.6g}".replace("-", "−")


def said(text: object) -> str:
    """Any text, as the content of an element or of an attribute in quotes."""
    return html.escape(UNDRAWABLE.sub("\ufffd", str(text)))


def letters_of(text: str) -> int:
    """How many letters' room a text takes."""
    return sum(map(_width, text))


def _width(letter: str) -> int:
    """Those of East Asian scripts are two wide (Unicode's UAX 11)."""
    return 2 if east_asian_width(letter) in "WF" else 1


def shortened(text: str, letters: int) -> str:
    """A text that is too long without its middle."""
    if letters_of(text) <= letters:
        return text
    half = (letters - 1) // 2
    return f"{_beginning(text, half)}…{_beginning(text[::-1], half)[::-1]}"


def _beginning(text: str, letters: int) -> str:
    """As much of it as has room, and one letter at least."""
    fit = sum(room <= letters for room in accumulate(map(_width, text)))
    return text[: max(1, fit)]


def words(x: float, y: float, text: str, *, anchor: str = "start", classes: str = "") -> str:
    kind = f' class="{classes}"' if classes else ""
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{at}{kind}>{said(text)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, classes: str, width: float = 1, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{classes}" '
        f'stroke="currentColor" stroke-width="{width:g}"{dashes}/>'
    )


def dot(x: float, y: float, classes: str, radius: float = 4, told: str = "") -> str:
    tip = f"<title>{said(told)}</title>" if told else ""
    place = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"'
    return f'<circle {place} class="{classes}" fill="currentColor">{tip}</circle>'


def box(
    x: float, y: float, width: float, height: float, classes: str, opacity: float = 1, told: str = ""
) -> str:
    """A rectangle; `told` is what is said of it where a pointer rests."""
    faint = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
    tip = f"><title>{said(told)}</title></rect>" if told else "/>"
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{classes}" '
        f'fill="currentColor"{faint}{tip}'
    )


def path(
    points: Sequence[tuple[float, float]], classes: str, width: float, dash: str = "", opacity: float = 1
) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    faint = "" if opacity == 1 else f' stroke-opacity="{opacity:g}"'
    return (
        f'<polyline points="{places}" class="{classes}" fill="none" stroke="currentColor" '
        f'stroke-width="{width:g}" stroke-linejoin="round"{dashes}{faint}/>'
    )


def picture(name: str, height: float, title: str, told: str, marks: Sequence[str]) -> str:
    """The whole picture; `title` and `told` are what a person hears who does not see it."""
    # A picture with links inside is a group: what is in an image is hidden from those who do not see it.
    role = "group" if any(mark.startswith("<a ") for mark in marks) else "img"
    inside = "\n".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="{role}" '
        f'aria-labelledby="{name}-title {name}-desc" font-size="{TEXT}" fill="currentColor">\n'
        f'<title id="{name}-title">{said(title)}</title>\n<desc id="{name}-desc">{said(told)}</desc>\n'
        f"{inside}\n</svg>"
    )


def colour(place: int) -> str:
    return f"c{place % COLOURS}"


def dash(place: int) -> str:
    return DASHES[place // COLOURS % len(DASHES)]
