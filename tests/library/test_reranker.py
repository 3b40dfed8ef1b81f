"""A reranker in Python: trained, measured on top of a retriever, and what is no reranker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import CrossEncoder

import syneg_cli as syneg


@pytest.fixture
def data(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    return syneg.load_dataset(tiny, dev_fraction=0)


def test_a_reranker_is_trained_and_measured_on_top_of_a_retriever(data: Any, tiny_model: Path) -> None:
    mined = syneg.mine(data, "bm25", depth=2)
    mixed = syneg.mix(data, mined, strategy="retrieved")
    reranker = syneg.train(tiny_model, mixed, kind="cross-encoder", epochs=1)
    assert isinstance(reranker, CrossEncoder)
    reranker.save_pretrained("saved", create_model_card=False)
    run = {"q3": {"d1": 3.0, "d2": 2.0, "d5": 1.0}}
    alone = syneg.evaluate(run, data)
    assert alone.metrics["mrr@10"] == pytest.approx(1 / 3)
    in_memory, by_folder = (syneg.evaluate(run, data, rerank=one, depth=3) for one in (reranker, "saved"))
    ranked = reranker.rank(data.queries["q3"].text, [data.corpus[d].full_text for d in run["q3"]])
    place = [list(run["q3"])[one["corpus_id"]] for one in ranked].index("d5")
    assert in_memory.metrics["mrr@10"] == by_folder.metrics["mrr@10"] == pytest.approx(1 / (place + 1))
    assert in_memory.name == "run+reranker@3"
    assert "1 queries" in str(in_memory.against(alone))
    first_alone = syneg.evaluate(run, data, rerank=reranker, depth=1)
    assert first_alone.metrics == alone.metrics


def test_what_is_of_the_wrong_kind_is_said(data: Any, tiny_model: Path, tiny_cross_encoder: Path) -> None:
    run = {"q3": {"d1": 3.0}}
    for given, told in (
        ({"rerank": str(tiny_model)}, "no cross-encoder"),
        ({"rerank": ""}, "no cross-encoder"),
        ({"rerank": 3}, "no cross-encoder"),
        ({"depth": 5}, "Add rerank=MODEL"),
    ):
        with pytest.raises(syneg.SynegError, match=told):
            syneg.evaluate(run, data, **given)
    for model in (CrossEncoder(str(tiny_cross_encoder)), str(tiny_cross_encoder)):
        with pytest.raises(syneg.SynegError, match=r"cross-encoder.*scores pairs"):
            syneg.evaluate(model, data)
