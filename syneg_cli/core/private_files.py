"""Files that their owner alone can read: keys, and answers that were paid for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from syneg_cli.core.files import atomic_path

PRIVATE = 0o600
OF_OTHERS = 0o077


def others_may(path: Path) -> bool:
    """Whether anyone but its owner has a right to a file; never where rights are kept in another way."""
    return os.name == "posix" and bool(path.stat().st_mode & OF_OTHERS)


def make_private(path: Path) -> None:
    """Make an empty file with the right mode, if there is none yet, before anything is put into it.

    Where that cannot be, whoever writes says why.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))


def tighten(paths: Iterable[Path]) -> list[Path]:
    """Take the rights of others from files that are ours; returns those that had some."""
    tightened = []
    for path in paths:
        try:
            if others_may(path):
                path.chmod(PRIVATE)
                tightened.append(path)
        except OSError:  # not there, or another user's: that is no reason not to use it
            continue
    return tightened


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole by one that its owner alone can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with atomic_path(path) as temporary:
        temporary.chmod(PRIVATE)  # while it is empty
        temporary.write_text(text, encoding="utf-8")
