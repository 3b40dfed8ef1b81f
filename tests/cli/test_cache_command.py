"""`syneg cache`: which answers a filter means, and what would go."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.llm.cache import Cache
from tests.cli.test_tables import LONG, answer
from tests.conftest import Cli
from tests.encoding.test_embedding_cache import make


@pytest.fixture
def answered(cli: Cli) -> Cli:
    Path(".syneg").mkdir()
    with Cache(Path(".syneg/generations.db")) as cache:
        cache.add([answer(number) for number in range(40)])
    return cli


def test_what_would_go_is_shown_and_nothing_goes(answered: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = answered("cache", "prune", "--status", "refused")
    assert "13 answers would be removed (the latest 10 are shown); --yes removes them" in shown.out
    assert shown.out.count("│ refused") == 10
    assert answer(38).key[:12] in shown.out
    assert "what would go is shown" in " ".join(answered("cache", "prune", "--help").out.split())
    told = answered("cache", "prune", "--status", "refused", "--json").json
    assert told["keys"] == [answer(number).key for number in range(2, 40, 3)]
    assert (told["found"], told["removed"]) == (13, 0)
    gone = answered("cache", "prune", "--status", "refused", "--yes")
    assert gone.out == "13 answers removed\n"
    assert answered("cache", "prune", "--status", "refused").out == "no answer fits\n"


@pytest.mark.parametrize("command", ["list", "prune"])
def test_an_unknown_status_names_those_there_are(
    command: str, answered: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = answered("cache", command, "--status", "truncate")
    assert result.code == 2
    assert "Did you mean 'truncated'?" in result.err
    assert "ok, truncated, unparsable, refused" in result.err
    assert "ok|truncated|unparsable|refused" in answered("cache", command, "--help").out


@pytest.mark.parametrize("command", [["list"], ["prune"], ["export", "x.jsonl"]])
def test_a_filter_that_means_nothing_says_what_there_is(command: list[str], answered: Cli) -> None:
    for flag, there in (("--prompt", "requirements"), ("--model", f"ollama:llama3, {LONG}")):
        result = answered("cache", *command, flag, "nosuch")
        assert (result.code, result.out) == (2, "")
        assert f"{flag}: the cache has no answer for 'nosuch'." in result.err
        assert there in result.err
    assert not Path("x.jsonl").exists()


@pytest.mark.parametrize("model", [LONG, LONG.partition(":")[2]])
def test_a_model_goes_with_and_without_its_provider(model: str, answered: Cli) -> None:
    assert "7 answers -> x.jsonl" in answered("cache", "export", "x.jsonl", "--model", model).out


def test_vectors_of_a_model_that_has_none(cli: Cli) -> None:
    make(Path(".syneg/embeddings"))
    result = cli("cache", "prune-embeddings", "--model", "minlm")
    assert result.code == 2
    assert "no vectors of 'minlm' are kept. Did you mean 'minilm'?" in result.err
    assert "There are vectors of: minilm." in result.err
