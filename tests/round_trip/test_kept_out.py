"""Documents that are kept out of training get no LLM-written queries: nothing would be trained with them."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.data import kept_apart, load_dataset
from syneg_cli.generation import QuerySettings
from syneg_cli.round_trip import choose_documents
from tests.conftest import write_dataset


def test_no_query_is_written_for_what_dev_or_test_asks_for(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set")
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    settings = QuerySettings(min_words=1)
    before = choose_documents(dataset, settings, vectors=list)  # type: ignore[arg-type]
    assert before.doc_ids == ("d4", "d5", "d6")
    after = choose_documents(kept_apart(dataset), settings, vectors=list)  # type: ignore[arg-type]
    assert after.doc_ids == ("d4", "d6")
    assert after.left_out == {"judged already": 3, "kept out of training (disjoint)": 1}


def test_without_train_queries_they_are_kept_out_too(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", qrels={"test": [("q3", "d5", 1)]})
    dataset = load_dataset(str(folder), cache=tmp_path / "cache")
    chosen = choose_documents(kept_apart(dataset), QuerySettings(min_words=1), vectors=list)  # type: ignore[arg-type]
    assert chosen.doc_ids == ("d1", "d2", "d3", "d4", "d6")
