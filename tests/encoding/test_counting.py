"""Tokens counted without the model: by the tokenizer on disk, by that of the hub, by units where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.errors import BackboneError
from syneg_cli.encoding.counting import token_counter
from tests.encoding.conftest import contents
from tests.said import Said
from tests.servers import HubServer

TEXTS = ["vitamin d and bone", "", "sleep"]


def test_a_model_folder(tiny_model: Path) -> None:
    said = Said()
    counter = token_counter(str(tiny_model), said)
    assert (counter.count(TEXTS), counter.extra) == ([4, 0, 1], 2)
    assert counter.count(["sleep " * 500]) == [500], "not cut at what the model reads"
    assert (counter.name, said.warnings) == (f"the tokenizer of {tiny_model.name}", [])


def test_of_the_hub_the_tokenizer_alone_is_fetched_once(
    server: HubServer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    server.add("you/m", contents(tiny_model))
    assert token_counter("you/m", Said()).count(TEXTS) == [4, 0, 1]
    fetched = [one for one in server.requests if one.startswith("GET") and "/resolve/" in one]
    assert [one.rpartition("/")[2] for one in fetched] == ["tokenizer.json"]
    asked = len(server.requests)
    assert token_counter("you/m", Said()).name == "the tokenizer of you/m"
    assert len(server.requests) == asked


@pytest.mark.parametrize("case", ["not there", "no network", "no tokenizer", "broken"])
def test_where_there_is_none_the_rule_is_said(
    server: HubServer, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    files = contents(tiny_model)
    if case == "broken":
        files["tokenizer.json"] = b"{}"
    elif case == "no tokenizer":
        del files["tokenizer.json"]
    if case != "not there":
        server.add("you/m", files)
    if case == "no network":
        server.stop()
    said = Said()
    counter = token_counter("you/m", said)
    assert counter.count(["four letter wordings", "今日は"]) == [1 + 2 + 2, 3]
    assert len(said.warnings) == 1
    assert said.warnings[0].startswith("The tokenizer of you/m is not to be had (")
    assert said.warnings[0].endswith(
        "a token is counted for each four letters of a word, or a character of scripts without blanks"
    )


def test_a_model_that_is_none_is_an_error() -> None:
    with pytest.raises(BackboneError, match="neither an alias nor a model folder"):
        token_counter("minilmm", Said())
