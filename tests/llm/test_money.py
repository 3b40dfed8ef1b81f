"""What is paid for: recorded whatever it is, counted whatever the server says, and bought once."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from syneg_cli.core import BudgetExceeded, SynegError, described, still_runs, this_process
from syneg_cli.generation import fill, recall
from syneg_cli.llm import Answer, Request, Subject
from syneg_cli.llm.budget import billed, most_it_can_cost
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.cache_file import APPLICATION, CacheFile, NotOurs, look_at
from syneg_cli.llm.engine import Engine
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.prices import Price
from tests.conftest import Cli
from tests.fakes import CHEAP, QUICK, FakeLLM, good, make_engine, make_generator, open_tiny
from tests.patience import wait_until
from tests.servers import ChatServer, Reply, good_reply

REQUEST = Request(Subject("q", "d", "syneg"), (("user", "x" * 84),), max_tokens=1000)
PRICE = Price(1.0, 10.0)


@pytest.mark.parametrize(
    ("tokens", "text", "cost"),
    [
        ((50, 20), "a", 50 + 200),
        ((0, 20), "a", 100 + 200),
        ((50, 0), "a", 50 + 10_000),
        ((50, 0), "", 50),
        ((0, 0), "a", 100 + 10_000),
        ((10**9, 20), "a", 100 + 200),
        ((50, 10**9), "a", 50 + 10_000),
        ((50, 5_000), "a", 50 + 50_000),
    ],
)
def test_counts_that_are_missing_or_absurd_count_as_the_most_they_can_be(
    tokens: tuple[int, int], text: str, cost: float
) -> None:
    """84 bytes and 16 around them are at most 100 tokens in; thoughts may pass the bound of an answer."""
    assert most_it_can_cost(REQUEST, PRICE) == 100 + 10_000
    assert billed(REQUEST, Answer(text, *tokens), PRICE)[0] == cost


@pytest.mark.parametrize("usage", [None, {}, "free", [], {"prompt_tokens": -5e9, "completion_tokens": -1}])
def test_a_server_cannot_count_itself_below_a_cap(cli: Cli, tiny: Path, usage: object) -> None:
    def respond(body: dict[str, object], number: int) -> Reply:
        message = {"content": good_reply(body, number).text}
        return Reply(raw={"choices": [{"message": message}], "usage": usage})

    Path("syneg.toml").write_text("[dataset]\ndev_fraction = 0\n[generate]\nprice = [10, 20]\n")
    with ChatServer(respond) as server:
        at = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url, "--max-cost", "0.2")
        stopped = cli(*at)
        assert stopped.code == 1
        assert len(server.requests) == 1, "each can cost more than 0.1"
        again = cli(*at, "--temperature", "0.5")
        assert len(server.requests) == 1, "the cap is the job's, whatever the temperature"
        assert "is spent, the next call can cost" in again.err


@pytest.mark.parametrize("price", ["[-1, 2]", "[1, inf]", "[nan, 1]"])
def test_prices_are_finite_and_no_credit(cli: Cli, tiny: Path, price: str) -> None:
    Path("syneg.toml").write_text(f"[generate]\nprice = {price}\n")
    refused = cli("generate", tiny, "--llm", "openai:m", "--base-url", "http://127.0.0.1:9/v1")
    assert refused.code == 2
    assert "price" in refused.err


def test_an_answer_is_recorded_before_it_is_judged(tiny: Path, tmp_path: Path) -> None:
    llm = FakeLLM()

    def breaks(answer: Answer) -> str:
        raise RecursionError

    with Cache(tmp_path / "g.db") as cache:
        engine = make_engine(llm, cache)

        async def ask() -> None:
            await engine.ask(REQUEST, breaks)

        asyncio.run(ask())
        (row,) = cache.rows()
    assert (row.status, row.response) == ("unparsable", good("a1"))


def test_what_a_provider_did_not_foresee_spoils_one_call(tiny: Path, tmp_path: Path) -> None:
    llm = FakeLLM()
    llm.enqueue(ZeroDivisionError("in a provider"))
    generator = make_generator(tiny, llm)
    pairs = open_tiny(tiny).pairs("train")
    with Cache(tmp_path / "g.db") as cache:
        engine = make_engine(llm, cache, limits=Limits(backoff=0.001, attempts=1))
        keys: list[str | None] = [None] * len(pairs)
        fill(generator, pairs, engine, keys)
        assert sum(key is not None for key in keys) == len(pairs) - 1
        assert "ZeroDivisionError: in a provider" in engine.stats.said["broken answer"]


def test_what_other_processes_were_answered_is_written_too(tiny: Path, tmp_path: Path) -> None:
    """At a cap, each process knows its own part alone; the cache knows all."""
    pairs = open_tiny(tiny).pairs("train")
    with Cache(tmp_path / "g.db") as one, Cache(tmp_path / "g.db") as other:
        engines = [
            make_engine(FakeLLM(), cache, limits=Limits(max_calls=2, concurrency=1)) for cache in (one, other)
        ]
        generators = [make_generator(tiny, engine.llm) for engine in engines]  # type: ignore[arg-type]
        keys: list[list[str | None]] = [[None] * len(pairs) for _ in engines]
        fill(generators[0], pairs[:1], engines[0], keys[0])
        with pytest.raises(BudgetExceeded):
            fill(generators[1], pairs, engines[1], keys[1])
        recall(generators[0], pairs, one, keys[0])
        assert [key is not None for key in keys[0]] == [True, True, False]
        assert keys[0] == keys[1]


def test_a_foreign_database_is_left_as_it_is(cli: Cli, tiny: Path) -> None:
    path = Path("notes.db")
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE notes (text)")
        theirs.execute("INSERT INTO notes VALUES ('mine')")
    before = path.read_bytes()
    for command in (("generate", tiny, "--llm", "ollama:x"), ("cache", "stats")):
        refused = cli(*command, "--cache", path)
        assert refused.code in (1, 2)
        assert "is a database of another program (it holds notes)" in refused.err
    (Path(".syneg")).mkdir(exist_ok=True)
    with Cache(Path(".syneg/own.db")) as own:
        assert own.file.select("PRAGMA application_id") == [(APPLICATION,)]
    merged = cli("cache", "merge", path, "--cache", ".syneg/own.db")
    assert "another program" in merged.err
    assert path.read_bytes() == before


def grow(cache: Cache) -> None:
    with cache.file.write():
        for number in range(1000):
            cache.file.change("INSERT INTO jobs (job) VALUES (?)", [f"{number}" * 1000])


def test_every_failure_of_the_file_is_one_true_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syneg_cli.llm.cache_file.BUSY_SECONDS", 0.01)
    path = tmp_path / "g.db"
    with Cache(path) as cache, Cache(path) as other:
        with other.file.write(), pytest.raises(SynegError, match="held by another process"):
            cache.claim("k", job="j")
        assert cache.claim("k", job="j") is None
        cache.file.connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(SynegError, match="the disk is full"):
            grow(cache)
        cache.file.connection.execute("PRAGMA max_page_count = 1000000")
        cache.release("k")
        cache.file.connection.execute("PRAGMA query_only = 1")
        with pytest.raises(SynegError, match="read-only"):
            cache.claim("k", job="j")
    with pytest.raises(SynegError, match=r"nowhere.*Not a directory|File exists|Not a directory"):
        Cache(path / "nowhere" / "g.db")
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(path.read_bytes()[:5000] + b"\0" * 5000)
    with pytest.raises(SynegError, match=r"damaged database|no generation cache"), Cache(damaged) as cache:
        list(cache.rows())
    broken = tmp_path / "broken.db"
    broken.write_bytes(path.read_bytes().replace(b"TABLE claims", b"TAB\x80E claims"))
    with pytest.raises(SynegError, match="damaged database"), Cache(broken):
        pass
    text = tmp_path / "text.db"
    text.write_text("no database" * 1000)
    with pytest.raises(NotOurs, match="is no generation cache"):
        Cache(text)


def test_a_cache_on_a_full_disk_is_read(tmp_path: Path) -> None:
    """SQLite calls it an I/O error, because a file beside its own has no room: the disk does not fail."""
    path = tmp_path / "g.db"
    with Cache(path) as cache:
        cache.claim("k", job="j")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        assert look_at(path) == ("ok", 0)
        with Cache(path) as cache:
            assert cache.file.select("SELECT key FROM claims") == [("k",)]
            with pytest.raises(SynegError, match="cannot grow: the disk is full"):
                cache.claim("other", job="j")
        path.with_name("g.db-wal").write_bytes(b"x")
        with pytest.raises(SynegError, match="cannot grow: the disk is full"):
            Cache(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_cache_on_a_read_only_disk_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.db"
    with Cache(path) as cache:
        cache.claim("k", job="j")
    set_up = CacheFile._set_up

    def read_only(self: CacheFile) -> None:
        self.connection.execute("PRAGMA query_only = 1")
        set_up(self)

    monkeypatch.setattr(CacheFile, "_set_up", read_only)
    with Cache(path) as cache:
        assert cache.file.read_only
        assert cache.file.select("SELECT key FROM claims") == [("k",)]
        with pytest.raises(SynegError, match="read-only"):
            cache.claim("other", job="j")


def test_holders_are_known_by_machine_and_start() -> None:
    here = this_process()
    machine, number, start = here.rsplit(":", 2)
    assert still_runs(here) is True
    assert still_runs(f"{machine}:{number}:{int(start) + 1}") is False, "the number was used again"
    assert still_runs(f"{machine.replace('/', '/x', 1)}:{number}:{start}") is None, "a container of that name"
    assert still_runs("elsewhere:1:1") is None
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    assert still_runs(f"{machine}:{gone.stdout.strip()}:{start}") is False
    assert described(here) == f"process {os.getpid()}"
    assert described(f"elsewhere/b/n:{number}:{start}") == f"process {number} on elsewhere"
    for damaged in ("", "x", f"{machine}:\u00b2:{start}", f"{machine}:{'9' * 5000}:{start}"):
        assert still_runs(damaged) is None
        assert described(damaged) == "another process"


def test_a_process_renews_its_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syneg_cli.llm.engine.RENEW_SECONDS", 0.01)
    with Cache(tmp_path / "g.db") as cache:
        engine = make_engine(FakeLLM(), cache)
        cache.claim("k", job="j")
        ((before,),) = cache.file.select("SELECT until FROM claims")

        async def work(item: int) -> None:
            while cache.file.select("SELECT until FROM claims") == [(before,)]:
                await asyncio.sleep(0.005)

        asyncio.run(engine.run([1], work))
        assert cache.file.select("SELECT until FROM claims") > [(before,)]


HUGE = (
    Reply(status=429, headers={"retry-after": "999999999"}),
    Reply(status=429, headers={"retry-after": "inf"}),
    Reply(text="x", headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9999d"}),
)


@pytest.mark.parametrize("reply", HUGE, ids=["429", "inf", "good answer"])
def test_no_server_is_waited_for_without_end(cli: Cli, tiny: Path, reply: Reply) -> None:
    with ChatServer() as server:
        server.script.append(reply)
        at = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url, "--max-wait", "0.2")
        done = cli(*at, "--concurrency", 1, "--set", "dataset.dev_fraction=0")
        assert len(server.requests) >= 3
        assert done.code == 0, done.err


def test_a_long_pause_is_said_and_a_stop_wakes_those_who_wait(tiny: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with ChatServer() as server, Cache(tmp_path / "g.db") as cache:
        from syneg_cli.llm import open_llm

        server.script.append(HUGE[0])
        llm = open_llm("openai:m", base_url=server.openai_url, timeout=60)
        llm.tell = said.append
        engine = Engine(llm, cache, price=CHEAP, job="j", limits=QUICK)
        generator = make_generator(tiny, llm)  # type: ignore[arg-type]
        pairs = open_tiny(tiny).pairs("train")

        def stop_when_it_waits() -> None:
            wait_until(lambda: said, "the pause is said")
            engine.stop()

        stopping = threading.Thread(target=stop_when_it_waits)
        stopping.start()
        with pytest.raises(KeyboardInterrupt):
            fill(generator, pairs, engine, [None] * len(pairs))
        stopping.join()
    told = said[0]
    assert told.endswith("asks for a pause of 277777h 46m, and gets at most 5m 00s (--max-wait)")
    assert engine.stats.waits_for == "the server's rate limit"


@pytest.mark.slow
def test_a_polite_end_finishes_what_is_in_flight(tiny: Path, tmp_path: Path) -> None:
    with ChatServer(latency=0.3) as server:
        command = [sys.executable, "-m", "syneg_cli", "generate", str(tiny), "--llm", "openai:m"]
        command += ["--base-url", server.openai_url, "--concurrency", "2", "--work-dir", str(tmp_path / "w")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: server.requests, "a call is in flight")
            process.terminate()
            _, said = process.communicate()
        assert process.returncode == 130, said
        sent = len(server.requests)
    with Cache(tmp_path / "w" / "generations.db") as cache:
        assert len(list(cache.rows())) == sent, "all that was sent is kept"
        assert not cache.file.select("SELECT * FROM claims")


def test_a_server_that_moved_is_said_before_it_is_paid_again(cli: Cli, tiny: Path) -> None:
    with ChatServer() as first, ChatServer() as second:
        for server in (first, second):
            at = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
            estimated, done = cli(*at, "--estimate"), cli(*at)
            for told in (estimated.err, done.err):
                moved = f"the cache has 3 answers of m from {first.openai_url}; {server.openai_url} counts as another"
                assert (moved in told) == (server is second)
        assert "counts as another" not in cli(*at, "--force").err
