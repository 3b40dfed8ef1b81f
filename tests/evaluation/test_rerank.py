"""A retriever's first documents in a cross-encoder's order."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytrec_eval
from sentence_transformers import CrossEncoder

from syneg_cli.core import SynegError
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding import load_cross_encoder, pair_scores
from syneg_cli.evaluation import rerank, score
from tests.conftest import QUERIES, write_dataset

RUN = {
    "q3": {"d1": 6.0, "d2": 5.0, "d3": 4.0, "d6": 3.0, "d5": 2.0, "d4": 1.0},
    "q1": {"d2": 2.0, "gone": 3.0, "d6": 1.0},
    "q2": {"d1": 1.0},
}
QRELS = {"train": [("q2", "d3", 1)], "test": [("q3", "d5", 2), ("q3", "d6", 1), ("q1", "d6", 1)]}


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    folder = write_dataset(tmp_path / "tiny", qrels=QRELS)
    return load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)


def by_hand(model: CrossEncoder, data: Dataset, query_id: str, documents: list[str]) -> list[str]:
    ranked = model.rank(QUERIES[query_id], [data.corpus[d].full_text for d in documents])
    return [documents[one["corpus_id"]] for one in ranked]  # type: ignore[index]


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 50])
def test_the_first_are_in_the_models_order_and_the_others_in_the_runs(
    data: Dataset, tiny_cross_encoder: Path, depth: int
) -> None:
    model = CrossEncoder(str(tiny_cross_encoder))
    found, pairs = rerank(RUN, data, "test", load_cross_encoder(str(tiny_cross_encoder)), depth=depth)
    whole = list(RUN["q3"])
    expected = by_hand(model, data, "q3", whole[:depth]) + whole[depth:]
    assert list(found["q3"]) == expected
    assert sorted(found["q3"], key=lambda d: -found["q3"][d]) == expected, "scores say the same"
    assert set(found) == {"q3", "q1"}, "queries of other splits cost nothing"
    readable = [d for d in ("gone", "d2", "d6")[:depth] if d != "gone"]
    assert pairs == min(depth, 6) + len(readable)
    below = [d for d in ("gone", "d2", "d6") if d not in readable]
    assert list(found["q1"]) == by_hand(model, data, "q1", readable) + below if readable else True


@pytest.mark.parametrize("depth", [2, 4, 100])
def test_the_metrics_of_a_reranked_run_are_those_of_pytrec_eval(
    data: Dataset, tiny_cross_encoder: Path, depth: int
) -> None:
    model = CrossEncoder(str(tiny_cross_encoder))
    found, _ = rerank(RUN, data, "test", load_cross_encoder(str(tiny_cross_encoder)), depth=depth)
    run = {}
    for query_id, ranked in RUN.items():
        if query_id != "q2":
            order = sorted(ranked, key=lambda d: -ranked[d])
            first = [d for d in order[:depth] if d != "gone"]
            order = by_hand(model, data, query_id, first) + [d for d in order if d not in first]
            run[query_id] = {d: float(-place) for place, d in enumerate(order)}
    qrels = {"q3": {"d5": 2, "d6": 1}, "q1": {"d6": 1}}
    values = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10", "map"}).evaluate(run)
    measured = score(found, data.qrels("test"))
    for query_id in qrels:
        assert measured.per_query["ndcg@10"][query_id] == pytest.approx(values[query_id]["ndcg_cut_10"])
        assert measured.per_query["map@100"][query_id] == pytest.approx(values[query_id]["map"])


def test_scores_are_those_of_predict_before_the_sigmoid_and_in_the_pairs_order(
    tiny_cross_encoder: Path,
) -> None:
    import torch

    pairs = [("sleep", "word " * n) for n in (3, 30, 1, 12, 7)]
    model = CrossEncoder(str(tiny_cross_encoder))
    expected = model.predict(pairs, batch_size=1, activation_fn=torch.nn.Identity())
    found = pair_scores(load_cross_encoder(str(tiny_cross_encoder)), pairs, batch_size=2)
    assert found == pytest.approx(expected, abs=1e-5)
    assert pair_scores(model, []).shape == (0,)


def test_scores_that_are_none_are_an_error(tiny_cross_encoder: Path) -> None:
    model = load_cross_encoder(str(tiny_cross_encoder))
    next(iter(model.parameters())).data.fill_(float("nan"))
    with pytest.raises(SynegError, match="not finite"):
        pair_scores(model, [("a", "b")])
