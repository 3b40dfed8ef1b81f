"""`--estimate` of `mine`, `eval` and `verify`: what vectors would cost, without a single request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from tests.conftest import DOCS, Cli
from tests.embedding_apis.asking import PRICED, at, only_error
from tests.servers import EmbedServer


def estimate_of(cli: Cli, *command: object) -> dict[str, Any]:
    found = cli(*command, "--estimate", "--json")
    assert found.code == 0, found.err
    vectors: Any = found.json["vectors"]
    assert len(vectors) == 1
    return dict(vectors[0])


def written_file(name: str) -> Path:
    path = Path(f".syneg/{name}/queries/default.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def texts_of(server: EmbedServer, start: int = 0) -> list[str]:
    return [text for body in server.requests[start:] for text in body["input"]]


def test_what_is_counted_is_what_is_asked_for_then(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """Calls are those that are made, and what the cache has is taken away, whichever command brought it."""
    options = at(server, "--set", "embed.batch_size=4", *PRICED)
    before = estimate_of(cli, "mine", tiny, *options)
    assert server.requests == []
    assert cli("mine", tiny, *options).code == 0
    sent = texts_of(server)
    assert (before["texts"], before["cached"]) == (len(sent), 0)
    assert before["calls"] == len(server.requests)
    assert before["prompt_tokens"][1] == pytest.approx(sum(map(len, sent)) / 4)
    assert before["cost"] == before["prompt_tokens"] == sorted(before["cost"]), "a dollar a token"
    after = estimate_of(cli, "mine", tiny, *options)
    assert (after["cached"], after["calls"], after["cost"]) == (len(sent), 0, [0, 0, 0])
    measured, asked = estimate_of(cli, "eval", tiny, *options), len(server.requests)
    assert cli("eval", tiny, *options).code == 0
    more = texts_of(server, asked)
    assert measured["texts"] - measured["cached"] == len(more) > 0
    write_synthetic_queries(
        written_file(tiny.name), [SyntheticQuery("d5", 1, "sleep and recall", "p", "m", "k")]
    )
    in_index = ("--expansion", 0.5, "--baseline", "alone")
    expanded, asked = estimate_of(cli, "eval", tiny, *options, *in_index), len(server.requests)
    assert cli("eval", tiny, *options, *in_index).code == 0
    assert texts_of(server, asked) == ["sleep and recall"]
    assert expanded["texts"] - expanded["cached"] == 1
    checking: tuple[object, ...] = ("verify", tiny, "--check", "margin", "--backbone", "openai:m")
    checking = (*checking, "--embed-base-url", server.openai_url, *PRICED)
    checked, asked = estimate_of(cli, *checking), len(server.requests)
    assert cli(*checking).code == 0
    assert len(server.requests) - asked == checked["calls"] == 0, "mine has embedded all of it"
    assert checked["texts"] == checked["cached"] > 0


def test_texts_of_short_tokens_have_a_high_bound(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    lines = [f'{{"_id": "{name}", "text": "{"骨" * 400}{name}"}}\n' for name in DOCS]
    (tiny / "corpus.jsonl").write_text("".join(lines), encoding="utf-8")
    assert estimate_of(cli, "mine", tiny, *at(server))["prompt_tokens"][2] > 400 * len(DOCS)


def test_no_key_is_needed_and_no_server(cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    priced = estimate_of(cli, "mine", tiny, "--backbone", "openai:text-embedding-3-small")
    assert priced["cost"][0] > 0
    assert estimate_of(cli, "mine", tiny, "--backbone", "ollama:m")["cost"] == [0, 0, 0]
    assert "unpriced" in cli("mine", tiny, "--backbone", "openai:own", "--estimate").out
    capped = cli("mine", tiny, "--backbone", "openai:own", "--max-cost", 1, "--estimate")
    assert (capped.code, "nobody knows what openai:own costs" in only_error(capped)) == (2, True)


def test_systems_and_baselines_have_an_entry_each(
    cli: Cli, tiny: Path, tiny_model: Path, server: EmbedServer
) -> None:
    models = ("--model", "openai:m", "--model", "openai:n", "--baseline", tiny_model)
    found = cli("eval", tiny, *models, "--base-url", server.openai_url, "--estimate", "--json")
    every: Any = found.json["vectors"]
    assert [one["model"] for one in every] == ["openai:m", "openai:n"], found.err
    assert {one["dataset"] for one in every} == {"tiny"}
    assert found.json["here"] == [str(tiny_model)]
    assert not Path(".syneg/tiny/eval").exists()
    wrong = cli("eval", tiny, "--model", "openai:m", "--model", "nobody", "--estimate")
    assert (wrong.code, "there is no model 'nobody'" in only_error(wrong)) == (2, True)
    assert server.requests == []


def test_a_model_that_runs_here_costs_nothing(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    for command in ("mine", "eval"):
        shown = cli(command, tiny, "--backbone", tiny_model, "--estimate")
        assert f"{tiny_model} runs here: its vectors cost nothing." in shown.out, shown.err
    assert "No encoder is used" in cli("mine", tiny, "--miner", "bm25", "--estimate").out
    assert cli("mine", tiny, "--miner", "bm25").code == 0
    margin = cli("verify", tiny, "--check", "margin", "--backbone", tiny_model, "--estimate")
    assert margin.code == 0, margin.err
    assert "runs here" in margin.out
    assert "negatives" not in margin.out, "no judge is asked"


def test_an_estimate_of_queries_sends_no_document(cli: Cli, tiny: Path, server: EmbedServer) -> None:
    """A sample that is spread needs vectors; those of an API are refused, and not asked for."""
    spread = ("--documents", "spread", "--sample", 2, "--set", "mine.backbone=openai:m")
    asked = ("--llm", "openai:m", "--set", f"embed.base_url={server.openai_url}")
    for more in (("--estimate",), ()):
        refused = cli("queries", tiny, *asked, *spread, *more)
        assert refused.code == 2, refused.out
        assert "a model behind an API has no weights here" in only_error(refused)
    assert server.requests == []
