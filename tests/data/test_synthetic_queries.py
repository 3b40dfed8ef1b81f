"""LLM-written queries become training queries, and never anything that is measured on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import DatasetError, Query, SyntheticQuery
from syneg_cli.data import Dataset, load_dataset, with_queries
from tests.conftest import write_dataset
from tests.said import Said


@pytest.fixture
def real(tmp_path: Path) -> Dataset:
    """Train has q1 and q2, test q3."""
    write_dataset(tmp_path / "tiny")
    return load_dataset(str(tmp_path / "tiny"), cache=tmp_path / "cache", dev_fraction=0)


@pytest.fixture
def bare(tmp_path: Path) -> Dataset:
    """The same documents, without a query."""
    write_dataset(tmp_path / "tiny")
    corpus = (tmp_path / "tiny" / "corpus.jsonl").read_bytes()
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "corpus.jsonl").write_bytes(corpus)
    return load_dataset(str(tmp_path / "bare"), cache=tmp_path / "cache")


def written(doc_id: str, index: int = 1, **fields: Any) -> SyntheticQuery:
    return replace(SyntheticQuery(doc_id, index, f"about {doc_id} {index}", "query", "x", ""), **fields)


def test_a_folder_of_documents_is_a_data_set_without_judgements(bare: Dataset) -> None:
    assert (len(bare.corpus), dict(bare.queries), dict(bare.judgements)) == (len(bare.corpus), {}, {})
    with pytest.raises(DatasetError, match="bare has no judged query") as error:
        bare.pairs("train")
    assert "syneg queries bare" in str(error.value.hint)


def test_they_are_train_beside_the_real_ones(real: Dataset) -> None:
    more = with_queries(real, [written("d5"), written("d4", also_relevant=("d5", "nowhere"))], weight=0.5)
    before, after = real.qrels("train"), more.qrels("train")
    assert after == {**before, "synthetic/d5/1": {"d5": 1}, "synthetic/d4/1": {"d4": 1, "d5": 1}}
    assert more.qrels("test") == real.qrels("test")
    assert [more.weight(q) for q in ("q1", "synthetic/d5/1")] == [1.0, 0.5]
    assert more.queries["synthetic/d5/1"].text == "about d5 1"
    assert more.positives("synthetic/d4/1") == {"d4", "d5"}


def test_what_test_is_measured_by_stays_as_it_was(real: Dataset) -> None:
    more = with_queries(real, [written("d5")])
    assert more.inputs("test") == real.inputs("test")
    assert more.inputs("train") != real.inputs("train")
    other = with_queries(real, [written("d5", text="another wording")])
    assert other.inputs("train") != more.inputs("train")


def test_dropped_ones_and_rewordings_of_what_is_not_train_are_left_out(real: Dataset) -> None:
    dropped = written("d5", status="dropped", reason="not found again")
    of_test, of_train = written("d5", rewrites="q3"), written("d1", 2, rewrites="q1")
    more = with_queries(real, [dropped, of_test, of_train, written("nowhere")])
    assert more.synthetic == {"rewrite/q1/2"}
    assert more.qrels("train")["rewrite/q1/2"] == real.qrels("train")["q1"]


def test_without_real_queries_whole_documents_are_held_out_as_dev(bare: Dataset) -> None:
    queries = [written(doc_id, index) for doc_id in bare.corpus.ids for index in (1, 2)]
    made = with_queries(bare, queries, dev_fraction=0.4, dev_seed=3)
    dev, train = made.qrels("dev"), made.qrels("train")
    of_dev = {doc_id for grades in dev.values() for doc_id in grades}
    of_train = {doc_id for grades in train.values() for doc_id in grades}
    assert len(of_dev) == round(0.4 * len(bare.corpus)) == 2
    assert not of_dev & of_train
    assert len(dev) + len(train) == len(queries)
    assert "test" not in made.judgements
    again = with_queries(bare, reversed(queries), dev_fraction=0.4, dev_seed=3)
    assert set(again.qrels("dev")) == set(dev)


def test_a_real_test_split_alone_is_kept_for_measuring(real: Dataset) -> None:
    only_test = replace(real, judgements={"test": real.qrels("test")})
    made = with_queries(only_test, [written(doc_id) for doc_id in real.corpus.ids], dev_fraction=0.5)
    assert made.qrels("test") == real.qrels("test")
    assert set(made.judgements) == {"train", "dev", "test"}
    assert not made.synthetic & set(made.qrels("test"))


def test_of_a_few_documents_one_is_held_out_and_of_one_none(bare: Dataset) -> None:
    two = with_queries(bare, [written("d1"), written("d2"), written("d2", 2)])
    assert [len(two.qrels(split)) for split in ("train", "dev")] in ([1, 2], [2, 1])
    one = with_queries(bare, [written("d1"), written("d1", 2)])
    assert set(one.judgements) == {"train"}
    none = with_queries(bare, [written("d1"), written("d2")], dev_fraction=0)
    assert set(none.judgements) == {"train"}


def test_what_cannot_be_used_is_said_with_its_reason(real: Dataset) -> None:
    taken = Query("synthetic/d4/1", "a query of the data set that has this id")
    named = replace(real, queries={**real.queries, taken.id: taken})
    told = Said()
    queries = [
        written("d4"),
        written("gone"),
        written("gone", 2),
        written("d5", rewrites="q3"),
        written("d6"),
        written("gone", 3, status="dropped", reason="not found again"),
    ]
    made = with_queries(named, queries, progress=told)
    assert made.synthetic == {"synthetic/d6/1"}
    assert made.queries[taken.id] == taken
    assert told.warnings == [
        "4 LLM-written queries left out: "
        "1 with the id of a query of the data set (the first is 'synthetic/d4/1'), "
        "2 of a document that is not in the corpus (the first is 'synthetic/gone/1'), "
        "1 a rewording of a query that is not in train (the first is 'rewrite/q3/1')"
    ]
    fine = Said()
    with_queries(real, [written("d6")], progress=fine)
    assert not fine.warnings


def test_a_dev_split_of_written_queries_is_known_to_be_carved(bare: Dataset, real: Dataset) -> None:
    queries = [written(doc_id) for doc_id in bare.corpus.ids]
    assert with_queries(bare, queries, dev_fraction=0.4).carved == {"dev"}
    assert with_queries(bare, queries, dev_fraction=0).carved == frozenset()
    assert with_queries(real, queries, dev_fraction=0.4).carved == real.carved
