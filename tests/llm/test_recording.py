"""Answers on their way to the disk: they count when it has them, and calls go on meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from syneg_cli.core import SynegError
from syneg_cli.llm import Answer, Request, Subject
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.cache_file import CacheFile
from syneg_cli.llm.engine import Engine
from syneg_cli.llm.limits import Limits
from tests.fakes import FakeLLM, make_engine
from tests.patience import PATIENCE

fsync = os.fsync


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "g.db"


def run(engine: Engine, count: int) -> None:
    async def work(number: int) -> None:
        await engine.ask(
            Request(Subject(f"q{number}", "d", "syneg"), (("user", str(number)),)), lambda _: "ok"
        )

    asyncio.run(engine.run(range(count), work))


def at_disk(monkeypatch: pytest.MonkeyPatch, do: Callable[[str], None]) -> None:
    """Let `do` come first when the disk is waited for; it gets the file's name."""

    def waited(descriptor: int) -> None:
        do(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", waited)


def test_an_answer_counts_when_the_disk_has_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, int]] = []

    def look(name: str) -> None:
        ((rows,),) = CacheFile(path, looks=True).select("SELECT count(*) FROM answers")
        seen.append((name, rows, engine.stats.answered))

    with Cache(path) as cache:
        engine = make_engine(FakeLLM(), cache, limits=Limits(concurrency=1))
        at_disk(monkeypatch, look)
        run(engine, 3)
    assert seen == [("g.db-wal", rows, rows - 1) for rows in (1, 2, 3)]


def test_calls_go_on_while_the_disk_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = threading.Event()
    went_on: list[str] = []

    class Quick(FakeLLM):
        async def complete(self, request: Request) -> Answer:
            if len(self.asked) == 1:
                while not went_on:  # the first answer is on its way
                    await asyncio.sleep(0.001)
                other.set()
            return await super().complete(request)

    def wait(name: str) -> None:
        if not went_on:
            went_on.append("begun")
            assert other.wait(PATIENCE)

    with Cache(path) as cache:
        at_disk(monkeypatch, wait)
        run(engine := make_engine(Quick(), cache, limits=Limits(concurrency=2)), 2)
        assert engine.stats.answered == 2


def test_a_disk_that_fails_ends_the_run_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Cache(path) as cache:
        engine = make_engine(FakeLLM(), cache, limits=Limits(concurrency=1))
        with monkeypatch.context() as patch:
            at_disk(patch, fail)
            with pytest.raises(SynegError, match=r"g\.db: Input/output error"):
                run(engine, 2)
        assert engine.stats.answered == 0, "what may not be on the disk counts for nothing"
        assert cache.totals("job").calls == 1
        again = make_engine(FakeLLM(), cache)
        run(again, 2)
        assert again.stats.calls == 1, "and is not paid for twice"


def test_what_is_dropped_is_on_the_disk_when_the_run_is_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def wait(name: str) -> None:
        seen.append("begun")
        threading.Event().wait(0.05)  # so that the run would be over first if it did not wait
        seen.append("ended")

    async def work(number: int) -> None:
        if number:
            while not seen:
                await asyncio.sleep(0.001)
            raise SynegError("a fault of its own")
        await engine.ask(Request(Subject("q", "d", "syneg"), (("user", "x"),)), lambda _: "ok")

    async def main() -> list[str]:
        with pytest.raises(SynegError, match="of its own"):
            await engine.run(range(2), work)
        return list(seen)

    with Cache(path) as cache:
        engine = make_engine(FakeLLM(), cache, limits=Limits(concurrency=2))
        at_disk(monkeypatch, wait)
        assert asyncio.run(main()) == ["begun", "ended"]
        assert cache.totals("job").calls == 1


def test_without_a_log_each_transaction_waits_for_the_disk(path: Path) -> None:
    """As on disks of a network, where SQLite has none: 2 is FULL."""
    with Cache(path) as cache:
        cache.file.has_log = False
        run(make_engine(FakeLLM(), cache), 1)
        assert cache.file.select("PRAGMA synchronous") == [(2,)]
