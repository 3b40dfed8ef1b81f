"""How library functions report progress without knowing who watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from syneg_cli.core.secrets import masked
from syneg_cli.core.text import visible

Advance = Callable[[int], None]
"""Called with the number of items finished since the last call."""


def say(advance: Advance, text: str) -> None:
    """How it goes, as `loss 0.57`, beside a progress line; nothing where the line has no place for it."""
    if callable(told := getattr(advance, "say", None)):
        told(text)


class Progress(Protocol):
    def task(self, description: str, total: int | None, unit: str = "") -> AbstractContextManager[Advance]:
        """Open one progress line; the context yields the function that advances it.

        Without a unit there is nothing to count, and one waits, as for a model that is loaded.
        """
        ...

    def note(self, message: str) -> None:
        """Say one line that stays."""
        ...

    def warn(self, message: str) -> None:
        """Say one line that is never left out."""
        ...


class NoProgress:
    """Reports to nobody: the default of every library function."""

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        yield lambda n: None

    def note(self, message: str) -> None:
        return None

    def warn(self, message: str) -> None:
        return None


class Printed:
    """Prints notes, and a line now and then while something runs: for a notebook or a script."""

    def __init__(self, interval: float = 5.0, stream: TextIO | None = None) -> None:
        self.interval = interval
        self.stream = stream or sys.stderr

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        last, done = time.monotonic(), 0
        if not unit:
            self.note(f"{description} ...")

        def advance(n: int) -> None:
            nonlocal last, done
            done += n
            if time.monotonic() - last >= self.interval:
                last = time.monotonic()
                self.note(f"{description}: {done}{f' of {total}' if total else ''} {unit}")

        yield advance

    def note(self, message: str) -> None:
        print(visible(masked(message)), file=self.stream)

    def warn(self, message: str) -> None:
        self.note(f"warning: {message}")


class SaidOnce:
    """Passes on each note and warning the first time alone: of what is read again and again.

    Args:
        said: what was passed on so far; those who share it say nothing twice between them.
    """

    def __init__(self, progress: Progress, said: set[str]) -> None:
        self.progress = progress
        self.said = said

    def task(self, description: str, total: int | None, unit: str = "") -> AbstractContextManager[Advance]:
        return self.progress.task(description, total, unit)

    def note(self, message: str) -> None:
        if message not in self.said:
            self.said.add(message)
            self.progress.note(message)

    def warn(self, message: str) -> None:
        if message not in self.said:
            self.said.add(message)
            self.progress.warn(message)
