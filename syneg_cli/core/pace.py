"""How long a counted task will take, judged by its own beginning."""

from __future__ import annotations

import time

from syneg_cli.core.text import roughly, unit_of

MEASURED = 1.0
"""Seconds that are measured before anything is said."""

WARM_UP = 2
"""Steps that are not measured, because the first are slower; where they take long, the first alone."""

FEW_CALLS = 4
"""Calls that are measured at least: they differ more than steps do."""

LONG = 15.0
"""Seconds that may pass without a word before."""


def now() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic()


class Pace:
    """What is left of a task, in seconds, at every step of it; None as long as too little was measured.

    Where many things are under way at once, as calls of a server are, they come in waves: measuring
    begins in the middle of the first and lasts for as many as are under way, so that the waves, and
    a server that loads its model first, do not decide.
    """

    def __init__(self) -> None:
        self.left: float | None = None
        self._began = now()
        self._base: tuple[float, float, int] | None = None
        self._said = False

    def step(self, done: float, of: float, steps: int, at_once: int = 0) -> float | None:
        """Seconds that are left, the first time that they are known to be many; else None.

        Args:
            done: work that is done, in any unit that takes the same time everywhere in the task.
            of: all of the work, as far as it is known.
            steps: how often something was finished so far.
            at_once: how many things are under way.
        """
        at, few = now(), max(FEW_CALLS, at_once) if at_once else 1
        if self._base is None:
            slow = not at_once and at - self._began >= MEASURED
            if steps >= (1 if slow else max(WARM_UP, at_once / 2)):
                self._base = at, done, steps
            return None
        began, before, earlier = self._base
        seconds, work = at - began, done - before
        if seconds < MEASURED or steps - earlier < few or work <= 0:
            return None
        self.left = max(0.0, of - done) * seconds / work
        if self._said or self.left < LONG:
            return None
        self._said = True
        return self.left


def forecast(description: str, seconds: float, count: int, unit: str) -> str:
    """`Encoding documents: about 1m 10s for 5,087 more docs`."""
    return f"{description}: about {roughly(seconds)} for {count:,} more {unit_of(count, unit)}"
