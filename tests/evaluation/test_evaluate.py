from __future__ import annotations

import math
from pathlib import Path

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.evaluation.evaluate import METRICS, first, read_trec, score, trec_lines

QRELS = {"q1": {"a": 2, "b": 1}, "q2": {"c": 1}}
RUN = {"q1": {"x": 3.0, "a": 2.0, "b": 1.0}, "q2": {"x": 2.0, "y": 1.0}}


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


def test_a_query_without_results_scores_zero_and_counts() -> None:
    scores = score({"q1": {"a": 1.0}}, QRELS)
    assert scores.per_query["recall@100"] == {"q1": 0.5, "q2": 0.0}


def test_mrr_stops_at_ten() -> None:
    run = {"q2": {f"x{i:02d}": 100.0 - i for i in range(10)} | {"c": 1.0}}
    assert score(run, {"q2": {"c": 1}}).metrics["mrr@10"] == 0.0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_agrees_with_pytrec_eval_called_by_hand(data: st.DataObject) -> None:
    documents = [f"d{i}" for i in range(15)]
    qrels = {
        f"q{i}": data.draw(st.dictionaries(st.sampled_from(documents), st.integers(0, 3), min_size=1))
        for i in range(3)
    }
    run = {
        q: data.draw(st.dictionaries(st.sampled_from(documents), st.integers(0, 50).map(float), min_size=1))
        for q in qrels
    }
    measures = {"ndcg_cut.10", "recall.10", "recall.100", "map_cut.100"}
    reference = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    scores = score(run, qrels)
    for name, metric in METRICS.items():
        if metric.cutoff is None:
            mean = sum(reference[q][metric.key] for q in qrels) / len(qrels)
            assert scores.metrics[name] == pytest.approx(mean, abs=1e-6)


def test_ties_fall_as_in_trec_eval() -> None:
    assert list(first({"a": 1.0, "c": 1.0, "b": 1.0}, 2)) == ["c", "b"]


def test_a_run_survives_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("\n".join(trec_lines(RUN, "tag")), encoding="utf-8")
    assert path.read_text().splitlines()[0] == "q1 Q0 x 1 3 tag"
    assert read_trec(path) == RUN


def test_broken_runs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("q1 Q0 x 1 3 tag\nq1 x 3\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="line 2"):
        read_trec(path)
    with pytest.raises(UsageError, match="not there"):
        read_trec(tmp_path / "none.trec")
