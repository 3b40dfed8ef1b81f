"""Search against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core.errors import UsageError
from syneg_cli.encoding.index import Index, exact, overlap


def brute_force(queries: np.ndarray, documents: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = queries @ documents.T
    order = np.array([sorted(range(len(documents)), key=lambda d: (-row[d], d))[:k] for row in scores])
    return np.take_along_axis(scores, order, axis=1), order


def whole_numbers(seed: int, rows: int, columns: int = 3) -> np.ndarray:
    """Small whole numbers: inner products are exact, and many are equal."""
    return np.random.default_rng(seed).integers(-2, 3, (rows, columns)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 25), st.integers(1, 60), st.integers(1, 70), st.integers(1, 70))
def test_exact_search_is_brute_force(seed: int, n: int, m: int, k: int, block: int) -> None:
    queries, documents = whole_numbers(seed, n), whole_numbers(seed + 1, m)
    scores, rows = exact(queries, documents, k, block=block)
    expected_scores, expected_rows = brute_force(queries, documents, min(k, m))
    assert np.array_equal(rows, expected_rows)
    assert np.array_equal(scores, expected_scores)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64


def test_equal_scores_come_in_row_order() -> None:
    documents = np.ones((40, 2), dtype=np.float32)
    _, rows = exact(np.ones((1, 2), dtype=np.float32), documents, 3)
    assert rows.tolist() == [[0, 1, 2]]


def test_documents_may_be_memory_mapped(tmp_path: object) -> None:
    from pathlib import Path

    documents = whole_numbers(1, 50)
    np.save(Path(str(tmp_path)) / "d.npy", documents)
    mapped = np.load(Path(str(tmp_path)) / "d.npy", mmap_mode="r")
    assert np.array_equal(exact(documents[:5], mapped, 4)[1], exact(documents[:5], documents, 4)[1])


@pytest.mark.parametrize("factory", ["HNSW16", "IVF8,Flat", pytest.param("PQ4", marks=pytest.mark.slow)])
def test_an_approximate_index_says_its_recall(factory: str) -> None:
    documents = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    index = Index(documents, factory)
    scores, rows = index.search(documents[:30], 5)
    nearest = exact(documents[:30], documents, 5)[1]
    assert index.recall == pytest.approx(overlap(rows, nearest))
    assert factory in index.recall_note
    assert (np.diff(scores, axis=1) <= 0).all()


def test_search_parameters_change_the_recall() -> None:
    documents = np.random.default_rng(0).normal(size=(1000, 16)).astype(np.float32)
    few, all_lists = (Index(documents, "IVF16,Flat", options=f"nprobe={n}") for n in (1, 16))
    few.search(documents[:50], 10)
    all_lists.search(documents[:50], 10)
    assert few.recall is not None
    assert few.recall < 0.9
    assert all_lists.recall == 1.0


@pytest.mark.parametrize("factory", ["Flatt", "IVF4096,Flat"])
def test_an_impossible_index_is_explained(factory: str) -> None:
    documents = np.zeros((10, 4), dtype=np.float32)
    with pytest.raises(UsageError, match=factory.split(",")[0]):
        Index(documents, factory).search(documents, 2)


def test_overlap() -> None:
    assert overlap(np.array([[1, 2], [3, -1]]), np.array([[2, 1], [3, 4]])) == 0.75


@pytest.mark.slow
def test_many_equal_scores_at_the_cut_are_settled_by_row() -> None:
    """FAISS alone keeps any of them: seen with 41 queries, 516 documents and k = 80."""
    for seed in range(60):
        draw = np.random.default_rng(seed)
        documents = draw.integers(-1, 2, (int(draw.integers(200, 2000)), 2)).astype(np.float32)
        queries = draw.integers(-2, 3, (int(draw.integers(5, 60)), 2)).astype(np.float32)
        k = int(draw.integers(60, 190))
        assert np.array_equal(exact(queries, documents, k)[1], brute_force(queries, documents, k)[1])
