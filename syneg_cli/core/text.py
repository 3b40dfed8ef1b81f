"""Durations, money and paths as a person reads them, and text that every file can hold."""

from __future__ import annotations

from pathlib import Path


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


def near(path: Path) -> str:
    """A path as a person reads it: without the way to the folder that one is in."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def printable(text: str) -> str:
    """With U+FFFD for lone surrogates, which cannot be written as UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
