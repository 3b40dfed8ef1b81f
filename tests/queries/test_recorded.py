"""`syneg queries` on recorded answers: what is read, dropped, shown and searched with; prompts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import read_synthetic_queries
from tests.conftest import QUERIES, Cli, write_dataset
from tests.queries.written import GOOD, WORK, asked_about, base, kept, recording
from tests.servers import ChatServer, prompt_of


def test_recorded_queries_with_all_that_happens_to_them(cli: Cli, tiny: Path) -> None:
    spec = recording(
        {"doc_id": "d5", "query": GOOD["d5"]},
        {"doc_id": "d6", "queries": [GOOD["d6"], "sleep helps memory", "one too many"]},
        {"doc_id": "d4", "queries": []},
        {"doc_id": "d1", "query": "a train query judges this one"},
        {"doc_id": "d5", "query": "of the same document, a line of its own"},
        {"doc_id": "nowhere", "query": "lost"},
    )
    result = cli("queries", tiny, "--llm", spec, "--json")
    assert result.code == 0, result.err
    found = result.json
    assert (found["asked"], found["answered"], found["misses"], found["for_nobody"]) == (3, 3, 0, 1)
    assert (found["left_out"], found["not_in_corpus"]) == ({"judged already": 3}, 1)
    assert found["queries"] == 2
    assert found["dropped"] == {
        "its document is not found again": 1,
        "more than asked for": 1,
        "near copy of a real query": 1,
    }
    assert (
        found["examples"]
        == [
            {
                "why": "its document is not found again",
                "query": "of the same document, a line of its own",
                "document": "d5",
            },
            {"why": "more than asked for", "query": "one too many", "document": "d6"},
            {"why": "near copy of a real query", "query": "sleep helps memory", "document": "d6"},
        ]
        or found["examples"]
    )
    assert kept() == {"synthetic/d5/1": GOOD["d5"], "synthetic/d6/1": GOOD["d6"]}
    again = cli("queries", tiny, "--llm", spec)
    assert again.code == 0
    assert "up to date" in again.err
    recording()
    assert "recorded answers changed" in cli("queries", tiny, "--llm", spec).err


def test_normal_recorded_answers_are_read_too(cli: Cli, tiny: Path) -> None:
    response = json.dumps({"queries": [{"query": GOOD["d6"]}]})
    spec = recording({"query_id": "", "doc_id": "d6", "prompt": "query", "response": response})
    found = cli("queries", tiny, "--llm", spec, "--json")
    assert found.code == 0, found.err
    assert (found.json["queries"], found.json["misses"]) == (1, 2)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"query": "no document"}, "doc_id missing"),
        ({"doc_id": "d4", "queries": "no list"}, "queries has to be a list of texts"),
        ({"doc_id": "d4", "queries": [1]}, "queries has to be a list of texts"),
        ({"doc_id": ["d4"], "query": "x"}, "doc_id has to be a string or a whole number"),
        ({"doc_id": "d4", "query": None}, "query has to be a string"),
    ],
)
def test_a_wrong_line_of_a_recording(cli: Cli, tiny: Path, line: dict[str, Any], says: str) -> None:
    result = cli("queries", tiny, "--llm", recording({"doc_id": "d4", "query": "fine"}, line))
    assert result.code == 2
    assert f"r.jsonl, line 2: {says}" in result.err.replace("\n", " ")
    assert not WORK.exists()


def test_the_table_shows_each_reason_with_examples(cli: Cli, tiny: Path) -> None:
    spec = recording({"doc_id": "d5", "queries": [GOOD["d5"], "what does this study say"]})
    result = cli("queries", tiny, "--llm", spec)
    assert re.search(r"dropped: speaks of its document +│ +1", result.out)
    assert "\ndropped: speaks of its document\n  d5: what does this study say\n" in result.out
    assert "The round trip was made by BM25." in result.out
    assert "--synthetic-queries 0.5" in result.out, "train has real queries: by default they do not count"


def test_what_the_model_is_shown(cli: Cli, tiny: Path, server: ChatServer) -> None:
    """The document, what counts as relevant, real train queries for their style, and nothing of test."""
    result = cli(*base(server, tiny, "--set", "dataset.relevance=It answers the query.", "--examples", 2))
    assert result.code == 0, result.err
    assert {asked_about(body) for body in server.requests} == {"d4", "d5", "d6"}
    for body in server.requests:
        text = prompt_of(body)
        shown = [query_id for query_id, query in QUERIES.items() if f"- {query}\n" in text]
        assert len(shown) == 2
        assert "q3" not in shown, "that is a query of test"
        assert QUERIES["q3"] not in text
        assert "It answers the query." in text
        assert "Form: the form of the example queries" in text
    record = read_synthetic_queries(WORK / "default.jsonl")[0]
    assert set(record.attributes) == {"user", "form", "length", "specificity"}
    assert f"Who asks: {record.attributes['user']}." in "".join(map(prompt_of, server.requests))


def test_a_backbone_that_is_not_here_is_not_needed(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNEG_QUERIES_RETRIEVER")
    result = cli("queries", tiny, "--llm", recording(), "--backbone", "nobody/has-it", "--json")
    assert result.code == 0, result.err
    assert result.json["retrievers"] == ["bm25"]
    assert "so BM25 alone looks for the documents" in result.err


def test_a_backbone_that_is_here_is_not_called_missing(
    cli: Cli, tiny: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What BM25 alone has begun goes on with BM25 alone."""
    assert cli("queries", tiny, "--llm", recording()).code == 0
    monkeypatch.delenv("SYNEG_QUERIES_RETRIEVER")
    options = ("--llm", recording(), "--backbone", tiny_model, "--top", 2)
    again = cli("queries", tiny, *options)
    assert again.code == 0, again.err
    assert "was not on this machine" not in again.err
    assert "BM25 alone looked, and goes on looking" in again.err
    assert "--retriever bm25+dense" in again.err


def test_with_a_backbone_both_search(
    cli: Cli, tiny: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNEG_QUERIES_RETRIEVER")
    options = ("--llm", recording(), "--backbone", tiny_model, "--documents", "spread", "--sample", 2)
    result = cli("queries", tiny, *options, "--json")
    assert result.code == 0, result.err
    assert (result.json["retrievers"], result.json["asked"]) == (["bm25", "dense"], 2)
    assert result.json["left_out"] == {"judged already": 3, "not drawn": 1}
    scores = read_synthetic_queries(WORK / "default.jsonl")[0].scores
    assert {"rank", "bm25", "dense"} <= set(scores)


def test_a_sample_without_a_size_is_wrong_use(cli: Cli, tiny: Path) -> None:
    result = cli("queries", tiny, "--llm", recording(), "--documents", "random")
    assert result.code == 2
    assert "--sample 1000" in result.err


def test_own_prompts_and_the_prompts_commands(cli: Cli, tiny: Path, server: ChatServer) -> None:
    Path("prompts").mkdir()
    own = Path("prompts/mine.txt")
    own.write_text('MINE {{ document }} {{ n }} {"queries": [{"query": "..."}]}')
    assert cli(*base(server, tiny, "--prompt", "mine")).code == 1
    assert prompt_of(server.requests[0]).startswith("MINE Aspirin dosing")
    listed = {one["name"]: one["asks_for"] for one in cli("prompts", "list", "--json").json["prompts"]}  # type: ignore[attr-defined]
    assert [listed[name] for name in ("mine", "query", "rewrite-query")] == ["queries", "queries", "rewrites"]
    assert cli("prompts", "check").code == 0
    rendered = cli("prompts", "render", "query", "--dataset", tiny)
    assert "<document>\nAspirin dosing\n" in rendered.out, rendered.err
    reworded = cli("prompts", "render", "rewrite-query", "--dataset", tiny, "--query-id", "q2")
    assert QUERIES["q2"] in reworded.out, reworded.err
    for wrong in ("q3", "q9"):
        assert cli("prompts", "render", "rewrite-query", "--dataset", tiny, "--query-id", wrong).code == 2
    own.write_text('{{ document }} {"queries": []}')
    assert 'list of texts, or of objects with a "query"' in cli("prompts", "check", "mine").out
    own.write_text('no variable {"queries": ["..."]}')
    assert "ends without using {{ document }}" in cli("prompts", "check", "mine").out
    negatives = cli("queries", tiny, "--llm", "openai:m", "--prompt", "syneg")
    assert negatives.code == 2
    assert "asks for negatives, and queries is needed here" in negatives.err.replace("\n", " ")


def test_japanese(cli: Cli, tmp_path: Path) -> None:
    docs = {
        "d1": ("睡眠と記憶", "学習後の睡眠は単語の記憶を高めることが示された。被験者は四十人であった。"),
        "d2": ("アスピリン", "少量のアスピリンは男性の心臓発作の危険を下げる。脳卒中には効かない。"),
        "d3": ("骨密度", "ビタミンDの補給は高齢女性の骨密度を高める。効果は二年続いた。"),
    }
    folder = write_dataset(
        tmp_path / "jp",
        docs,
        {"q": "ビタミンDは骨に良いか"},
        {"train": [("q", "d3", 1)], "test": [("q", "d3", 1)]},
    )
    spec = recording(
        {"doc_id": "d1", "queries": ["眠ると単語を覚えやすくなるか", "この論文の結論は何か"]},
        {
            "doc_id": "d2",
            "queries": ["少量のアスピリンは男性の心臓発作の危険を下げるか", "ビタミンDは骨に良いか?"],
        },
    )
    found = cli("queries", folder, "--llm", spec, "--json")
    assert found.code == 0, found.err
    assert (found.json["queries"], found.json["dropped"]) == (
        1,
        {"copies its document": 1, "near copy of a real query": 1, "speaks of its document": 1},
    )


@pytest.mark.parametrize(
    "change",
    ["n=3", "examples=1", "min_words=6", "judged=true", "max_copied=off", "near_copies=0.9", "top=5", "check=none"],
)  # fmt: skip
def test_whatever_decides_the_result_makes_it_stale(cli: Cli, tiny: Path, change: str) -> None:
    spec = recording()
    assert cli("queries", tiny, "--llm", spec).code == 0
    again = cli("queries", tiny, "--llm", spec, "--set", f"queries.{change}", "--json")
    assert str(again.json["reason"]).startswith(f"{change.partition('=')[0]} changed"), again.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda lines: [lines[0], lines[0]],
            "line 2: not what belongs here: 'synthetic/d4/1' is on an earlier",
        ),
        (
            lambda lines: [lines[0], lines[1].replace(GOOD["d5"], " ")],
            "line 2: not what belongs here: a query without",
        ),
    ],
)
def test_an_edited_file_that_would_lose_a_query_or_teach_an_empty_one_is_refused(
    cli: Cli, tiny: Path, change: Callable[[list[str]], list[str]], says: str
) -> None:
    assert cli("queries", tiny, "--llm", recording()).code == 0
    file = WORK / "default.jsonl"
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))
    result = cli("mine", tiny, "--miner", "bm25", "--synthetic-queries", 0.5)
    assert result.code == 2
    assert says in result.err.replace("\n", " ")
    file.unlink()
    file.mkdir()
    folder = cli("mine", tiny, "--miner", "bm25", "--synthetic-queries", 0.5)
    assert folder.code == 2
    assert "default.jsonl is a folder" in folder.err.replace("\n", "")


def test_a_training_query_that_test_has_too_is_no_example(
    cli: Cli, tmp_path: Path, server: ChatServer
) -> None:
    both = {**QUERIES, "q5": f"{QUERIES['q3'].upper()} ", "q6": "how much aspirin"}
    judged = {"train": [("q1", "d1", 1), ("q5", "d3", 1)], "test": [("q3", "d5", 1), ("q1", "d1", 1)]}
    judged["train"] += [("q4", "d2", 1), ("q6", "d4", 1)]
    folder = write_dataset(tmp_path / "both", queries=both, qrels=judged)
    assert cli("queries", folder, "--llm", "openai:m", "--base-url", server.openai_url).code == 0
    for body in server.requests:
        asked = prompt_of(body)
        assert QUERIES["q4"] in asked
        assert both["q5"].strip() not in asked
        assert QUERIES["q1"] not in asked
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q4\td2\t1\n")
    again = cli("queries", folder, "--llm", "openai:m", "--base-url", server.openai_url)
    assert "queries: running (examples changed)" in again.err
