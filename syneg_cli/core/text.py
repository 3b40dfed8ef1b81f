"""Durations, money and paths as a person reads them, and text that every file and terminal can hold."""

from __future__ import annotations

import re
import reprlib
from pathlib import Path

PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
HALF = re.compile("[\ud800-\udfff]")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys instead of showing it: C0 and C1 controls but tabs and line ends, and changes of the
direction of writing."""


def duration(seconds: float) -> str:
    """`4.2s`, `3m 05s`, `2h 01m`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def roughly(seconds: float) -> str:
    """A duration that is not known well: `25s`, `1m 10s`, `12m`, `2h 05m`."""
    step = 5 if seconds < 60 else 10 if seconds < 600 else 60 if seconds < 3600 else 300
    minutes, rest = divmod(max(step, round(seconds / step) * step), 60)
    if minutes < 60:
        return " ".join(
            [f"{minutes}m"] * bool(minutes) + [f"{rest:02d}s" if minutes else f"{rest}s"] * bool(rest)
        )
    return f"{minutes // 60}h {minutes % 60:02d}m"


def money(usd: float | None) -> str:
    """`$0.0123`; an unknown price is "unpriced", and what costs a little is not shown as free."""
    if usd is None:
        return "unpriced"
    if 0 < usd < 1e-6:
        return "< $0.000001"
    return f"${usd:,.6f}" if 0 < usd < 1e-3 else f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}"


def counted(count: int, noun: str, several: str = "") -> str:
    """`1 negative`, `2 negatives`; `several` is a plural that is no added s."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"


def unit_of(count: int, unit: str) -> str:
    """`query` of 1, `queries` of more: a word that is known in the plural, as the units of progress are."""
    one = f"{unit[:-3]}y" if unit.endswith("ies") else unit.removesuffix("s")
    return one if count == 1 else unit


def near(path: Path) -> str:
    """A path as a person reads it: without the way to the folder that one is in."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


class _Brief(reprlib.Repr):
    """`repr` that stays short: of long values the ends, of deep ones the outside."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if x.bit_length() < 10_000 else "a number of thousands of digits"


brief = _Brief().repr
"""A value of whatever kind for a message: it fits in a line, and never raises."""


def mended(text: str) -> tuple[str, int]:
    """(the text as every file can hold it, how many characters were broken and became U+FFFD).

    A broken character is half a surrogate pair; the two halves of one are put together.
    """
    if text.isascii() or not HALF.search(text):
        return text, 0
    return HALF.subn("\ufffd", PAIR.sub(lambda pair: _joined(pair.group()), text))


def printable(text: str) -> str:
    """`mended`, without the count."""
    return mended(text)[0]


def visible(text: str) -> str:
    """A text that a terminal shows and never obeys: control characters as their picture (␛) or number."""
    if not CONTROL.search(text):
        return text
    return CONTROL.sub(lambda found: _picture(found.group()), text.replace("\r\n", "\n"))


def _picture(control: str) -> str:
    code = ord(control)
    if code < 0x20 or code == 0x7F:
        return chr(0x2400 + code) if code < 0x20 else "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def plain_json(text: str) -> str:
    """JSON whose control characters are escapes: the same values, and nothing that a terminal obeys."""
    return CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _joined(pair: str) -> str:
    return pair.encode("utf-16", "surrogatepass").decode("utf-16")
