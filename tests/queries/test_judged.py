"""`syneg queries --check judge`: what it decides, costs, and is expected to cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import read_synthetic_queries
from tests.conftest import Cli
from tests.queries.written import GOOD, WORK, base, writer
from tests.servers import Body, ChatServer, Reply, prompt_of


def judging(relevant: Callable[[str], bool] = lambda text: True) -> Callable[[Body, int], Reply]:
    """A server that writes queries, and judges with the document's first line as its evidence."""

    def respond(body: Body, number: int) -> Reply:
        text = prompt_of(body)
        if "You judge" not in text:
            return writer(body, number)
        document = text.partition("<document>\n")[2].partition("\n</document>")[0].splitlines()[1]
        said = relevant(text)
        return Reply(text=json.dumps({"relevant": said, "evidence": document if said else ""}))

    return respond


def test_an_estimate_has_the_judge_in_it(cli: Cli, tiny: Path, server: ChatServer) -> None:
    """Of what is not written yet at most, of what is by the queries themselves, and by what is judged already."""
    Path("syneg.toml").write_text("[generate]\nprice = [1, 2]\n")
    judged = base(server, tiny, "--check", "judge")
    before = cli(*judged, "--judge-pool", 2, "--estimate", "--json")
    most: Any = before.json["judge"]
    assert (before.json["asked"], most["asked"], most["calls"]) == (3, 3 * 2 * 3, 3 * 2 * 3), before.err
    shown = cli(*judged, "--judge-pool", 2, "--estimate").out
    rows = [line.replace("│", " ").split() for line in shown.splitlines()]
    money = {" ".join(row[:-3]): [float(one[1:]) for one in row[-3:]] for row in rows if "cost" in row}
    both = zip(money["cost"], money["judge: cost"], strict=True)
    assert money["cost of both"] == [pytest.approx(a + b, abs=2e-4) for a, b in both]
    assert server.requests == []

    server.respond = judging()
    assert cli(*judged).code == 0
    asked = len(server.requests)
    after: Any = cli(*judged, "--estimate", "--json").json["judge"]
    assert (after["asked"], after["cached"], after["calls"], after["cost"]) == (3, 3, 0, [0.0, 0.0, 0.0])
    pool: Any = cli(*judged, "--judge-pool", 2, "--estimate", "--json").json["judge"]
    assert (pool["asked"], pool["calls"]) == (9, 6)
    assert cli(*base(server, tiny, "--estimate", "--json")).json["judge"] is None
    assert len(server.requests) == asked


def test_a_judge_decides_and_finds_more(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = judging(lambda text: GOOD["d6"] in text)  # whatever the document is
    found = cli(*base(server, tiny, "--check", "judge", "--judge-pool", 2, "--json"))
    assert found.code == 0, found.err
    assert found.json["dropped"] == {"its document is not relevant, says the judge": 2}
    assert found.json["calls"] == 3
    judge: Any = found.json["judge"]
    assert judge["calls"] == len(server.requests) - 3
    (one,) = [one for one in read_synthetic_queries(WORK / "default.jsonl") if one.status == "ok"]
    assert one.doc_id == "d6"
    assert len(one.also_relevant) == found.json["also_relevant"] == 1
    asked = len(server.requests)
    again = cli(*base(server, tiny, "--check", "judge", "--judge-pool", 2, "--force"))
    assert again.code == 0
    assert "nothing was asked, nothing was paid" in again.out
    assert len(server.requests) == asked, "verdicts are stored as well"


def test_what_only_the_judge_was_asked_is_counted_and_not_called_free(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """The answers are all stored, and each query is judged for money nevertheless."""

    server.respond = judging()
    priced = ("--set", "generate.price=[10, 10]")
    first = cli(*base(server, tiny, *priced, "--json"))
    judged = cli(*base(server, tiny, *priced, "--check", "judge"))
    assert judged.code == 0, judged.err
    assert "nothing was paid" not in judged.out
    rows = [line.replace("│", " ").split() for line in judged.out.splitlines()]
    assert ["calls", "3"] in rows
    assert ["of", "them", "the", "judge's", "3"] in rows
    assert ["tokens", "in", "/", "out", "300", "/", "150"] in rows
    cost: Any = first.json["cost_usd"]
    assert cost == pytest.approx(0.0045)
    assert ["cost", "$0.0045"] in rows
    assert ["cost", "of", "all", "runs", "so", "far", "$0.0090"] in rows


def test_a_cap_that_the_judge_reaches(cli: Cli, tiny: Path, server: ChatServer) -> None:
    """The caps are of both: what was written and judged is stored, and nothing is asked twice."""

    def respond(body: Body, number: int) -> Reply:
        judges = "You judge" in prompt_of(body)
        return Reply(text='{"relevant": false, "evidence": ""}') if judges else writer(body, number)

    server.respond = respond
    capped = cli(*base(server, tiny, "--check", "judge", "--max-calls", 4))
    assert capped.code == 1
    assert "--max-calls 4 is reached" in capped.err
    assert not list(WORK.glob("*.jsonl"))
    whole = cli(*base(server, tiny, "--check", "judge"))
    assert whole.code == 1, "the judge finds none of them relevant"
    assert "3 queries dropped: its document is not relevant, says the judge" in whole.err
    assert len(server.requests) == 6


def test_a_judge_that_gives_no_grade_is_told_what_was_asked_for(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    server.respond = lambda body, number: Reply(
        text='{"relevant": "perhaps", "evidence": ""}'
        if "You judge" in prompt_of(body)
        else writer(body, number).text
    )
    judge = ("--llm", "openai:m", "--base-url", server.openai_url)
    assert cli("mine", tiny, "--miner", "random").code == 0
    for prompt, said in (("judge-graded", "no grade from 0 to 3"), ("judge", "neither yes nor no")):
        result = cli("verify", tiny, "--check", "judge", "--judge-prompt", prompt, *judge)
        assert result.code == 1
        assert said in result.err


def test_what_a_judge_of_negatives_cost_stands_in_status(cli: Cli, tiny: Path, server: ChatServer) -> None:
    server.respond = lambda body, number: Reply(text='{"relevant": false, "evidence": ""}')
    priced = ("--set", "generate.price=[10, 10]")
    assert cli("mine", tiny, "--miner", "random").code == 0
    judge = ("--check", "judge", "--llm", "openai:m", "--base-url", server.openai_url)
    assert cli("verify", tiny, *judge, *priced).code == 0
    options = ("--strategy", "retrieved", "--set", "mine.miners=random")
    stages: Any = cli("status", tiny, *options, "--json").json["stages"]
    costs = {one["label"]: one["cost"] for one in stages}
    assert costs["verify random"] == pytest.approx(len(server.requests) * 150 * 10e-6)


ONE_FAILS = ("--set", "generate.attempts=1", "--json")


def test_a_verdict_that_a_server_failed_to_give_is_asked_for_again(
    cli: Cli, tiny: Path, server: ChatServer
) -> None:
    """A failure that passes decides nothing: the same command asks, for that one verdict alone."""
    broken, yes = True, judging()

    def respond(body: Body, number: int) -> Reply:
        text = prompt_of(body)
        if broken and "You judge" in text and GOOD["d6"] in text:
            return Reply(status=500, error="overloaded")
        return yes(body, number)

    server.respond = respond
    command = base(server, tiny, "--check", "judge", *ONE_FAILS)
    first = cli(*command)
    assert first.code == 0, first.err
    assert first.json["dropped"] == {"the judge has not answered yet": 1}
    assert (first.json["later"], first.json["complete"]) == (1, False)
    shown = cli(*base(server, tiny, "--check", "judge", *ONE_FAILS[:2])).out
    assert "The same command asks the judge for the verdicts that are left." in shown
    broken, asked = False, len(server.requests)
    again = cli(*command)
    assert len(server.requests) == asked + 1, again.err
    assert (again.json["queries"], again.json["dropped"], again.json["complete"]) == (3, {}, True)
    assert "up to date" in cli(*command).err


def test_a_judge_that_fails_for_all_says_how_it_goes_on(cli: Cli, tiny: Path, server: ChatServer) -> None:
    def respond(body: Body, number: int) -> Reply:
        fails = "You judge" in prompt_of(body)
        return Reply(status=500, error="overloaded") if fails else writer(body, number)

    server.respond = respond
    failed = cli(*base(server, tiny, "--check", "judge", *ONE_FAILS[:2]))
    assert failed.code == 1
    assert "3 queries dropped: the judge has not answered yet" in failed.err
    assert "run the same command again" in failed.err
    assert not list(WORK.glob("*.jsonl"))
