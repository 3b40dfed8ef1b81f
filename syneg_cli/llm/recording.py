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

SYNC_SECONDS = 0.005
"""From one wait for the disk to the next: above 200 answers a second, several go there together."""

Done = asyncio.Future[None]


class Recording:
    """Records the answers of one job.

    A transaction is in the cache as soon as it is over, and safe from the end of the process. The disk
    itself is waited for in a thread, so that calls go on meanwhile; an answer counts after that.

    Args:
        durable: wait for the disk itself, so that even a power cut loses nothing that was reported as kept.
        tell: takes what whoever runs the calls has to know, and under which name it is told once.
    """

    def __init__(self, cache: Cache, job: str, *, durable: bool, tell: Callable[[str, str], None]) -> None:
        self.cache, self.job, self._tell = cache, job, tell
        self.syncs = durable and cache.file.has_log
        self.durable = durable and not self.syncs
        """Whether each transaction waits for the disk itself."""
        self._waiting: list[tuple[Stored, Done]] = []
        self._recorded: list[Done] = []
        """Of answers that are in the cache, and not yet on their way to the disk."""
        self._syncing: asyncio.Task[None] | None = None

    async def record(self, stored: Stored) -> None:
        """Wait until an answer is on the disk.

        Raises:
            SynegError: it could not be written.
        """
        loop = asyncio.get_running_loop()
        done: Done = loop.create_future()
        self._waiting.append((stored, done))
        if len(self._waiting) == 1:
            loop.call_soon(self._write)
        await done

    async def flush(self) -> None:
        """Write what waits, and wait for the disk."""
        self._write()
        if self._syncing is not None:
            await self._syncing

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        written = [done for _, done in waiting]
        try:
            self.cache.record(*(stored for stored, _ in waiting), job=self.job, durable=self.durable)
        except Held as error:
            self._waiting = waiting + self._waiting
            self._tell("held", f"{error.message.rstrip('.')}: the answers wait until it is free")
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._write)
        except SynegError as error:
            _end(written, error)
        else:
            if not self.syncs:
                _end(written)
                return
            self._recorded += written
            if self._syncing is None:
                self._syncing = asyncio.create_task(self._sync())

    async def _sync(self) -> None:
        """Wait for the disk; what is recorded meanwhile goes there next, together."""
        loop = asyncio.get_running_loop()
        while self._recorded:
            recorded, self._recorded = self._recorded, []
            next_at = loop.time() + SYNC_SECONDS
            try:
                await loop.run_in_executor(None, self.cache.file.sync)
            except Exception as error:  # whatever it is, those who wait hear of it
                _end(recorded, error)
            else:
                _end(recorded)
            await asyncio.sleep(next_at - loop.time())
        self._syncing = None


def _end(answers: list[Done], error: BaseException | None = None) -> None:
    """Tells those who wait for answers, but for calls that were dropped: theirs are kept as well."""
    for done in answers:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
