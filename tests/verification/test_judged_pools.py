"""The first mined documents of every training query, written and real, graded by a judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from syneg_cli.core.record_files import read_instances, read_verifications
from syneg_cli.verification.judge import read_verdict
from tests.conftest import Cli
from tests.servers import Body, ChatServer, Reply, prompt_of
from tests.verification.conftest import verdict_json

WORK = Path(".syneg/tiny")
DOCUMENT = "Vitamin D supplements raise bone density in older women."
QUOTE = "raise bone density"


@pytest.mark.parametrize(
    ("said", "evidence", "relevant", "score"),
    [
        (0, "", False, 0.0),
        (1, "", False, 1 / 3),
        (1, QUOTE, False, 1 / 3),
        (2, QUOTE, True, 2 / 3),
        ("3", QUOTE, True, 1.0),
        (3.0, QUOTE, True, 1.0),
        (3, "cures everything", False, 0.0),
        (4, QUOTE, None, None),
        (-1, QUOTE, None, None),
        (1.5, QUOTE, None, None),
        (True, QUOTE, None, None),
        ("yes", QUOTE, None, None),
        (None, QUOTE, None, None),
    ],
)
def test_a_grade_is_a_whole_number_up_to_three(
    said: object, evidence: str, relevant: bool | None, score: float | None
) -> None:
    found = read_verdict(verdict_json(said, evidence), DOCUMENT, 2)
    assert (found.relevant if found else None, found.score if found else None) == (relevant, score)


@pytest.mark.parametrize("said", [0, 1, 2, 3])
def test_a_judge_that_says_yes_or_no_says_no_grades(said: int) -> None:
    assert read_verdict(verdict_json(said, QUOTE), DOCUMENT) is None


def graded(grades: dict[str, int], body: Body, number: int) -> Reply:
    document = prompt_of(body).split("<document>")[1].split("</document>")[0].strip()
    grade = next((grade for words, grade in grades.items() if words in document), 0)
    return Reply(text=verdict_json(grade, document.split("\n")[-1] if grade else ""))


def pools(cli: Cli, tiny: Path, effect: str, *more: str) -> dict[tuple[str, str], tuple[str, float]]:
    """(query, document) -> (status, score), of all that was judged."""
    options = ("--judge-prompt", "judge-graded", "--per-query", "2", "--synthetic-queries", "1")
    result = cli("verify", tiny, "--llm", "ollama:m", "--effect", effect, *options, *more, "--json")
    assert result.code == 0, result.err
    rows = read_verifications(WORK / "verified/mined-bm25.jsonl")
    return {(row.query_id, row.doc_id): (row.status, row.scores["judge"]) for row in rows}


def test_written_and_real_queries_have_pools_and_what_is_relevant_becomes_positive(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_synthetic_queries(
        WORK / "queries/default.jsonl", [SyntheticQuery("d5", 1, "memory of sleep lists", "query", "x", "")]
    )
    written = ("--synthetic-queries", "1")
    assert cli("mine", tiny, "--miner", "bm25", *written, "--set", "dataset.dev_fraction=0").code == 0
    own = ("--set", "dataset.dev_fraction=0")
    with ChatServer(partial(graded, {"Sleep apnea": 2, "no effect on mood": 1})) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        found = pools(cli, tiny, "relabel", *own)
        assert {query_id for query_id, _ in found} == {"q1", "q2", "q4", "synthetic/d5/1"}
        per_query = [sum(q == query_id for q, _ in found) for query_id, _ in found]
        assert max(per_query) == 2
        assert found["synthetic/d5/1", "d6"] == ("positive", 2 / 3)
        assert found["q1", "d2"] == ("ok", 1 / 3), "kept, with its grade"
        calls = len(server.requests)
        stricter = pools(cli, tiny, "relabel", *own, "--relevant-from", "3")
        assert stricter["synthetic/d5/1", "d6"] == ("ok", 2 / 3)
        pools(cli, tiny, "relabel", *own)
        assert len(server.requests) == calls, "another bound asks nothing again"
    mixed = cli("mix", tiny, "--strategy", "retrieved", "--miner", "bm25", *written, *own, "--json")
    assert mixed.code == 0, mixed.err
    pairs = {(i.query_id, i.positive_id) for i in read_instances(WORK / "mixed/retrieved.jsonl")}
    assert pairs >= {("synthetic/d5/1", "d5"), ("synthetic/d5/1", "d6"), ("q1", "d1")}
    assert mixed.json["written_queries"] == 2


def test_the_graded_prompt_asks_for_a_number(cli: Cli) -> None:
    shown: Sequence[object] = json.loads(cli("prompts", "list", "--json").out)["prompts"]
    assert any(isinstance(one, dict) and one["name"] == "judge-graded" for one in shown)
    assert cli("prompts", "check", "judge-graded").code == 0
