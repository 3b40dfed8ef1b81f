"""Answers on their way to the disk: all that come at one moment go there in one transaction."""

from __future__ import annotations

import asyncio

from syneg_cli.core import SynegError
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.stored import Stored


class Recording:
    """Records the answers of one job.

    Args:
        durable: wait for the disk itself, so that even a power cut loses nothing that was reported as kept.
    """

    def __init__(self, cache: Cache, job: str, *, durable: bool) -> None:
        self.cache, self.job, self.durable = cache, job, durable
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
        except SynegError as error:
            for done in self._still_awaited(waiting):
                done.set_exception(error)
            return
        for done in self._still_awaited(waiting):
            done.set_result(None)

    @staticmethod
    def _still_awaited(waiting: list[tuple[Stored, asyncio.Future[None]]]) -> list[asyncio.Future[None]]:
        """Without those whose call was dropped meanwhile; their answers are kept as well."""
        return [done for _, done in waiting if not done.done()]
