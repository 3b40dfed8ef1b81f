"""Texts of other tools' files: which documents and queries they are, and which negatives are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.data import Dataset, load_dataset
from syneg_cli.mixing.readers import Row, resolve
from tests.conftest import DOCS, QUERIES, write_dataset

TWICE = {"train": [("q0", "d5", 1)], "test": [("q3", "d5", 1)]}


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def full(doc_id: str) -> str:
    return " ".join(DOCS[doc_id])


def test_texts_find_their_documents_and_the_rest_stay_texts(data: Dataset) -> None:
    row = Row(
        "Vitamin D  improves bone density", (full("d1").upper(),), (full("d2"), "not there", full("d1"))
    )
    imported = resolve([row], data)
    assert [(p.query_id, p.doc_id) for p in imported.pairs] == [("q1", "d1")]
    assert [(n.miner, imported.documents.get(n.doc_id, n.doc_id)) for n in imported.negatives] == [
        ("imported", "d2"),
        ("text", "not there"),
    ]
    assert imported.contradicted == 1


def test_a_judged_positive_is_no_negative_whatever_the_file_says(data: Dataset) -> None:
    imported = resolve([Row(QUERIES["q1"], ("another",), (full("d1"), full("d2")))], data)
    assert [n.doc_id for n in imported.negatives] == ["d2"]
    assert imported.contradicted == 1


def test_a_document_without_its_title_is_the_document(data: Dataset) -> None:
    row = Row(QUERIES["q1"], (DOCS["d1"][1],), (DOCS["d1"][1], DOCS["d2"][1].upper(), QUERIES["q1"].upper()))
    imported = resolve([row], data)
    assert [(p.query_id, p.doc_id) for p in imported.pairs] == [("q1", "d1")]
    assert [(n.miner, n.doc_id) for n in imported.negatives] == [("imported", "d2")]
    assert imported.contradicted == 2
    assert not imported.documents


def test_a_text_that_several_documents_have_stands_for_all_of_them(tmp_path: Path) -> None:
    docs = DOCS | {"d7": ("Another title", DOCS["d1"][1]), "d8": ("Third", DOCS["d6"][1])}
    folder = write_dataset(tmp_path / "same", docs)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    bodies = (DOCS["d1"][1], DOCS["d6"][1], full("d6"))
    imported = resolve([Row(QUERIES["q1"], ("x",), bodies)], data)
    assert [imported.documents.get(n.doc_id, n.doc_id) for n in imported.negatives] == [bodies[1], "d6"]
    assert imported.contradicted == 1
    imported = resolve([Row(QUERIES["q1"], (bodies[1],), (full("d6"), "Third " + bodies[1], "y"))], data)
    assert [imported.documents[n.doc_id] for n in imported.negatives] == ["y"]


def test_an_own_query_is_no_negative_of_itself(data: Dataset) -> None:
    imported = resolve([Row("A new one?", ("x",), ("a  new ONE?", "y")), Row("y", ("x",), ("z",))], data)
    assert [imported.documents[n.doc_id] for n in imported.negatives] == ["y", "z"]
    assert imported.contradicted == 1


def test_a_text_that_train_and_test_ask_is_trained_on(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "twice", queries=QUERIES | {"q0": QUERIES["q3"]}, qrels=TWICE)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    imported = resolve([Row(QUERIES["q3"], (full("d5"),), ("y",))], data)
    assert [pair.query_id for pair in imported.pairs] == ["q0"]


def test_queries_of_other_splits_are_left_out(data: Dataset) -> None:
    imported = resolve([Row(QUERIES["q3"], ("x",), ("y",)), Row("new", ("x",), ("y",))], data)
    assert imported.held_out == 1
    assert list(imported.queries.values()) == ["new"]
