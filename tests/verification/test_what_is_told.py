"""What `verify` tells: why there is no verdict, evidence in words, and which files it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import write_jsonl
from tests.conftest import Cli
from tests.servers import Body, ChatServer, Reply, prompt_of
from tests.verification.conftest import MINED, WRITTEN, found, verdict_json

FILES = ("synthetic-default", "mined-bm25")


def test_why_a_judge_gave_no_verdict_is_said_with_counts(
    cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the second time, when all comes from the cache but the call that failed."""

    def odd(body: Body, number: int) -> Reply:
        document = prompt_of(body).split("<document>")[1].split("</document>")[0]
        if "Calcium" in document:
            return Reply(text='{"reasoning": "it is', finish="length")
        if "mood" in document:
            return Reply(text=verdict_json("perhaps"))
        if "Sleep" in document:
            return Reply(status=400, error="not this one")
        return Reply(text=verdict_json(False))

    write_jsonl(work / "mined/bm25.jsonl", [replace(MINED, doc_id=d) for d in ("d2", "d5", "d4")])
    whys = {"truncated": 1, "neither yes nor no": 1, "call failed: refused": 1}
    with ChatServer(odd) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        for force in ((), ("--force",)):
            result = cli("verify", tiny, "--llm", "ollama:llama3", "--json", *force)
            assert result.code == 0, result.err
            assert result.json["no_opinion"] == {"judge": 3}
            assert result.json["why_no_opinion"] == {"judge": whys}
        shown = " ".join(cli("verify", tiny, "--llm", "ollama:llama3").out.split())
    assert all(f"│ judge │ {why} │ 1 │" in shown for why in whys)
    assert "3 without a usable verdict: they stay negatives" in shown


def test_a_judge_whose_answer_broke_off_is_asked_again_and_no_other(
    cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {"Calcium": Reply(text='{"reasoning": "it is', finish="length"), "mood": Reply(text="I think")}

    def once(body: Body, number: int) -> Reply:
        document = prompt_of(body).split("<document>")[1].split("</document>")[0]
        names = [name for name in broken if name in document]
        return broken.pop(names[0]) if names else Reply(text=verdict_json(False))

    write_jsonl(work / "mined/bm25.jsonl", [replace(MINED, doc_id=d) for d in ("d2", "d5", "d4")])
    command = ("verify", tiny, "--llm", "ollama:llama3")
    with ChatServer(once) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        first = cli(*command)
        assert first.code == 0, first.err
        assert "2 without a usable verdict" in " ".join(first.out.split())
        assert "--retry-bad asks the judge again" in " ".join(first.out.split())
        asked = len(server.requests)
        estimated = (
            cli(*command, "--estimate", "--json"),
            cli(*command, "--estimate", "--retry-bad", "--json"),
        )
        assert [found.json["calls"] for found in estimated] == [0, 2]
        assert cli(*command, "--force", "--json").json["no_opinion"] == {"judge": 2}
        assert len(server.requests) == asked, "what is stored is not asked for again"
        again = cli(*command, "--retry-bad")
        assert again.code == 0, again.err
        assert len(server.requests) == asked + 2
    assert "--retry-bad" not in again.out
    assert "without a usable verdict" not in again.out
    assert all("judge" in one.scores for name in FILES for one in found(work, name))
    other = cli("verify", tiny, "--check", "margin", "--retry-bad")
    assert (other.code, "--retry-bad is for the judge" in other.err) == (2, True)


def test_the_margin_is_told_in_words_and_long_texts_are_cut_with_an_ellipsis(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path
) -> None:
    write_jsonl(work / "synthetic/default.jsonl", [replace(WRITTEN, text="word " * 200)])
    told = cli("verify", tiny, "--check", "margin", "--backbone", tiny_model, "--margin", 2, "--json")
    assert told.code == 0, told.err
    examples: Any = told.json["examples"]
    scores = {name: [v.scores["margin"] for v in found(work, name)] for name in FILES}
    ordered = [score for name in FILES for score in scores[name]]
    for example, score in zip(examples, ordered, strict=False):
        side = "above" if score >= 0 else "below"
        assert example["because"] == (
            f"margin: its similarity to the query is {abs(score):.3f} {side} the positive's; "
            "to stay a negative it has to be at least 2 below"
        )
    assert len(examples[0]["document"]) <= 240
    assert examples[0]["document"].endswith("…")


def test_two_checks_have_a_column_each_and_examples_are_of_the_last(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(lambda body, number: Reply(text=verdict_json(True, "Title"))) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        first = cli("verify", tiny, "--llm", "ollama:llama3", "--source", "synthetic")
        assert "by judge" not in first.out, "one check needs no column of its own"
        margin = ("--check", "margin", "--backbone", tiny_model, "--source", "synthetic", "--effect", "mark")
        told = cli("verify", tiny, *margin, "--margin", 2)
        monkeypatch.setenv("COLUMNS", "80")
        narrow = cli("verify", tiny, *margin, "--margin", 2).out
        monkeypatch.delenv("COLUMNS")
        none = cli("verify", tiny, *margin, "--margin", 0, "--set", "verify.margin=0", "--force")
    assert "by judge ┃ by margin ┃ called relevant" in told.out
    assert "by judge ┃ by margin ┃ called relevant ┃ " in narrow, "no word is broken"
    assert all(len(line) <= 80 for line in narrow.splitlines())
    assert "│ synthetic │" in narrow
    because = [line for line in told.out.splitlines() if line.startswith("because: ")]
    assert because
    assert all(line.startswith("because: margin: ") for line in because)
    assert all(not before.strip() for before in told.out.split("query: ")[0].splitlines()[-1:])
    assert none.code == 0, none.err


def test_a_quotation_of_several_lines_is_told_in_one(
    cli: Cli, tiny: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(lambda body, number: Reply(text=verdict_json(True, "Title\nBone  mass"))) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        told = cli("verify", tiny, "--llm", "ollama:llama3", "--source", "synthetic", "--json")
    examples: Any = told.json["examples"]
    assert examples[0]["because"] == 'judge: "Title Bone mass"'


def test_what_earlier_miners_left_is_not_checked_and_it_is_said(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path
) -> None:
    write_jsonl(work / "mined/random.jsonl", [replace(MINED, miner="random")])
    options = ("verify", tiny, "--check", "margin", "--backbone", tiny_model, "--json")
    chosen = ("--set", "mine.miners=bm25")
    result = cli(*options, *chosen)
    assert result.json["checked"] == {"synthetic": 2, "bm25": 2}
    assert "random is not checked: [mine] miners does not name it (--source random checks it)" in result.err
    named = cli(*options, *chosen, "--source", "random")
    assert named.json["checked"] == {"random": 1}
    unknown = cli(*options, "--set", "mine.miners=dense")
    assert unknown.json["checked"] == {"synthetic": 2, "bm25": 2, "random": 1}, "nothing says which are meant"


def test_a_verdict_that_a_server_failed_to_give_is_asked_for_again(
    cli: Cli, tiny: Path, work: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever other check was made in between."""
    broken = True

    def odd(body: Body, number: int) -> Reply:
        if broken and "Calcium" in prompt_of(body):
            return Reply(status=500, error="overloaded")
        return Reply(text=verdict_json(False))

    command = ("verify", tiny, "--llm", "ollama:llama3", "--set", "generate.attempts=1")
    with ChatServer(odd) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        first = cli(*command, "--json")
        assert first.code == 0, first.err
        assert first.json["unanswered"] == 1
        assert cli("verify", tiny, "--check", "margin", "--backbone", tiny_model).code == 0
        stages: Any = cli("status", tiny, "--strategy", "synthetic", "--json").json["stages"]
        (why,) = [one["detail"] for one in stages if one["label"] == "verify synthetic"]
        assert "unanswered changed: 1" in why
        shown = cli(*command)
        assert "1 call of the judge failed: the same command asks again." in shown.out
        broken, asked = False, len(server.requests)
        again = cli(*command, "--json")
        assert len(server.requests) == asked + 1, again.err
        assert (again.json["unanswered"], again.json["no_opinion"]) == (0, {})
        assert "verify synthetic default: up to date" in cli(*command).err
