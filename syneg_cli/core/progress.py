"""How library functions report progress without knowing who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]
"""Called with the number of items finished since the last call."""


class Progress(Protocol):
    def task(self, description: str, total: int | None, unit: str = "") -> AbstractContextManager[Advance]:
        """Open one progress line; the context yields the function that advances it."""
        ...

    def note(self, message: str) -> None:
        """Say one line that stays."""
        ...


class NoProgress:
    """Reports to nobody: the default of every library function."""

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        yield lambda n: None

    def note(self, message: str) -> None:
        return None
