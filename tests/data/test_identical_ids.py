"""Which document is the query itself: one rule for eval, mine and training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from syneg_cli.core import read_mined
from syneg_cli.data import Dataset, load_dataset
from syneg_cli.evaluation import retrieve, score, without_itself
from tests.conftest import Cli, write_dataset


def numbered(folder: Path, count: int = 4) -> Path:
    """Queries and documents that are both numbered from 0; the answer to a query has its number."""
    return write_dataset(
        folder,
        {str(i): ("", f"document {i}") for i in range(count)},
        {str(i): f"query {i}" for i in range(count)},
        {"test": [(str(i), str(i), 1) for i in range(count)]},
    )


def loaded(folder: Path, **options: str) -> Dataset:
    return load_dataset(str(folder), cache=folder.parent / "cache", dev_fraction=0, **options)  # type: ignore[arg-type]


class Perfect:
    """Query i is nearest to document i."""

    def encode_corpus(self, corpus: object, progress: object = None) -> np.ndarray:
        return np.eye(4, dtype=np.float32)

    def encode_queries(self, texts: list[str], progress: object = None) -> np.ndarray:
        return np.eye(4, dtype=np.float32)[: len(texts)]


@pytest.mark.parametrize("mode", ["auto", "keep", "drop"])
def test_a_judged_document_is_never_left_out(tmp_path: Path, mode: str) -> None:
    """Where both are numbered from 0, a perfect retriever has nDCG@10 1.0."""
    data = loaded(numbered(tmp_path / "numbers"), identical_ids=mode)
    run = retrieve(data, "test", Perfect())  # type: ignore[arg-type]
    assert score(run, data.qrels("test")).metrics["ndcg@10"] == 1.0
    assert without_itself(run, data) == (run, 0)


def test_a_document_with_the_querys_id_but_another_text_is_found(tmp_path: Path) -> None:
    folder = numbered(tmp_path / "numbers")
    (folder / "qrels" / "test.tsv").write_text("0\t1\t1\n")
    assert loaded(folder).itself("0") == frozenset()
    assert loaded(folder, identical_ids="drop").itself("0") == {"0"}


@pytest.mark.parametrize(
    ("title", "text"),
    [("", "A  Claim"), ("Some title", "a claim"), ("A", "claim")],
)
def test_the_same_id_and_text_is_the_query_itself(tmp_path: Path, title: str, text: str) -> None:
    folder = write_dataset(
        tmp_path / "args",
        {"q": (title, text), "a": ("", "an answer")},
        {"q": "a claim"},
        {"test": [("q", "a", 1)]},
    )
    assert loaded(folder).itself("q") == {"q"}
    assert loaded(folder, identical_ids="keep").itself("q") == frozenset()
    assert without_itself({"q": {"q": 2.0, "a": 1.0}}, loaded(folder)) == ({"q": {"a": 1.0}}, 1)


@pytest.mark.parametrize("name", ["arguana", "beir--quora--test"])
def test_known_data_sets_need_no_equal_text(tmp_path: Path, name: str) -> None:
    folder = write_dataset(
        tmp_path / name, {"q": ("", "full text"), "a": ("", "b")}, {"q": "text"}, {"test": [("q", "a", 1)]}
    )
    assert loaded(folder).itself("q") == {"q"}


def test_the_querys_own_text_is_never_mined(tmp_path: Path, cli: Cli) -> None:
    """Two duplicates, one of them with the query's id: both are as near as can be, and no negatives."""
    docs = {
        "q": ("", "which apples are red"),
        "twin": ("", "Which apples  are RED"),
        "titled": ("Fruit", "which apples are red"),
        "a": ("", "red apples are called gala"),
        "n": ("", "which pears are red"),
    }
    folder = write_dataset(tmp_path / "dup", docs, {"q": "which apples are red"}, {"train": [("q", "a", 1)]})
    for mode in ("auto", "keep"):
        result = cli(
            "mine", folder, "--miner", "bm25", "--identical-ids", mode, "--set", "mine.near_copies=off"
        )
        assert result.code == 0, result.err
        (mined,) = Path(".syneg/dup/mined").glob("*.jsonl")
        assert [negative.doc_id for negative in read_mined(mined)] == ["n"]
    assert "have its text, never its negatives: 3" in result.out
    assert loaded(folder).excluded("q") == {"q", "twin", "titled", "a"}


def test_a_run_is_measured_by_the_same_rule_and_again_when_it_changes(tmp_path: Path, cli: Cli) -> None:
    """The query itself on rank 1 takes nDCG@10 from 1 to 1 / log2(3) = 0.6309."""
    folder = write_dataset(
        tmp_path / "args",
        {"q": ("", "a claim"), "a": ("", "an answer")},
        {"q": "a claim"},
        {"test": [("q", "a", 1)]},
    )
    run = tmp_path / "their.trec"
    run.write_text("q Q0 q 1 2 x\nq Q0 a 2 1 x\n")
    dropped = cli("eval", folder, "--run", run, "--json")
    assert "each for the query that it is itself: 1 (identical_ids = auto)" in dropped.err
    stored = json.loads(next(Path(".syneg/args/eval").glob("run-their-*-test.json")).read_text())
    assert stored["metrics"]["ndcg@10"] == 1.0
    kept = cli("eval", folder, "--run", run, "--identical-ids", "keep")
    assert "0.6309" in kept.out
    assert "identical_ids changed: 'auto' -> 'keep'" in kept.err
    assert "1.0000" in cli("eval", folder, "--run", run).out
