"""Hybrid search: an encoder's similarities and BM25's scores, added up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

import syneg_cli as syneg
from syneg_cli.core import NoProgress, UsageError
from syneg_cli.encoding import best_rows, similarities
from syneg_cli.evaluation.hybrid import with_words
from syneg_cli.mining import bm25_run
from tests.conftest import DOCS, QUERIES, Cli
from tests.evaluation.searching import trained_and_apart

WEIGHT = 0.5
HYBRID = ("--lexical", WEIGHT)


def test_the_best_document_by_words_gets_the_weight_and_others_in_proportion() -> None:
    near, words = np.array([0.2, 0.5, -0.1], np.float32), np.array([4.0, 1.0, 0.0], np.float32)
    assert with_words(near, words, 0.5) == pytest.approx([0.7, 0.625, -0.1])
    assert with_words(near, words, 0.0) == pytest.approx(near)
    assert with_words(near, np.zeros(3, np.float32), 0.5) == pytest.approx(near), "no word is found"
    assert with_words(near[:0], words[:0], 0.5).shape == (0,)


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(-1, 40))
def test_best_rows_are_a_stable_sort(values: list[int], k: int) -> None:
    expected = sorted(range(len(values)), key=lambda row: -values[row])[: max(0, k)]
    assert best_rows(np.array(values, np.float32), k).tolist() == expected


def test_similarities_are_the_same_in_blocks() -> None:
    rng = np.random.default_rng(0)
    queries, documents = (rng.standard_normal((n, 5)).astype(np.float32) for n in (3, 11))
    assert similarities(queries, documents, block=4) == pytest.approx(queries @ documents.T, abs=1e-6)
    assert similarities(queries, documents[:0]).shape == (3, 0)


def test_eval_ranks_by_the_sum(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """Against sentence-transformers' similarities and BM25's scores of all documents."""
    asked = ("eval", tiny, "--backbone", tiny_model, "--precision", "fp32")
    found: Any = cli(*asked, *HYBRID, "--json").json
    model = SentenceTransformer(str(tiny_model))
    data = syneg.load_dataset(str(tiny))
    for line in Path(found["run"]).read_text(encoding="utf-8").splitlines():
        query_id, _, doc_id, _, score, _ = line.split()
        near = model.similarity(
            model.encode_query(QUERIES[query_id]), model.encode_document(data.corpus[doc_id].full_text)
        )
        words = bm25_run(data, [query_id], len(DOCS), NoProgress())[query_id]
        share = words.get(doc_id, 0.0) / max(words.values())
        assert float(score) == pytest.approx(near.item() + WEIGHT * share, abs=1e-5), (query_id, doc_id)
    library = syneg.evaluate(str(tiny_model), data, precision="fp32", lexical=WEIGHT)
    assert library.metrics == pytest.approx(found["metrics"])
    assert (
        library.told_of_search == "Hybrid search: similarity + 0.5 x BM25's score over its best document's."
    )
    assert library.told_of_search in str(library)
    assert library.name.endswith("+bm25x0.5")


def test_both_are_kept_and_told_apart(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    (Path("st")).symlink_to(tiny_model)
    asked = ("eval", tiny, "--model", "st", "--baseline", "none")
    alone = cli(*asked, "--json").json
    together = cli(*asked, *HYBRID, "--json").json
    assert (alone["name"], alone["lexical"]) == (tiny_model.name, 0.0)
    assert (together["name"], together["lexical"]) == (f"{tiny_model.name}+bm25x0.5", WEIGHT)
    assert "up to date" in cli(*asked).err
    shown = cli(*asked, *HYBRID)
    assert "up to date" in shown.err
    assert "Hybrid search: similarity + 0.5 x BM25's score" in shown.out
    several = cli("eval", tiny, "--model", "st", "--model", "bm25", "--baseline", "none", *HYBRID)
    assert several.out.count("Hybrid search: ") == 1, "BM25 is as it is"
    assert cli(*asked, *HYBRID, "--set", "dataset.language=german").err.count("running (") == 1


def test_what_is_compared_with_has_the_words_too(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    Path("other").symlink_to(tiny_model)
    found: Any = cli("eval", tiny, "--model", "other", "--backbone", tiny_model, *HYBRID, "--json").json
    assert found["baseline"]["name"].endswith("+bm25x0.5")
    assert found["baseline"]["metrics"] == found["metrics"], "one model by two names"


def test_a_run_has_no_similarities(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    run = cli("eval", tiny, "--backbone", tiny_model, "--json").json["run"]
    for systems in (("--run", run), ("--model", "bm25"), ("--run", run, "--baseline", "bm25")):
        refused = cli("eval", tiny, *systems, *HYBRID)
        assert refused.code == 2
        assert "no model is measured" in refused.err
    assert cli("eval", tiny, "--run", run, "--backbone", tiny_model, *HYBRID).code == 0
    data = syneg.load_dataset(str(tiny))
    with pytest.raises(UsageError, match="a run has none"):
        syneg.evaluate({"q3": {"d1": 1.0}}, data, lexical=WEIGHT)


@pytest.mark.parametrize("weight", ["-0.5", "nan", "inf", "x"])
def test_a_weight_that_is_none(cli: Cli, tiny: Path, tiny_model: Path, weight: str) -> None:
    refused = cli("eval", tiny, "--backbone", tiny_model, f"--lexical={weight}")
    assert refused.code == 2
    assert "lexical" in refused.err


def test_a_cross_encoder_reads_what_both_find(
    cli: Cli, tiny: Path, tiny_model: Path, tiny_cross_encoder: Path
) -> None:
    rerank = ("--rerank", tiny_cross_encoder, "--depth", 2)
    found: Any = cli("eval", tiny, "--backbone", tiny_model, *rerank, *HYBRID, "--json").json
    assert "+bm25x0.5+" in found["name"]
    assert found["baseline"]["name"].endswith("+bm25x0.5")
    assert found["lexical"] == WEIGHT


def test_mteb_knows_it_as_a_system_of_its_own(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    asked = ("eval", tiny, "--model", tiny_model, "--baseline", "none", "--format", "mteb")
    for weight in (0, 0.5, 1):
        assert cli(*asked, "--lexical", weight).code == 0
    files = {path.parent.parent.name: path for path in Path("results").glob("*/*/tiny.json")}
    assert sorted(files) == [tiny_model.name, *(f"{tiny_model.name}+bm25x{w}" for w in ("0.5", "1"))]
    assert len({path.parent.name for path in files.values()}) == 3, "three revisions"
    notes = json.loads(files[f"{tiny_model.name}+bm25x1"].read_text())["scores"]["test"][0]["notes"]
    assert any("Hybrid search: similarity + 1 x BM25's" in note for note in notes)


def test_neither_card_nor_page_takes_it_for_the_models_own(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    page = trained_and_apart(
        cli, tiny, tiny_model, "lexical", WEIGHT, "+bm25x0.5", "Hybrid search: similarity + 0.5"
    )
    assert cli("report", "--set", "eval.lexical=2").code == 0
    told = page.read_text(encoding="utf-8")
    assert "not measured on test yet" in told
