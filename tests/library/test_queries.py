"""Queries from Python: written, checked, used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import syneg_cli as syneg
from syneg_cli.core import UsageError, write_jsonl


@pytest.fixture
def data(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    lines = [
        {"doc_id": "d5", "query": "does rest after studying improve recall of words"},
        {"doc_id": "d6", "queries": ["how frequent is apnea in elderly men", "what does this study say"]},
    ]
    write_jsonl(Path("r.jsonl"), lines)
    return syneg.load_dataset(tiny, dev_fraction=0)


def test_they_are_written_and_used(data: Any) -> None:
    written = syneg.write_queries(data, llm="replay:r.jsonl", retriever="bm25")
    assert dict(written.counts) == {"asked": 3, "answered": 2, "ok": 2, "speaks of its document": 1}
    assert [query.id for query in written] == ["synthetic/d5/1", "synthetic/d6/1", "synthetic/d6/2"]
    assert repr(written).startswith("<WrittenQueries: 2 kept")
    more = syneg.with_queries(data, written, weight=0.5)
    assert set(more.qrels("train")) == {"q1", "q2", "q4", "synthetic/d5/1", "synthetic/d6/1"}
    assert more.weight("synthetic/d5/1") == 0.5
    assert more.qrels("test") == data.qrels("test")
    assert len(syneg.mine(more, "bm25", depth=1)) > len(syneg.mine(data, "bm25", depth=1))


def test_adore_says_that_it_weighs_no_queries(data: Any, tiny_model: Path) -> None:
    written = syneg.write_queries(data, llm="replay:r.jsonl", retriever="bm25")
    half = syneg.mix(syneg.with_queries(data, written, weight=0.5), negatives=0)
    with pytest.raises(UsageError, match="adore weighs no queries") as refused:
        syneg.train(str(tiny_model), half, refresh="adore")
    assert refused.value.hint == "Give with_queries(..., weight=1), or leave out refresh."


def test_rewordings(data: Any) -> None:
    answer = {"rewrites": [{"kind": "keywords", "query": "skeleton women"}]}
    line = {"query_id": "q1", "doc_id": "d1", "prompt": "rewrite-query", "response": json.dumps(answer)}
    write_jsonl(Path("w.jsonl"), [line])
    written = syneg.write_queries(data, llm="replay:w.jsonl", rewrite=True)
    assert [(query.id, query.status) for query in written] == [("rewrite/q1/1", "ok")]
    assert syneg.with_queries(data, written).qrels("train")["rewrite/q1/1"] == {"d1": 1}


def test_a_backbone_that_is_not_here_is_said(data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress = syneg.Printed(interval=0)
    written = syneg.write_queries(data, llm="replay:r.jsonl", backbone="nobody/has-it", progress=progress)
    assert written.counts["ok"] == 2
    assert "BM25 alone looks for the documents" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"sampel": 3}, "Did you mean 'sample'"), ({"n": 0}, "n: "), ({"sample": 3}, "how many")],
)
def test_wrong_settings(data: Any, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        syneg.write_queries(data, llm="replay:r.jsonl", **settings)


def test_wrong_queries(data: Any) -> None:
    with pytest.raises(UsageError, match="is no LLM-written query"):
        syneg.with_queries(data, ["a text"])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="weight: expected a number from 0 to 1"):
        syneg.with_queries(data, [], weight=2)


def test_nothing_usable_is_an_error(data: Any) -> None:
    write_jsonl(Path("n.jsonl"), [{"doc_id": "d6", "query": "what does this study say"}])
    with pytest.raises(syneg.SynegError, match=r"no query that can be used: .*1 query dropped: speaks"):
        syneg.write_queries(data, llm="replay:n.jsonl", check="none")


def test_an_encoder_behind_an_api_is_refused_in_words_that_are_true(data: Any) -> None:
    """Before, the hint of `mine(...)` was that `mine(...)` takes one."""
    steps: tuple[Callable[[], Any], ...] = (
        lambda: syneg.mine(data, "dense", backbone="openai:m"),
        lambda: syneg.verify(data, [], "margin", backbone="ollama:m"),
        lambda: syneg.write_queries(data, llm="replay:r.jsonl", backbone="openai:m"),
        lambda: syneg.evaluate("openai:m", data),
    )
    for step in steps:
        with pytest.raises(UsageError, match="is behind an API, and in Python encoders run here") as refused:
            step()
        assert "Name an alias, a folder or a hub id. In the shell `mine`" in str(refused.value.hint)
