"""Ways to search with one model, on the page: what queries in the index and BM25 are worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.artifacts import Workspace
from syneg_cli.evaluation import Search
from syneg_cli.report.page import Table
from syneg_cli.report.searches import read_searches
from tests.conftest import Cli, write_dataset
from tests.report.conftest import add_evaluation, add_model, facts_of
from tests.report.test_command import trained
from tests.report.test_sections import figure

__all__ = ["trained"]

ALONE = [0.5, 0.5, 0.25, 1.0]
BESIDE = [1.0, 0.5, 0.5, 1.0]
"""0.1875 more on average: two won, two tied."""


def hybrid(work: Workspace, name: str = "minilm", weights: str = "w", **more: Any) -> None:
    add_evaluation(work, f"{name}+bm25x0.5", BESIDE, weights=weights, **{"lexical": 0.5} | more)


def test_it_is_compared_with_its_model_alone(work: Workspace) -> None:
    add_evaluation(work, "minilm", ALONE, weights="w")
    add_evaluation(work, "other", [0.0] * 4, weights="another")
    hybrid(work)
    (found,), left_out = read_searches(work, "test")
    assert (found.name, found.alone, left_out) == ("minilm+bm25x0.5", "minilm", [])
    assert (found.value, found.alone_value) == (0.75, 0.5625)
    assert found.gain.difference == pytest.approx(0.1875)
    assert (found.gain.wins, found.gain.ties, found.gain.losses) == (2, 2, 0)
    assert "Hybrid search" in found.told
    assert read_searches(work, "dev") == ([], [])


@pytest.mark.parametrize(
    "other",
    [
        {"weights": "another"},
        {"precision": "bf16"},
        {"max_length": 128},
        {"identical": "keep"},
        {"values": ALONE[:3]},
    ],
)
def test_another_model_or_another_rule_is_not_the_model_alone(
    work: Workspace, other: Mapping[str, Any]
) -> None:
    values = other.get("values", ALONE)
    add_evaluation(
        work, "minilm", values, **{"weights": "w"} | {k: v for k, v in other.items() if k != "values"}
    )
    hybrid(work)
    found, left_out = read_searches(work, "test")
    assert not found
    assert left_out == [
        "minilm+bm25x0.5 is not compared: the model alone was not measured on the same data "
        "(`syneg eval --baseline alone` does both)."
    ]


def test_what_was_measured_on_other_data_is_left_out(work: Workspace) -> None:
    add_evaluation(work, "minilm", ALONE, weights="w")
    hybrid(work)

    def now(search: Search) -> dict[str, str]:
        assert search.lexical == 0.5
        return {"corpus": "c", "test qrels": "new"}

    found, left_out = read_searches(work, "test", now)
    assert not found
    assert left_out == [
        "minilm+bm25x0.5 was measured before the data changed (test qrels); that result is left out."
    ]


def test_a_result_that_cannot_be_read_is_said(work: Workspace) -> None:
    add_evaluation(work, "minilm", ALONE, weights="w")
    hybrid(work, lexical="much")
    found, (told,) = read_searches(work, "test")
    assert not found
    assert told.endswith(
        "minilm+bm25x0.5-test.json is not an evaluation: fields of other kinds. It is left out."
    )


def test_a_page_of_one_model_has_its_searches_and_its_backbones_alone(work: Workspace) -> None:
    for name in ("minilm", "one", "two"):
        add_evaluation(work, name, ALONE, weights=name)
        hybrid(work, name, weights=name)
    found, left_out = read_searches(work, "test", without={"two"})
    assert ([one.alone for one in found], left_out) == (["minilm", "one"], [])


def test_weights_that_were_trained_again_are_left_out(work: Workspace) -> None:
    folder = add_model(work, "one")
    add_evaluation(work, "one", ALONE, weights="w", model=str(folder))
    hybrid(work, "one", model=str(folder))
    assert read_searches(work, "test")[1] == [
        "one+bm25x0.5 is of weights that were trained again since; that result is left out."
    ]


def test_the_family_is_corrected_and_memory_of_documents_is_told_apart(work: Workspace) -> None:
    add_model(work, "one")
    add_evaluation(work, "minilm", ALONE, weights="w")
    hybrid(work)
    seen = {"judged": ["q0"], "written": [], "unseen": ["q1", "q2", "q3"], "documents": 4}
    parts = seen | {"seen_documents": 1, "known": True}
    judged: dict[str, Any] = {"expansion": 0.5, "expansion_from": "judged", "exposure": parts}
    add_evaluation(work, "minilm+judgedx0.5", [1.0, 0.25, 0.25, 1.0], weights="w", **judged)
    searches, _ = read_searches(work, "test")
    facts = facts_of(work, searches=searches)
    assert {len(gain.family) for gain in facts.search_gains.values()} == {2}
    drawn = figure(facts, "searches")
    assert drawn is not None
    table = drawn.numbers
    assert isinstance(table, Table)
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    told = rows["minilm+judgedx0.5"]
    assert told["on documents seen"].startswith("+0.5000 unknown (1)")
    assert told["on documents never seen"].startswith("-0.0833")
    assert rows["minilm+bm25x0.5"]["on documents seen"] == "–"
    assert "know which documents are asked for" in drawn.caption


@pytest.mark.slow
def test_what_eval_measured_is_on_the_page_until_the_data_change(trained: Cli, tiny: Path) -> None:
    done = trained("eval", "--model", "one", "--lexical", "0.5", "--baseline", "alone", "--json")
    assert done.code == 0, done.err
    assert trained("report", "--sample", "0").code == 0
    page = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "Gain of another way to search" in page
    assert "| one+bm25x0.5 |" in page
    write_dataset(tiny, qrels={"test": [("q3", "d6", 1)]})
    assert trained("report", "--sample", "0").code == 0
    page = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "one+bm25x0.5 was measured before the data changed (test qrels)" in page
    assert "Gain of another way to search" not in page
