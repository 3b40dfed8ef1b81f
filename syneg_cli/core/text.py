"""Durations, money and paths as a person reads them, and text that every file can hold."""

from __future__ import annotations

import re
from pathlib import Path

PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
HALF = re.compile("[\ud800-\udfff]")


def duration(seconds: float) -> str:
    """`4.2s`, `3m 05s`, `2h 01m`."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def money(usd: float | None) -> str:
    """`$0.0123`; an unknown price is "unpriced", never zero."""
    return "unpriced" if usd is None else f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}"


def counted(count: int, noun: str, several: str = "") -> str:
    """`1 negative`, `2 negatives`; `several` is a plural that is no added s."""
    return f"{count} {noun if count == 1 else several or noun + 's'}"


def near(path: Path) -> str:
    """A path as a person reads it: without the way to the folder that one is in."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def mended(text: str) -> tuple[str, int]:
    """(the text as every file can hold it, how many characters were broken and became U+FFFD).

    A broken character is half a surrogate pair; the two halves of one are put together.
    """
    if not HALF.search(text):
        return text, 0
    return HALF.subn("\ufffd", PAIR.sub(lambda pair: _joined(pair.group()), text))


def printable(text: str) -> str:
    """`mended`, without the count."""
    return mended(text)[0]


def _joined(pair: str) -> str:
    return pair.encode("utf-16", "surrogatepass").decode("utf-16")
