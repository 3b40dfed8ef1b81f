"""How fast calls may go: as many at once, and as many a minute, as the server bears.

Concurrency follows additive increase, multiplicative decrease (AIMD, as TCP does, RFC 5681):
each full round of good answers allows one call more, each overload halves what is allowed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from syneg_cli.llm.base import RateLimits, TimedOut

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[None]]

DECREASE = 0.5


class Gate:
    """Lets at most `allowed` calls be in flight, and none while the server asked for a pause.

    Args:
        longest: seconds that a pause is granted at most.
    """

    def __init__(
        self,
        most: int,
        *,
        longest: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.most, self.longest, self._sleep = most, longest, sleep
        self.allowed = float(most)
        self.in_flight = 0
        self.paused_until = 0.0
        self._clock = clock
        self._last_cut = float("-inf")
        self._freed = asyncio.Event()

    async def enter(self) -> float:
        """Wait for a place; returns the time of entry, which `overloaded` wants back."""
        while True:
            wait = self.paused_until - self._clock()
            if wait > 0:
                await self._sleep(wait)
            elif self.in_flight < max(1, int(self.allowed)):
                self.in_flight += 1
                return self._clock()
            else:
                self._freed.clear()
                await self._freed.wait()

    def leave(self) -> None:
        self.in_flight -= 1
        self._freed.set()

    def answered(self) -> None:
        """A good answer: one call more per full round of them."""
        self.allowed = min(float(self.most), self.allowed + 1 / max(1.0, self.allowed))

    def overloaded(self, entered: float, retry_after: float | None) -> None:
        """An overload: halve, once per round (calls sent before the last cut tell nothing new)."""
        if retry_after:
            self.pause(retry_after)
        if entered >= self._last_cut:
            self.allowed = max(1.0, min(self.allowed, float(max(1, self.in_flight))) * DECREASE)
            self._last_cut = self._clock()

    def pause(self, seconds: float) -> None:
        self.paused_until = max(self.paused_until, self._clock() + min(seconds, self.longest))

    def pause_left(self) -> float:
        """Seconds."""
        return self.paused_until - self._clock()

    def obey(self, limits: RateLimits | None) -> None:
        """Wait for the reset where the headers say that nothing is left."""
        if limits is None:
            return
        for left, reset in ((limits.requests, limits.requests_reset), (limits.tokens, limits.tokens_reset)):
            if left == 0 and reset:
                self.pause(reset)


class PerMinute:
    """At most so many units a minute, spread evenly (a token bucket of one second's worth or one call)."""

    def __init__(
        self,
        per_minute: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self.rate = per_minute / 60 if per_minute else None
        self._clock = clock
        self._free_at = 0.0

    async def take(self, units: float = 1.0) -> None:
        """Wait for the turn of a call of this size."""
        if wait := self.reserve(units):
            await self._sleep(wait)

    def reserve(self, units: float = 1.0) -> float:
        """Book the next free place; returns the seconds until it."""
        if self.rate is None:
            return 0.0
        now = self._clock()
        start = max(self._free_at, now - 1.0)
        self._free_at = start + units / self.rate
        return max(0.0, start - now)


async def within(seconds: float | None, awaitable: Awaitable[T]) -> T:
    """Wait at most so long. `asyncio.wait_for` does it in a task of its own, which costs a tenth of a call.

    Raises:
        TimedOut: it took longer.
    """
    if seconds is None:
        return await awaitable
    task, expired = asyncio.current_task(), False
    assert task is not None

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await awaitable
    except asyncio.CancelledError:
        if not expired:
            raise
        if hasattr(task, "uncancel"):  # Python 3.11 counts cancellations
            task.uncancel()
        raise TimedOut(f"No answer within {seconds:g} s.") from None
    finally:
        timer.cancel()
