"""Every metric by hand, and against pytrec_eval called without ir_measures."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core import NoProgress
from syneg_cli.data import load_dataset
from syneg_cli.evaluation.metrics import MAIN_METRIC, METRICS, Metric, label_of, metric_name, score
from syneg_cli.mining import bm25_run

QRELS = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}}
RUN = {"q1": {"x": 3.0, "a": 2.0, "b": 1.0}, "q2": {"x": 2.0, "y": 1.0}}

TREC_EVAL = {
    "ndcg@10": "ndcg_cut_10",
    "recall@10": "recall_10",
    "recall@100": "recall_100",
    "map@100": "map_cut_100",
    "ndcg@3": "ndcg_cut_3",
    "ndcg@1000": "ndcg_cut_1000",
    "recall@7": "recall_7",
    "map@5": "map_cut_5",
    "p@10": "P_10",
    "p@3": "P_3",
    "success@1": "success_1",
    "success@4": "success_4",
}
"""Metric -> what trec_eval calls it; mrr@k has no name there and is computed by hand, as is judged@k."""

TREC_MEASURES = {
    f"{name}.{','.join(one.rpartition('_')[2] for one in TREC_EVAL.values() if one.startswith(f'{name}_'))}"
    for name in ("ndcg_cut", "recall", "map_cut", "P", "success")
}
BY_HAND = ("mrr@10", "mrr@2", "judged@10", "judged@3")
EVERY = (*TREC_EVAL, *BY_HAND)

Judgements = dict[str, dict[str, int]]
Results = dict[str, dict[str, float]]


def test_metrics_by_hand() -> None:
    """q1: gains 2 and 1 at ranks 2 and 3 of an ideal 1 and 2; q2 finds nothing."""
    scores = score(RUN, QRELS)
    dcg = 2 / math.log2(3) + 1 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert scores.per_query["ndcg@10"]["q1"] == pytest.approx(dcg / ideal)
    assert scores.metrics["ndcg@10"] == pytest.approx(dcg / ideal / 2)
    assert scores.metrics["recall@10"] == pytest.approx(0.5)
    assert scores.metrics["mrr@10"] == pytest.approx(0.25)
    assert scores.per_query["map@100"]["q1"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_names_and_their_order() -> None:
    assert list(METRICS) == ["ndcg@10", "recall@10", "recall@100", "mrr@10", "map@100"]
    labels = [metric.label for metric in METRICS.values()]
    assert labels == ["nDCG@10", "Recall@10", "Recall@100", "MRR@10", "MAP@100"]
    assert MAIN_METRIC in METRICS


def test_a_query_without_results_scores_zero_and_counts() -> None:
    scores = score({"q1": {"a": 1.0}}, QRELS)
    assert scores.per_query["recall@100"] == {"q1": 0.5, "q2": 0.0}
    assert score({"q1": {"a": 1.0}, "q2": {}}, QRELS) == scores
    assert set(score({}, QRELS).metrics.values()) == {0.0}


def test_mrr_stops_at_ten() -> None:
    run = {"q2": {f"x{i:02d}": 100.0 - i for i in range(10)} | {"c": 1.0}}
    assert score(run, {"q2": {"c": 1}}).metrics["mrr@10"] == 0.0
    del run["q2"]["x09"]
    assert score(run, {"q2": {"c": 1}}).metrics["mrr@10"] == 0.1


@pytest.mark.parametrize(("relevant", "rank"), [("a", 3), ("b", 2), ("c", 1)])
def test_equal_scores_fall_the_same_way_for_every_metric(relevant: str, rank: int) -> None:
    """trec_eval orders equal scores by id, last first."""
    values = score({"q": {"a": 1.0, "b": 1.0, "c": 1.0}}, {"q": {relevant: 1}}).metrics
    assert values["mrr@10"] == values["map@100"] == pytest.approx(1 / rank)
    assert values["ndcg@10"] == pytest.approx(1 / math.log2(rank + 1))


def by_pytrec_eval(run: Results, qrels: Judgements) -> dict[str, dict[str, float]]:
    found = pytrec_eval.RelevanceEvaluator(qrels, TREC_MEASURES).evaluate(run)
    values = {
        metric: {q: found.get(q, {}).get(name, 0.0) for q in qrels} for metric, name in TREC_EVAL.items()
    }
    for name in BY_HAND:
        measure, _, cutoff = name.partition("@")
        by_hand = reciprocal_rank if measure == "mrr" else judged_share
        values[name] = {q: by_hand(run.get(q, {}), grades, int(cutoff)) for q, grades in qrels.items()}
    return values


def first(results: dict[str, float], cutoff: int) -> list[str]:
    return sorted(results, key=lambda doc_id: (results[doc_id], doc_id), reverse=True)[:cutoff]


def reciprocal_rank(results: dict[str, float], grades: dict[str, int], cutoff: int) -> float:
    order = first(results, cutoff)
    ranks = [rank for rank, doc_id in enumerate(order, start=1) if grades.get(doc_id, 0) > 0]
    return 1 / ranks[0] if ranks else 0.0


def judged_share(results: dict[str, float], grades: dict[str, int], cutoff: int) -> float:
    """Of what was found at all, whatever its grade."""
    order = first(results, cutoff)
    return sum(doc_id in grades for doc_id in order) / len(order) if order else 0.0


def agree(run: Results, qrels: Judgements) -> None:
    ours, theirs = score(run, qrels, EVERY), by_pytrec_eval(run, qrels)
    assert list(ours.per_query) == list(EVERY)
    for metric in EVERY:
        assert list(ours.per_query[metric]) == list(qrels)
        assert ours.per_query[metric] == pytest.approx(theirs[metric], abs=1e-12, rel=0), metric
        mean = sum(theirs[metric].values()) / len(qrels)
        assert ours.metrics[metric] == pytest.approx(mean, abs=1e-12, rel=0)


DOCUMENTS = st.sampled_from([f"d{i}" for i in range(15)])


@settings(max_examples=100, deadline=None)
@given(
    qrels=st.dictionaries(
        st.sampled_from("abc"), st.dictionaries(DOCUMENTS, st.integers(-1, 3), min_size=1), min_size=1
    ),
    run=st.dictionaries(
        st.sampled_from("abcd"), st.dictionaries(DOCUMENTS, st.sampled_from([0.0, 0.5, 1.0]))
    ),
)
def test_agrees_with_pytrec_eval_on_small_runs(qrels: Judgements, run: Results) -> None:
    """Many equal scores, graded and negative judgements, queries without results or judgements."""
    agree(run, qrels)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_pytrec_eval_beyond_the_cutoffs(seed: int) -> None:
    rng = random.Random(seed)
    documents = [f"d{i}" for i in range(300)]
    qrels = {
        f"q{i}": {d: rng.choice((-1, 0, 1, 1, 2)) for d in rng.sample(documents, rng.randint(1, 150))}
        for i in range(20)
    }
    run = {
        f"q{i}": {
            d: rng.choice((rng.random(), 0.25, 0.5)) for d in rng.sample(documents, rng.randint(1, 200))
        }
        for i in range(2, 22)
    }
    agree(run, qrels)


def test_grades_below_minus_one_do_not_crash_trec_eval() -> None:
    """A query with no other grades ends the process of pytrec_eval after a few hundred calls: the oracle gets -1."""
    rng = random.Random(1)
    documents = [f"d{i}" for i in range(15)]
    for _ in range(300):
        qrels = {q: {d: rng.randint(-2, 3) for d in rng.sample(documents, rng.randint(1, 10))} for q in "abc"}
        run = {q: {d: rng.random() for d in rng.sample(documents, rng.randint(1, 10))} for q in "abc"}
        mild = {
            q: {doc_id: max(grade, -1) for doc_id, grade in grades.items()} for q, grades in qrels.items()
        }
        theirs = by_pytrec_eval(run, mild)
        assert score(run, qrels).per_query == {metric: theirs[metric] for metric in METRICS}


def test_a_new_metric_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "p@5", Metric("P", at=5))
    assert score(RUN, QRELS).per_query["p@5"] == {"q1": pytest.approx(0.4), "q2": 0.0}


def test_on_scifact_as_pytrec_eval_has_it(shared: Path, tmp_path: Path) -> None:
    """BM25, and a run by chance that ties a lot and leaves queries out."""
    dataset = load_dataset(str(shared / "data" / "scifact"), cache=tmp_path, dev_fraction=0)
    qrels = {q: dict(grades) for q, grades in dataset.qrels("test").items()}
    rng = random.Random(0)
    ids = list(dataset.corpus.ids)
    by_chance = {q: {d: rng.choice((0.1, 0.2, rng.random())) for d in rng.sample(ids, 150)} for q in qrels}
    for q in list(by_chance)[::7]:
        del by_chance[q]
    for q in list(by_chance)[::2]:
        by_chance[q] |= {d: rng.random() for d in qrels[q]}
    found = bm25_run(dataset, list(qrels), 100, NoProgress())
    agree({q: dict(results) for q, results in found.items()}, qrels)
    agree(by_chance, qrels)


@pytest.mark.parametrize(
    ("written", "name", "label"),
    [
        ("nDCG@10", "ndcg@10", "nDCG@10"),
        ("R@100", "recall@100", "Recall@100"),
        ("recall@7", "recall@7", "Recall@7"),
        ("RR@10", "mrr@10", "MRR@10"),
        ("MRR@3", "mrr@3", "MRR@3"),
        ("AP@100", "map@100", "MAP@100"),
        ("map@5", "map@5", "MAP@5"),
        ("P@10", "p@10", "P@10"),
        ("Success@1", "success@1", "Success@1"),
        (" judged@10 ", "judged@10", "Judged@10"),
    ],
)
def test_metrics_by_the_names_of_ir_measures(written: str, name: str, label: str) -> None:
    assert metric_name(written) == name
    assert label_of(name) == label


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("ndgc@10", "nDCG@10"),
        ("sucess@5", "Success@5"),
        ("recal@20", "R@20"),
        ("ndcg", "nDCG@10"),
        ("p@0", "P@10"),
        ("p@1e3", "P@10"),
        ("AP@1000000", "AP@10"),
        ("", "nDCG@10"),
        ("ndcg@１０", "nDCG@10"),
    ],
)
def test_another_name_is_told_the_nearest(written: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"Expected a metric such as {near} "):
        metric_name(written)
