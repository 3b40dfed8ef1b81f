"""The same metrics as mteb's and ranx's, where these are installed (`pip install mteb ranx`)."""

from __future__ import annotations

import random
from typing import Any

import pytest

from syneg_cli.evaluation.metrics import score

NAMES = ("ndcg@10", "recall@100", "mrr@10", "map@100", "p@5", "success@1")
Table = dict[str, dict[str, Any]]


def generated(seed: int, *, ties: bool) -> tuple[Table, Table]:
    """(a run, graded judgements with zeros among them) of 40 queries."""
    rng = random.Random(seed)
    docs = [f"d{i}" for i in range(300)]
    qrels = {f"q{i}": {d: rng.choice((0, 1, 1, 2, 3)) for d in rng.sample(docs, 20)} for i in range(40)}
    for grades in qrels.values():
        grades[next(iter(grades))] = 1
    run = {
        q: {d: rng.choice((0.1, 0.5, 0.9)) if ties else rng.random() for d in rng.sample(docs, 120)}
        for q in qrels
    }
    return run, qrels


@pytest.mark.parametrize("seed", range(3))
def test_as_ranx_has_them(seed: int) -> None:
    """Without ties, which it leaves to the order of a sort. Its gains are the grades, as trec_eval's are."""
    ranx = pytest.importorskip("ranx")
    run, qrels = generated(seed, ties=False)
    for query_id in ("q3", "q7"):
        del run[query_id]
    called = {"p@5": "precision@5", "success@1": "hit_rate@1"}
    ours = score(run, qrels, NAMES).metrics
    theirs = ranx.evaluate(
        ranx.Qrels(qrels), ranx.Run(run), [called.get(n, n) for n in NAMES], make_comparable=True
    )
    assert ours == pytest.approx({n: theirs[called.get(n, n)] for n in NAMES}, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_as_mteb_has_them(seed: int) -> None:
    metrics = pytest.importorskip("mteb._evaluators.retrieval_metrics")
    run, qrels = generated(seed, ties=True)
    theirs = metrics.calculate_retrieval_scores(run, qrels, (1, 5, 10, 100))
    ours = score(run, qrels, NAMES).metrics
    found = {
        "ndcg@10": theirs.ndcg["NDCG@10"],
        "recall@100": theirs.recall["Recall@100"],
        "mrr@10": theirs.mrr["MRR@10"],
        "map@100": theirs.map["MAP@100"],
        "p@5": theirs.precision["P@5"],
        "success@1": theirs.hit_rate["HitRate@1"],
    }
    assert ours == pytest.approx(found, abs=1e-5), "it rounds to five digits"
