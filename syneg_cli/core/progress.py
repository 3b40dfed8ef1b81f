"""How library functions report progress without knowing who watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from syneg_cli.core.pace import Pace, forecast
from syneg_cli.core.secrets import masked
from syneg_cli.core.text import unit_of, visible

Advance = Callable[[int], None]
"""Called with the number of items finished since the last call."""


def say(advance: Advance, text: str) -> None:
    """How it goes, as `loss 0.57`, beside a progress line; nothing where the line has no place for it."""
    if callable(told := getattr(advance, "say", None)):
        told(text)


def weigh(advance: Advance, done: float, of: float, *, steps: int | None = None, at_once: int = 0) -> None:
    """How much of the work is done, before its items are counted: where some take longer than others.

    Args:
        done, of: in a unit of which each takes the same time (tokens); `of` may be an estimate.
        steps: how often something was finished; by default how often `advance` was called.
        at_once: how many items are under way.
    """
    if callable(told := getattr(advance, "weigh", None)):
        told(done, of, steps, at_once)


def uncounted(advance: Advance, what: str) -> None:
    """What takes its time beside the items that are counted, as `measuring on dev`."""
    if callable(told := getattr(advance, "uncounted", None)):
        told(what)


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


@dataclass
class Line:
    """An `Advance` that is also told how it goes, and says once how long a long task takes.

    Args:
        note: says that, in a line that stays.
        show: is called at every step.
    """

    description: str
    total: int | None
    unit: str
    note: Callable[[str], None]
    show: Callable[[Line], None]
    done: int = 0
    said: str = ""
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self._beside = ""
        self._steps = self._at_once = 0
        self._finished: int | None = None
        self._work: tuple[float, float] | None = None

    def __call__(self, n: int) -> None:
        self.done += n
        self._steps += n > 0
        if self.total:
            steps = self._steps if self._finished is None else self._finished
            done, of = self._work or (self.done, self.total)
            if (left := self.pace.step(done, of, steps, self._at_once)) is not None:
                rest = max(0, self.total - self.done)
                self.note(forecast(self.description, left, rest, self.unit) + self._beside)
        self.show(self)

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1."""
        done, of = self._work or (self.done, self.total or 0)
        return min(1.0, done / of) if of else 0.0

    @property
    def counted(self) -> str:
        """`85 docs`, `1 doc`."""
        return f"{self.done} {unit_of(self.done, self.unit)}"

    @property
    def weighed(self) -> bool:
        """Whether its share is one of work and not of items."""
        return self._work is not None

    def say(self, text: str) -> None:
        self.said = f", {text}"

    def weigh(self, done: float, of: float, steps: int | None, at_once: int) -> None:
        self._work, self._finished, self._at_once = (done, of), steps, at_once

    def uncounted(self, what: str) -> None:
        self._beside = f", {what} not counted"


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
        last = time.monotonic()
        if not unit:
            self.note(f"{description} ...")

        def show(line: Line) -> None:
            nonlocal last
            if time.monotonic() - last >= self.interval:
                last = time.monotonic()
                self.note(f"{description}: {line.done}{f' of {total}' if total else ''} {unit}")

        yield Line(description, total, unit, self.note, show)

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
