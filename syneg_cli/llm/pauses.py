"""Waiting, and saying what for: the server's pauses, other processes, and a stop that wakes who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from syneg_cli.core import LLMError, counted, described, duration
from syneg_cli.llm.base import Unreachable
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.statistics import Stats, kind_of

BUSY_POLL = 0.2
BUSY_SAID = 5.0
"""Seconds that another process is waited for without a word."""

LONG_PAUSE = 10.0
"""Seconds from which on a pause that the server asks for is told."""


class Stopped(Exception):
    """`Engine.stop` was called while a call waited for its turn: it is not made."""


class Pauses:
    """The waits of one engine.

    Args:
        server: how the server is called.
        tell: takes what whoever runs the calls has to know.
    """

    def __init__(self, stats: Stats, limits: Limits, server: str, tell: Callable[[str], None]) -> None:
        self.stats, self.limits, self.server = stats, limits, server
        self.stopping = False
        self._say = tell
        self._told: set[str] = set()
        self._halt = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since = 0.0

    def begin(self) -> None:
        """To be called in the event loop that everything waits in."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Nothing new is to be begun; from any thread."""
        self.stopping = True
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._halt.set)

    def tell_waiting(self) -> None:
        """Says, before a stop, what it will wait for."""
        if flying := self.stats.in_flight:
            waits = f"waiting for {counted(flying, 'answer')} in flight, which may be paid for already"
            self._say(f"stopping: {waits}; Ctrl-C again drops {'it' if flying == 1 else 'them'}")

    def tell_dropped(self) -> None:
        """Says what was given up while its answer was on its way."""
        if dropped := self.stats.dropped:
            calls = f"{counted(dropped, 'call')} in flight {'was' if dropped == 1 else 'were'} dropped"
            self._say(f"{calls}: the server may bill {'it' if dropped == 1 else 'them'} all the same")

    async def sleep(self, seconds: float) -> None:
        """Raises Stopped as soon as nothing new is to be begun."""
        if self.stopping:
            raise Stopped
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._halt.wait(), seconds)
            raise Stopped

    def for_process(self, owner: str) -> None:
        """Another process asks for the same; said if that takes a while."""
        now = time.monotonic()
        if now - self.stats.waits_until > 2 * BUSY_POLL:  # nothing had been waited for
            self._since = now
        self.stats.waits_until, self.stats.waits_for = now + BUSY_POLL, described(owner)
        if now - self._since > BUSY_SAID:
            self.tell_once(owner, f"waiting for answers that {described(owner)} asks for")

    def for_server(self, pause: float, asked: float | None = None) -> None:
        """The server asked for a pause; said once, if it is long.

        Args:
            pause: seconds that are waited now.
            asked: seconds that it asked for.
        """
        if pause <= 0:
            return
        self.stats.waits_until, self.stats.waits_for = time.monotonic() + pause, "the server's rate limit"
        if pause > LONG_PAUSE:
            longest = duration(self.limits.max_wait)
            told = f": waiting {duration(pause)}"
            if asked and asked > self.limits.max_wait:
                told = f" of {duration(asked)}, and gets at most {longest} (--max-wait)"
            self.tell_once("pause", f"{self.server} asks for a pause{told}")

    def for_retry(self, pause: float, error: LLMError) -> None:
        """A request is tried again after a pause; what the server as a whole is about is said once.

        Shown where nothing else goes on, or nothing can.
        """
        away = isinstance(error, Unreachable)
        until = time.monotonic() + pause
        if until > self.stats.waits_until and (away or not self.stats.in_flight):
            self.stats.waits_until, self.stats.waits_for = until, f"another try ({kind_of(error)})"
        if away:
            said = error.message.rstrip(".")
            self.tell_once("away", f"{said}. It answered before, so it is asked again for a while")

    def tell_lost(self, error: BaseException, reserved: float) -> None:
        """Say once why money counts as spent for which nothing came.

        Args:
            reserved: US dollars that the call can cost at most.
        """
        if isinstance(error, LLMError) and reserved:
            said = f"{error.message.rstrip('.')}. It may have billed the answer that is lost"
            self.tell_once(
                "lost", f"{said}: such a call counts at the most it can cost (${reserved:.4f} here)"
            )

    def tell_once(self, what: str, message: str) -> None:
        """Say something once a run."""
        if what not in self._told:
            self._told.add(what)
            self._say(message)
