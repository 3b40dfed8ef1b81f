"""The engine against a real server that misbehaves in every way at once, and against kill -9."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from syneg_cli.core.record_files import read_jsonl
from syneg_cli.llm.cache import Cache
from tests.conftest import Cli, write_dataset
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of

PAIRS = 120


def make_dataset(folder: Path, pairs: int = PAIRS) -> Path:
    docs = {f"d{i}": (f"Title {i}", f"Document number {i} says that item {i} is blue.") for i in range(pairs)}
    queries = {f"q{i}": f"what is the colour of item {i}" for i in range(pairs)}
    return write_dataset(folder, docs, queries, {"train": [(f"q{i}", f"d{i}", 1) for i in range(pairs)]})


def command(dataset: Path, server: ChatServer, *more: str) -> list[str]:
    llm = ["--llm", "openai:gpt-4o-mini", "--base-url", server.openai_url]
    return ["generate", str(dataset), *llm, "--concurrency", "8", *more]


def spawn(cwd: Path, arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "syneg_cli", *arguments, "--quiet"],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def misbehaving(seed: int = 0) -> tuple[Counter[str], object]:
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


def test_every_pair_is_answered_and_none_is_paid_twice(cli: Cli, tmp_path: Path) -> None:
    pairs = 300
    dataset = make_dataset(tmp_path / "data", pairs)
    seen, respond = misbehaving()
    with ChatServer(respond) as server:  # type: ignore[arg-type]
        result = cli(*command(dataset, server, "--timeout", "1", "--json"))
    assert result.code == 0, result.err
    assert all(seen[kind] for kind in ("429", "500", "cut", "hang")), seen
    report = result.json
    assert (report["answered"], report["unanswered"]) == (pairs, 0)
    assert max(server.answered.values()) == 1, "an answered request was sent again"
    first = Counter(prompt_of(body) for body in server.requests)
    assert len(first) == pairs
    negatives = list(read_jsonl(Path(str(report["path"]))))
    assert {row["query_id"] for row in negatives} == {f"q{i}" for i in range(pairs)}


def test_killed_at_random_moments_nothing_answered_is_lost_or_paid_again(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    moments = random.Random(1)
    kept: set[str] = set()
    with ChatServer(latency=0.02) as server:
        arguments = command(dataset, server)
        for _ in range(20):
            sent = len(server.requests)
            process = spawn(tmp_path, arguments)
            while len(server.requests) == sent and process.poll() is None:
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not kept & {prompt_of(body) for body in server.requests[sent:]}, "paid again"
            now = stored_prompts(tmp_path)
            assert kept <= now, "an answer was lost"
            kept = now
        sent = len(server.requests)
        last = spawn(tmp_path, arguments)
        assert last.wait(60) == 0
        resent = {prompt_of(body) for body in server.requests[sent:]}
    assert not resent & kept
    assert len(kept | resent) == PAIRS
    assert 20 < len(kept) < PAIRS, "the kills came at telling moments"


def stored_prompts(folder: Path) -> set[str]:
    with Cache(folder / ".syneg" / "generations.db") as cache:
        return {json.loads(row.messages)[0][1] for row in cache.rows()}


def test_four_processes_share_one_cache(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    with ChatServer(latency=0.02) as server:
        processes = [spawn(tmp_path, command(dataset, server, "--name", f"part{i}")) for i in range(4)]
        for process in processes:
            _, problems = process.communicate(timeout=120)
            assert process.returncode == 0, problems.decode()
    assert len(server.answered) == PAIRS
    assert max(server.answered.values()) == 1, "two processes paid for the same answer"
    files = [(tmp_path / f".syneg/data/synthetic/part{i}.jsonl").read_text() for i in range(4)]
    assert len(set(files)) == 1


@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_a_cost_cap_is_never_passed(cli: Cli, tmp_path: Path, latency: float) -> None:
    dataset = make_dataset(tmp_path / "data")
    price_in, price_out = 1e-6, 40e-6
    (tmp_path / "cwd" / "syneg.toml").write_text("[generate]\nprice = [1, 40]\nmax_tokens = 100\n")

    def respond(body: Body, number: int) -> Reply:
        good = good_reply(body, number)
        return Reply(
            text=good.text, tokens=(400 + number % 50, 60 + number % 40), delay=(number % 5) * latency
        )

    with ChatServer(respond) as server:
        for _ in range(3):
            result = cli(*command(dataset, server, "--max-cost", "0.10", "--timeout", "1"))
            assert result.code == 1
            assert "--max-cost" in result.err
        billed = server.billed_tokens[0] * price_in + server.billed_tokens[1] * price_out
    assert 0 < billed <= 0.10
    if not latency:
        assert billed > 0.05


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


def test_ctrl_c_keeps_everything_answered(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "data")
    with ChatServer(latency=0.1) as server:
        process = spawn(tmp_path, command(dataset, server))
        while len(server.answered) < 10:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        with Cache(tmp_path / ".syneg" / "generations.db") as cache:
            kept = sum(1 for _ in cache.rows())
        assert kept == len(server.answered), "what was in flight was finished"
