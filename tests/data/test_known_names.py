"""A public data set is known by its name, whoever it was fetched from and however that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.data import beir_name, folder_called, load_dataset
from tests.conftest import DOCS, QUERIES, write_dataset

SCIFACT = ["scifact", "SciFact", "irds:beir/scifact", "irds:beir/scifact/train", "mteb:SciFact"]
SCIFACT += ["hub:BeIR/scifact", "hub:mteb/scifact"]


@pytest.mark.parametrize("name", SCIFACT)
def test_what_counts_as_relevant_is_found_under_every_name(tmp_path: Path, name: str) -> None:
    folder = write_dataset(tmp_path / folder_called(name))
    data = load_dataset(str(folder), cache=tmp_path / "cache")
    assert "refutes" in data.relevance
    assert "Virology" in data.attributes["domain"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mteb:FiQA2018", "fiqa"),
        ("mteb:QuoraRetrieval", "quora"),
        ("hub:mteb/hotpotqa", "hotpotqa"),
        ("irds:beir/nfcorpus/dev", "nfcorpus"),
        ("irds:nfcorpus", ""),
        ("mteb:NanoSciFactRetrieval", ""),
        ("hub:BeIR/scifact-generated-queries", ""),
        ("my-scifact", ""),
    ],
)
def test_one_table_of_names(name: str, known: str) -> None:
    assert beir_name(folder_called(name)) == known


@pytest.mark.parametrize("name", ["arguana", "mteb:ArguAna", "mteb:QuoraRetrieval", "irds:beir/quora/test"])
def test_queries_that_are_documents_are_known_under_every_name(tmp_path: Path, name: str) -> None:
    """A document with a query's id is the query there, though its text is another."""
    docs = {**DOCS, "q3": ("", "a turn of a debate")}
    folder = write_dataset(tmp_path / folder_called(name), docs=docs, queries=QUERIES)
    data = load_dataset(str(folder), cache=tmp_path / "cache")
    assert data.itself("q3") == {"q3"}
