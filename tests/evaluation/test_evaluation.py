"""A measured system in a few lines, and what it gains over another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syneg_cli.core.errors import UsageError
from syneg_cli.evaluation import METRICS, Evaluation, compare, compare_metrics


def evaluation(name: str, values: dict[str, float]) -> Evaluation:
    mean = sum(values.values()) / len(values)
    return Evaluation(
        name,
        name,
        "scifact",
        "test",
        "fp32",
        dict.fromkeys(METRICS, mean),
        dict.fromkeys(METRICS, values),
        "-",
    )


BASE = {f"q{i}": 0.5 for i in range(20)}
BETTER = {query_id: 0.75 if i % 4 else 0.25 for i, query_id in enumerate(BASE)}


def test_an_evaluation_in_two_lines() -> None:
    shown = str(evaluation("minilm", BASE)).splitlines()
    assert shown[0] == "minilm on scifact, test (20 queries)"
    assert shown[1] == "nDCG@10 0.5000  Recall@10 0.5000  Recall@100 0.5000  MRR@10 0.5000  MAP@100 0.5000"


def test_a_gain_in_four_lines() -> None:
    """Fifteen queries gain 0.25 and five lose it: half of that on average."""
    gain = evaluation("tuned", BETTER).against(evaluation("minilm", BASE))
    main = gain.comparisons["ndcg@10"]
    assert (main.wins, main.losses, main.queries) == (15, 5, 20)
    low, high, p = f"{main.low:+.4f}", f"{main.high:+.4f}", f"{main.p_randomisation:.4f}"
    assert str(gain).splitlines() == [
        "tuned against minilm, 20 queries",
        "nDCG@10: 0.6250 against 0.5000",
        f"difference: +0.1250, 95 % interval [{low}, {high}], p = {p}",
        f"nDCG@10 is better by 0.1250 (p = {p}). Of what was trained this is one run: the seed adds variance of its own.",
    ]


def test_a_gain_of_nothing() -> None:
    base = evaluation("minilm", BASE)
    assert str(base.against(base)).endswith(
        "nDCG@10 is the same for every query: undecided, as 20 queries cannot rule out a difference of 0.01 on others."
    )


def test_queries_are_paired_by_id_not_by_place() -> None:
    turned = dict(reversed(BETTER.items()))
    found = compare_metrics(evaluation("tuned", turned), evaluation("minilm", BETTER))
    assert list(found) == list(METRICS)
    assert found["map@100"] == compare([0.0] * 20, [0.0] * 20)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (list(BASE)[:17], "3 of 20"),
        ([*BASE, "q20"], "1 of 21"),
        ([*list(BASE)[1:], "x"], "2 of 21"),
    ],
)
def test_other_queries_are_refused(queries: list[str], message: str) -> None:
    other = evaluation("theirs", dict.fromkeys(queries, 0.5))
    with pytest.raises(
        UsageError, match=f"minilm and theirs were not measured on the same queries: {message}"
    ):
        evaluation("minilm", BASE).against(other)


def test_a_metric_that_only_one_has_is_left_out() -> None:
    old = evaluation("old", BASE)
    old = replace(old, per_query={"ndcg@10": BASE}, metrics={"ndcg@10": 0.5})
    assert list(compare_metrics(evaluation("new", BETTER), old)) == ["ndcg@10"]
    assert list(compare_metrics(old, evaluation("new", BETTER))) == ["ndcg@10"]
