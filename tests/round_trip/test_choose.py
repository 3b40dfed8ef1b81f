"""Which documents get queries: what is fit, what is drawn, and what is counted as left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from syneg_cli.core import UsageError
from syneg_cli.data import Dataset, load_dataset
from syneg_cli.generation import QuerySettings
from syneg_cli.round_trip import choose_documents
from tests.conftest import DOCS, write_dataset


def nobody() -> np.ndarray:
    raise AssertionError("no vector is needed")


@pytest.fixture
def many(tmp_path: Path) -> Dataset:
    """Sixty documents about three matters, of which the first has forty."""
    matters = ["bones"] * 40 + ["hearts"] * 10 + ["sleep"] * 10
    docs = {f"d{n}": ("", f"a text about {matter} number {n}") for n, matter in enumerate(matters)}
    write_dataset(tmp_path / "many", docs=docs, queries={"q": "x"}, qrels={"test": [("q", "d0", 1)]})
    return load_dataset(str(tmp_path / "many"), cache=tmp_path / "cache")


def vectors_of(dataset: Dataset) -> np.ndarray:
    matters = ["bones", "hearts", "sleep"]
    rng = np.random.default_rng(0)
    rows = [np.eye(3)[[m in text for m in matters].index(True)] for text in dataset.corpus.texts()]
    return (np.array(rows) + 0.01 * rng.standard_normal((len(rows), 3))).astype(np.float32)


def chosen(dataset: Dataset, vectors: Any = nobody, seed: int = 0, **settings: Any) -> Any:
    return choose_documents(dataset, QuerySettings(**settings), vectors, seed=seed)


def test_what_train_judges_or_is_too_short_is_left_out(tmp_path: Path) -> None:
    docs = DOCS | {"short": ("", "a b c d"), "blank": ("", "   "), "long": ("", "a b c d e")}
    write_dataset(tmp_path / "tiny", docs=docs)
    data = load_dataset(str(tmp_path / "tiny"), cache=tmp_path / "cache", dev_fraction=0)
    found = chosen(data)
    assert found.doc_ids == ("d4", "d5", "d6", "long"), "d5 is judged in test: that is nobody's business"
    assert found.left_out == {"judged already": 3, "too short": 2}
    every = chosen(data, judged=True)
    assert every.doc_ids == (*DOCS, "long")
    assert chosen(data, min_words=0).left_out == {"judged already": 3, "too short": 1}, "a blank one never"


def test_a_random_sample_is_the_seeds(many: Dataset) -> None:
    one, again = (chosen(many, documents="random", sample=7) for _ in range(2))
    assert one == again
    assert len(one.doc_ids) == 7
    assert one.left_out == {"not drawn": 53}
    assert list(one.doc_ids) == sorted(one.doc_ids, key=many.corpus.row)
    assert chosen(many, documents="random", sample=7, seed=1).doc_ids != one.doc_ids
    larger = chosen(many, documents="random", sample=9)
    assert set(one.doc_ids) < set(larger.doc_ids), "what was paid for stays in a larger one"
    assert len(chosen(many, documents="random", sample=99).doc_ids) == 60


def test_a_spread_sample_has_as_much_of_every_matter(many: Dataset) -> None:
    found = chosen(many, lambda: vectors_of(many), documents="spread", sample=3)
    texts = [many.corpus[doc_id].text for doc_id in found.doc_ids]
    assert [sum(m in text for text in texts) for m in ("bones", "hearts", "sleep")] == [1, 1, 1]
    assert found == chosen(many, lambda: vectors_of(many), documents="spread", sample=3)


@pytest.mark.parametrize("settings", [{"sample": 3}, {"documents": "random"}, {"documents": "spread"}])
def test_a_sample_needs_a_size_and_a_way(many: Dataset, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="a sample is which documents, and how many"):
        chosen(many, **settings)


def test_without_any_judgement_all_documents_are_meant(many: Dataset) -> None:
    assert len(chosen(replace(many, judgements={})).doc_ids) == 60
