"""What is said of a result that is not there under the name that was given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from syneg_cli.core import instead, names_beside, nearest


def absent(path: Path, flag: str, make: Callable[[str], str], known: Iterable[str] = ()) -> tuple[str, str]:
    """(` Did you mean 'x'?` or "", what to do).

    Args:
        path: where the result would be, a .jsonl file.
        flag: how results beside it are named, as `--mixed NAME`.
        make: name -> the hint that says how it is made.
        known: names that can be made.
    """
    name, there = path.name.removesuffix(".jsonl"), names_beside(path)
    meant = nearest(name, [*there, *known])
    others = instead(path, flag).strip()
    if meant is None or meant == name:
        return "", f"{make(name)} {others}".strip()
    return f" Did you mean {meant!r}?", others if meant in there else f"{make(meant)} {others}".strip()
