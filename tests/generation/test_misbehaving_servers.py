"""The engine against a real server that misbehaves in every way at once, and against kill -9.

The moments are the server's: it kills after so many answers, and says which calls time out.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.core.record_files import read_jsonl
from syneg_cli.llm.base import Answer, Request, TimedOut
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.openai import OpenAI
from tests.conftest import Cli, write_dataset
from tests.patience import PATIENCE
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of
from tests.servers.odd import takes

PAIRS, CONCURRENCY = 120, 8


def make_dataset(folder: Path, pairs: int = PAIRS) -> Path:
    docs = {f"d{i}": (f"Title {i}", f"Document number {i} says that item {i} is blue.") for i in range(pairs)}
    queries = {f"q{i}": f"what is the colour of item {i}" for i in range(pairs)}
    return write_dataset(folder, docs, queries, {"train": [(f"q{i}", f"d{i}", 1) for i in range(pairs)]})


def command(dataset: Path, server: ChatServer, *more: str) -> list[str]:
    """The time limit of a call is out of reach, whatever the machine, where `more` has no other."""
    llm = ["--llm", "openai:gpt-4o-mini", "--base-url", server.openai_url, "--timeout", f"{PATIENCE:g}"]
    return ["generate", str(dataset), *llm, "--concurrency", str(CONCURRENCY), *more]


def spawn(cwd: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "syneg_cli", *arguments, "--quiet"],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def spawn_until(server: ChatServer, answers: int, sent: int, cwd: Path, arguments: list[str]) -> int:
    """Run a process that gets signal `sent` at the moment when so many answers left; its exit code."""
    process: Future[subprocess.Popen[bytes]] = Future()
    server.when(answers, lambda: process.result(PATIENCE).send_signal(sent))
    process.set_result(spawn(cwd, arguments))
    process.result().communicate(timeout=PATIENCE)
    server.wait_until_left()
    return process.result().returncode


def misbehaving(seed: int = 0) -> tuple[Counter[str], Callable[[Body, int], Reply]]:
    chance, seen = random.Random(seed), Counter[str]()

    def respond(body: Body, number: int) -> Reply:
        draw = chance.random()
        good = good_reply(body, number)
        if draw < 0.10:
            seen["429"] += 1
            return Reply(status=429, headers={"retry-after": "0.05"})
        if draw < 0.15:
            seen["500"] += 1
            return Reply(status=500)
        if draw < 0.20:
            seen["cut"] += 1
            assert good.text is not None
            return Reply(text=good.text[: len(good.text) // 3])
        if draw < 0.22:
            seen["hang"] += 1
            return Reply(hang=True)
        return good

    return seen, respond


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-in-the-environment")
    monkeypatch.setenv("SYNEG_DATASET_DEV_FRACTION", "0")


def time_out_what_hangs(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls run out of time exactly where the server leaves them hanging, however slow the machine is.

    A limit in seconds would also strike calls that a busy machine answers late. That a real
    limit strikes is tested with the provider (tests/llm/test_openai.py).
    """
    complete = OpenAI.complete

    async def watched(self: OpenAI, request: Request) -> Answer:
        call, prompt = asyncio.ensure_future(complete(self, request)), request.messages[0][1]
        try:
            while not call.done():
                await asyncio.wait([call], timeout=0.05)
                if prompt in server.hanging:
                    server.hanging.discard(prompt)
                    raise TimedOut("the server hangs")
            return call.result()
        finally:
            call.cancel()

    monkeypatch.setattr(OpenAI, "complete", watched)


@pytest.mark.slow
def test_every_pair_is_answered_and_none_is_paid_twice(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = 300
    dataset = make_dataset(tmp_path / "data", pairs)
    seen, respond = misbehaving()
    with ChatServer(respond) as server:
        time_out_what_hangs(server, monkeypatch)
        result = cli(*command(dataset, server, "--json"))
    assert result.code == 0, result.err
    assert all(seen[kind] for kind in ("429", "500", "cut", "hang")), seen
    report = result.json
    assert (report["answered"], report["unanswered"]) == (pairs, 0)
    assert max(server.answered.values()) == 1, "an answered request was sent again"
    first = Counter(prompt_of(body) for body in server.requests)
    assert len(first) == pairs
    negatives = list(read_jsonl(Path(str(report["path"]))))
    assert {row["query_id"] for row in negatives} == {f"q{i}" for i in range(pairs)}


@pytest.mark.slow
def test_killed_at_random_moments_nothing_answered_is_lost_or_paid_again(tmp_path: Path) -> None:
    draw = random.Random(1)
    moments = [draw.randint(1, 2 * CONCURRENCY) for _ in range(12)]
    pairs = sum(moments) + 20  # more than the killed processes can have answered
    dataset = make_dataset(tmp_path / "data", pairs)
    kept: set[str] = set()
    with ChatServer(latency=0.01) as server:
        arguments = command(dataset, server)
        for answers in moments:
            sent = len(server.requests)
            assert spawn_until(server, answers, signal.SIGKILL, tmp_path, arguments) == -signal.SIGKILL
            assert not kept & {prompt_of(body) for body in server.requests[sent:]}, "paid again"
            now = stored_prompts(tmp_path)
            assert kept <= now, "an answer was lost"
            # Who asks something new has stored the answer before: all but those in flight are there.
            assert len(now) - len(kept) >= answers - CONCURRENCY, "an answer was not stored at once"
            kept = now
        assert 0 < len(kept) < pairs
        sent = len(server.requests)
        last = spawn(tmp_path, arguments)
        _, problems = last.communicate(timeout=PATIENCE)
        assert last.returncode == 0, problems.decode()
        resent = {prompt_of(body) for body in server.requests[sent:]}
    assert not resent & kept
    assert len(kept | resent) == pairs


def stored_prompts(folder: Path) -> set[str]:
    with Cache(folder / ".syneg" / "generations.db") as cache:
        return {json.loads(row.messages)[0][1] for row in cache.rows()}


@pytest.mark.slow
def test_four_processes_share_one_cache(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    with ChatServer(latency=0.02) as server:
        processes = [spawn(tmp_path, command(dataset, server, "--name", f"part{i}")) for i in range(4)]
        for process in processes:
            _, problems = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, problems.decode()
    assert len(server.answered) == PAIRS
    assert max(server.answered.values()) == 1, "two processes paid for the same answer"
    files = [(tmp_path / f".syneg/data/synthetic/part{i}.jsonl").read_text() for i in range(4)]
    assert len(set(files)) == 1


@pytest.mark.parametrize("latency", [0.0, pytest.param(0.3, marks=pytest.mark.slow)])
def test_a_cost_cap_is_never_passed(cli: Cli, tmp_path: Path, latency: float) -> None:
    dataset = make_dataset(tmp_path / "data")
    price_in, price_out = 1e-6, 40e-6
    (tmp_path / "cwd" / "syneg.toml").write_text("[generate]\nprice = [1, 40]\nmax_tokens = 100\n")

    def respond(body: Body, number: int) -> Reply:
        good = good_reply(body, number)
        return Reply(
            text=good.text, tokens=(400 + number % 50, 60 + number % 40), delay=(number % 5) * latency
        )

    # With a latency every fifth answer comes too late; on a slow machine more of them do, and each
    # counts at the most it can have cost: the cap is reached earlier, and never passed.
    late = ("--timeout", "1") if latency else ()
    with ChatServer(respond) as server:
        for _ in range(3):
            result = cli(*command(dataset, server, "--max-cost", "0.10", *late))
            assert result.code == 1
            assert "--max-cost" in result.err
        billed = server.billed_tokens[0] * price_in + server.billed_tokens[1] * price_out
    assert 0 < billed <= 0.10
    if not latency:
        assert billed > 0.05


def priced(tmp_path: Path) -> Path:
    (tmp_path / "cwd" / "syneg.toml").write_text("[generate]\nprice = [1, 40]\nmax_tokens = 100\n")
    return make_dataset(tmp_path / "data", 5)


def test_a_cap_is_not_taken_where_no_answer_can_be_bounded(cli: Cli, tmp_path: Path) -> None:
    dataset = priced(tmp_path)
    with ChatServer(takes("seed", "temperature", "response_format")) as server:
        capped = cli(*command(dataset, server, "--max-cost", "5"))
        assert capped.code == 1
        assert "takes no bound on an answer's length" in capped.err
        assert "--max-cost cannot be kept" in capped.err
        assert "--max-calls" in capped.err
        assert server.billed_calls == 0
        open_ = cli(*command(dataset, server, "--max-calls", "99"))
        assert open_.code == 0, open_.err
        assert "--max-tokens bounds nothing" in open_.err


def test_a_server_that_counts_nothing_is_taken_to_cost_the_most_it_can(cli: Cli, tmp_path: Path) -> None:
    """100 tokens out at 40 dollars a million, and less than the cap's rest in: two calls, not five."""
    dataset = priced(tmp_path)

    def respond(body: Body, number: int) -> Reply:
        message = {"content": good_reply(body, number).text}
        return Reply(raw={"choices": [{"message": message, "finish_reason": "stop"}]})

    with ChatServer(respond) as server:
        result = cli(*command(dataset, server, "--max-cost", "0.02"))
    assert result.code == 1
    assert "--max-cost" in result.err
    assert result.err.count("such calls are taken to cost the most they can") == 1
    assert 0 < len(server.requests) < 5


def test_an_answer_longer_than_its_bound_is_said_where_there_is_a_cap(cli: Cli, tmp_path: Path) -> None:
    dataset = priced(tmp_path)
    with ChatServer(lambda body, number: replace(good_reply(body, number), tokens=(10, 101))) as server:
        result = cli(*command(dataset, server, "--max-cost", "5"))
    assert result.code == 0, result.err
    assert result.err.count("wrote 101 tokens where it was given 100") == 1


def test_the_api_key_is_written_nowhere(cli: Cli, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data", 5)
    with ChatServer() as server:
        server.script.append(Reply(status=500, error="key sk-secret-in-the-environment is fine"))
        done = cli(*command(dataset, server))
        server.script.extend([Reply(status=401, error="bad sk-secret-in-the-environment")] * 9)
        wrong = cli(*command(dataset, server, "--seed", "1"))
        assert server.keys == {"bearer sk-secret-in-the-environment"}
    assert (done.code, wrong.code) == (0, 1)
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert any(p.name == "generations.db" for p in written)
    assert not [p for p in written if b"sk-secret" in p.read_bytes()]
    assert "sk-secret" not in done.out + done.err + wrong.out + wrong.err


@pytest.mark.parametrize("what", ["key", "model", "server"])
def test_what_no_retry_mends_is_one_line_and_stops(cli: Cli, tmp_path: Path, what: str) -> None:
    dataset = make_dataset(tmp_path / "data", 30)
    with ChatServer() as server:
        arguments = command(dataset, server)
        if what == "key":
            server.script.extend([Reply(status=401)] * 30)
        if what == "model":
            arguments[3] = "openai:unknown"
        if what == "server":
            arguments[5] = "http://127.0.0.1:9/v1"
        result = cli(*arguments)
        assert len(server.requests) <= 8
    assert result.code == 1
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "Traceback" not in result.err
    assert not (tmp_path / "cwd/.syneg/data/synthetic").exists()


@pytest.mark.slow
def test_ctrl_c_keeps_everything_answered(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    with ChatServer(latency=0.1) as server:
        assert spawn_until(server, 10, signal.SIGINT, tmp_path, command(dataset, server)) == 130
    assert 10 <= len(server.answered) < PAIRS
    kept = stored_prompts(tmp_path)
    assert len(kept) == len(server.answered), "what was in flight was finished"
