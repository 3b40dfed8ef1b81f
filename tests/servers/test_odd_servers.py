"""Every odd server, of OpenAI's protocol and of Ollama's, through `generate`, `verify` and `run`: clear words, few requests, and all that can be had.

Exit codes are the stages' own matter (tests/stages).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli, CliResult
from tests.patience import PATIENCE
from tests.servers import ChatServer
from tests.servers.chat import good_reply
from tests.servers.odd import CALLS_IN_FLIGHT, ODD, Habit
from tests.servers.odd_ollama import ODD_OLLAMA

PAIRS = 3
NEGATIVES = 2 * PAIRS
HABITS = [*ODD, *ODD_OLLAMA]


@pytest.fixture(params=HABITS, ids=[re.sub(r"\W", "_", f"{one.protocol} {one.name}") for one in HABITS])
def habit(request: pytest.FixtureRequest) -> Habit:
    assert isinstance(request.param, Habit)
    return request.param


@pytest.fixture
def server(habit: Habit, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("SYNEG_DATASET_DEV_FRACTION", "0")
    monkeypatch.setattr("syneg_cli.llm.engine.Engine._backoff", lambda self, attempt, error: 0.001)
    with ChatServer(habit.respond) as running:
        yield running


def options(server: ChatServer, habit: Habit) -> list[str]:
    settings = {
        "llm": f"{habit.protocol}:m",
        "base_url": server.openai_url if habit.protocol == "openai" else server.url,
        "timeout": f"{PATIENCE:g}",
        "concurrency": CALLS_IN_FLIGHT,
    }
    return [word for key, value in settings.items() for word in ("--set", f"generate.{key}={value}")]


def check(result: CliResult, habit: Habit, asked: int, requests: int) -> None:
    said = result.out + result.err
    assert "Traceback" not in said
    assert "unexpected" not in said
    assert "<html" not in said.lower()
    assert requests <= habit.each * asked + habit.finding * min(asked, CALLS_IN_FLIGHT)
    if habit.stops:
        assert result.code == 1
        assert habit.says in result.err
    assert sum(line.startswith("error: ") for line in result.err.splitlines()) <= 1
    assert habit.answers or result.code, "without anything usable that is no success"
    if result.code:
        assert habit.says in result.err
        assert re.search(r"^error: .{10,400}$", result.err, re.MULTILINE), result.err


def usable() -> int:
    file = Path(".syneg/tiny/synthetic/default.jsonl")
    if not file.is_file():
        return 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return sum(row["status"] == "ok" for row in rows)


@pytest.mark.slow
def test_generate(cli: Cli, tiny: Path, habit: Habit, server: ChatServer) -> None:
    result = cli("generate", tiny, *options(server, habit))
    check(result, habit, PAIRS, len(server.requests))
    assert usable() == (NEGATIVES if habit.answers else 0)
    sent = len(server.requests)
    if habit.answers:
        assert result.code == 0, result.err
        assert habit.says in result.err
        cli("generate", tiny, *options(server, habit), "--force")
        assert len(server.requests) == sent, "answers are kept"


@pytest.mark.slow
def test_verify(cli: Cli, tiny: Path, habit: Habit, server: ChatServer) -> None:
    server.respond = good_reply
    assert cli("generate", tiny, *options(server, habit)).code == 0
    server.respond, server.requests[:] = habit.respond, []
    result = cli("verify", tiny, "--check", "judge", *options(server, habit), "--json")
    check(result, habit, NEGATIVES, len(server.requests))
    if habit.answers:
        assert result.code == 0, result.err
        assert len(server.requests) >= NEGATIVES


@pytest.mark.slow
def test_run(cli: Cli, tiny: Path, tiny_model: Path, habit: Habit, server: ChatServer) -> None:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\n[mine]\nminers = ["bm25"]\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\n',
        encoding="utf-8",
    )
    result = cli("run", *options(server, habit))
    check(result, habit, PAIRS, len(server.requests))
    assert usable() == (NEGATIVES if habit.answers else 0)
    if habit.answers:
        assert result.code == 0, result.err
