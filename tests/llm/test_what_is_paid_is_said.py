"""What money is said to be spent on: answers that never came, and recorded ones, which cost nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.conftest import Cli
from tests.servers import ChatServer, Reply, good_reply


def test_why_money_counts_as_lost_is_said_once(cli: Cli, tiny: Path) -> None:
    """A server that breaks off under a call may bill it: who reads what was spent wants to know why."""

    def respond(body: dict[str, object], number: int) -> Reply:
        return replace(good_reply(body, number), cut=number < 3)

    with ChatServer(respond) as server:
        asked = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
        told = cli(*asked, "--set", "generate.price=[10, 10]", "--max-cost", 10)
    assert told.code == 0, told.err
    assert told.err.count("such a call counts at the most it can cost ($") == 1
    assert "It may have billed the answer that is lost" in told.err
    assert "for lost answers, at most" in told.out


def test_recorded_answers_cost_nothing_whatever_a_project_pays(cli: Cli, tiny: Path) -> None:
    priced = ("--set", "generate.price=[10, 10]")
    with ChatServer() as server:
        asked = ("generate", tiny, "--llm", "openai:m", "--base-url", server.openai_url)
        assert cli(*asked, *priced).code == 0
    assert cli("cache", "export", "answers.jsonl").code == 0
    replayed = ("generate", tiny, "--llm", "replay:answers.jsonl", "--work-dir", "other", *priced)
    found = cli(*replayed, "--max-cost", 1e-9, "--json")
    assert found.code == 0, found.err
    assert found.json["cost_usd"] == 0
    assert "counts no tokens" not in found.err
