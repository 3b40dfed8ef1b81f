from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from syneg_cli.core.errors import DatasetError
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from tests.conftest import DOCS, write_dataset


def load(folder: Path, tmp_path: Path, **options: object) -> Dataset:
    return load_dataset(str(folder), cache=tmp_path / "cache", **options)  # type: ignore[arg-type]


def test_reads_a_folder(tiny: Path, tmp_path: Path) -> None:
    data = load(tiny, tmp_path, dev_fraction=0.0)
    assert data.name == "tiny"
    assert data.corpus.ids == list(DOCS)
    assert data.corpus["d3"].full_text.startswith("Aspirin trial Low dose")
    assert data.corpus.texts([2, 0])[1] == data.corpus["d1"].full_text
    assert [(p.query_id, p.doc_id) for p in data.pairs("train")] == [("q1", "d1"), ("q2", "d3"), ("q4", "d2")]
    assert [(start, len(texts)) for start, texts in data.corpus.blocks(4)] == [(0, 4), (4, 2)]


def test_the_corpus_is_converted_once(tiny: Path, tmp_path: Path) -> None:
    load(tiny, tmp_path)
    (arrow,) = (tmp_path / "cache").glob("*.arrow")
    before = arrow.stat().st_mtime_ns
    load(tiny, tmp_path)
    assert arrow.stat().st_mtime_ns == before


def test_identical_texts_are_excluded_with_the_positive(tmp_path: Path) -> None:
    docs = {
        **DOCS,
        "copy": ("VITAMIN D and bone", " Vitamin D supplements raise bone  density in older women."),
    }
    data = load(write_dataset(tmp_path / "x", docs=docs), tmp_path)
    assert data.excluded("q1") == {"d1", "copy"}
    assert data.excluded("q2") == {"d3"}


def test_grade_zero_is_no_positive(tmp_path: Path) -> None:
    qrels = {"train": [("q1", "d1", 1), ("q1", "d2", 0)], "test": [("q3", "d5", 2)]}
    data = load(write_dataset(tmp_path / "x", qrels=qrels), tmp_path)
    assert data.positives("q1") == {"d1"}


def test_dev_is_carved_from_train_and_never_from_test(tmp_path: Path) -> None:
    queries = {f"q{i}": f"query {i}" for i in range(40)}
    qrels = {
        "train": [(f"q{i}", "d1", 1) for i in range(30)],
        "test": [(f"q{i}", "d2", 1) for i in range(30, 40)],
    }
    data = load(write_dataset(tmp_path / "x", queries=queries, qrels=qrels), tmp_path, dev_fraction=0.2)
    train, dev, test = (set(data.qrels(s)) for s in ("train", "dev", "test"))
    assert len(dev) == 6
    assert not train & dev
    assert train | dev == {f"q{i}" for i in range(30)}
    assert len(test) == 10
    assert data.notes == ("30 train queries, 6 of them held out as dev",)


def test_train_is_carved_from_dev_where_there_is_no_train(tmp_path: Path) -> None:
    qrels = {"dev": [("q1", "d1", 1), ("q2", "d3", 1)], "test": [("q3", "d5", 1)]}
    data = load(write_dataset(tmp_path / "x", qrels=qrels), tmp_path, dev_fraction=0.5)
    assert len(data.qrels("train")) == len(data.qrels("dev")) == 1


def test_unknown_split(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="Did you mean 'test'"):
        load(tiny, tmp_path).qrels("tests")


def test_lines_of_the_corpus_stay_in_order(tmp_path: Path) -> None:
    docs = {f"d{i}": (f"t{i}", f"text {i}") for i in range(25)}
    folder = write_dataset(tmp_path / "x", docs=docs, qrels={"test": [("q1", "d3", 1)]})
    data = load(folder, tmp_path)
    assert data.corpus.texts() == [f"t{i} text {i}" for i in range(25)]
    assert json.loads((folder / "corpus.jsonl").read_text().splitlines()[3])["_id"] == data.corpus.ids[3]


def test_scifacts_files_are_the_published_ones(shared: Path) -> None:
    digest = hashlib.sha256((shared / "data/scifact/corpus.jsonl").read_bytes()).hexdigest()
    assert digest.startswith("dec31c81")
