"""Answers on their way to the disk: all that come at one moment go there in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from syneg_cli.core import SynegError
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.cache_file import Held
from syneg_cli.llm.stored import Stored

AGAIN_SECONDS = 1.0
"""Until a file is tried again that another process held for a minute."""


class Recording:
    """Records the answers of one job.

    Args:
        durable: wait for the disk itself, so that even a power cut loses nothing that was reported as kept.
        tell: takes what whoever runs the calls has to know, and under which name it is told once.
    """

    def __init__(self, cache: Cache, job: str, *, durable: bool, tell: Callable[[str, str], None]) -> None:
        self.cache, self.job, self.durable, self._tell = cache, job, durable, tell
        self._waiting: list[tuple[Stored, asyncio.Future[None]]] = []

    async def record(self, stored: Stored) -> None:
        """Wait until an answer is on the disk.

        Raises:
            SynegError: it could not be written.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((stored, done))
        if len(self._waiting) == 1:
            loop.call_soon(self.flush)
        await done

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self.cache.record(*(stored for stored, _ in waiting), job=self.job, durable=self.durable)
        except Held as error:
            self._waiting = waiting + self._waiting
            self._tell("held", f"{error.message.rstrip('.')}: the answers wait until it is free")
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.flush)
        except SynegError as error:
            for done in self._still_awaited(waiting):
                done.set_exception(error)
        else:
            for done in self._still_awaited(waiting):
                done.set_result(None)

    @staticmethod
    def _still_awaited(waiting: list[tuple[Stored, asyncio.Future[None]]]) -> list[asyncio.Future[None]]:
        """Without those whose call was dropped meanwhile; their answers are kept as well."""
        return [done for _, done in waiting if not done.done()]
