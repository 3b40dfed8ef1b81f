"""`status` knows `verify`: optional, and stale only where there are verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.servers import ChatServer

LLM = ("--set", "generate.llm=openai:m")


@pytest.fixture
def project(cli: Cli, tiny: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Mixed, and nothing verified."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25"]\n'
        f'[train]\nbackbone = "{tiny_model}"\nepochs = 1\n',
        encoding="utf-8",
    )
    with ChatServer() as server:
        for command in (("generate", *LLM, "--base-url", server.openai_url), ("mine",), ("mix",)):
            result = cli(*command)
            assert result.code == 0, result.err
    return cli


def rows(project: Cli, *options: str) -> dict[str, tuple[str, str]]:
    result = project("status", *options, "--json")
    assert result.code == 0, result.err
    stages: Any = result.json["stages"]
    return {one["label"]: (one["state"], one["detail"]) for one in stages}


def test_without_verdicts_nothing_is_missing(project: Cli) -> None:
    found = rows(project)
    assert found["verify"] == ("not run", "optional: `syneg verify`")
    assert found["mix"][0] == "up to date"
    assert list(found).index("verify") == list(found).index("mix") - 1
    assert "syneg verify" in project("status").out


def test_verdicts_are_up_to_date_also_where_their_flags_are_not_given_again(project: Cli) -> None:
    verify = project("verify", "--check", "margin", "--margin", 2, "--effect", "mark", "--json")
    assert verify.code == 0, verify.err
    checked, false = (sum(dict(verify.json[key]).values()) for key in ("checked", "false_negatives"))  # type: ignore[call-overload]
    found = rows(project)
    told = [found[label] for label in ("verify synthetic", "verify bm25")]
    assert [state for state, _ in told] == ["up to date"] * 2
    assert all(detail.endswith(" called relevant") for _, detail in told)
    assert sum(int(detail.split()[0]) for _, detail in told) == false > 0
    assert sum(int(detail.split()[2]) for _, detail in told) == checked
    assert found["mix"][0] == "stale", "it was made without them"
    assert project("mix").code == 0
    assert rows(project)["mix"][0] == "up to date"
    state, detail = rows(project, "--set", "verify.margin=1")["verify bm25"]
    assert (state, "margin changed" in detail, "run `syneg verify`" in detail) == ("stale", True, True)
    assert rows(project, "--set", "verify.margin=1")["mix"] == (
        "stale",
        "follows verify synthetic, verify bm25",
    )
    again = project("verify", "--check", "margin", "--margin", 2, "--effect", "mark")
    assert again.err.count("up to date") == 2, "as status says"


def test_one_file_may_be_verified_alone(project: Cli) -> None:
    assert project("verify", "--check", "margin", "--source", "bm25").code == 0
    found = rows(project)
    assert found["verify synthetic"] == ("not run", "optional")
    assert found["verify bm25"][0] == "up to date"


def test_verdicts_on_an_earlier_file_are_stale(project: Cli) -> None:
    assert project("verify", "--check", "margin").code == 0
    mined = Path(".syneg/tiny/mined/bm25.jsonl")
    mined.write_text(mined.read_text(encoding="utf-8").split("\n", 1)[1], encoding="utf-8")
    assert rows(project)["verify bm25"] == ("stale", "negatives changed; run `syneg verify`")
    assert rows(project)["verify synthetic"][0] == "up to date"
    mined.unlink()
    assert rows(project)["verify bm25"][0] == "waits"


def test_a_check_that_is_asked_for_and_was_not_run_is_stale(project: Cli) -> None:
    assert project("verify", "--check", "margin").code == 0
    assert rows(project, *LLM, "--set", "verify.checks=margin,judge")["verify bm25"][0] == "stale"


@pytest.mark.slow
def test_run_takes_the_verdicts_that_are_there_and_asks_for_none(project: Cli) -> None:
    assert project("verify", "--check", "margin", "--source", "bm25", "--effect", "mark").code == 0
    verdicts = Path(".syneg/tiny/verified")
    before = {path.name: path.read_bytes() for path in verdicts.iterdir()}
    result = project("run")
    assert result.code == 0, result.err
    assert {path.name: path.read_bytes() for path in verdicts.iterdir()} == before
    assert rows(project)["mix"][0] == "up to date"
