"""Search, leave out, keep the first: by hand and against a plain sort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.data.opening import load_dataset
from syneg_cli.evaluation.retrieve import nearest, retrieve
from tests.conftest import write_dataset

DOCUMENTS = np.array([[1, 0], [0, 1], [0.5, 0.5], [1, 0]], dtype=np.float32)
QUERIES = np.array([[1, 0], [0, 1]], dtype=np.float32)


def test_nearest_by_hand() -> None:
    """Scores of the first query: 1, 0, 0.5, 1; of the second: 0, 1, 0.5, 0. Equal ones come in order."""
    found = list(nearest(QUERIES, DOCUMENTS, "abcd", 2))
    assert [list(pool.items()) for pool in found] == [[("a", 1.0), ("d", 1.0)], [("b", 1.0), ("c", 0.5)]]


def test_excluded_documents_make_room_for_the_next() -> None:
    found = list(nearest(QUERIES, DOCUMENTS, "abcd", 2, [{"a", "c"}, {"elsewhere"}]))
    assert [list(pool) for pool in found] == [["d", "b"], ["b", "c"]]


def test_fewer_documents_than_asked_for() -> None:
    assert [list(pool) for pool in nearest(QUERIES, DOCUMENTS, range(4), 9, [{0}, {1}])] == [
        [3, 2, 1],
        [2, 0, 3],
    ]


def test_no_queries() -> None:
    assert list(nearest(QUERIES[:0], DOCUMENTS, "abcd", 2)) == []


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_nearest_is_a_sort_and_a_cut(data: st.DataObject) -> None:
    """Small whole numbers, so that sums are exact and many scores are equal."""
    count, depth = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 45))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    queries, documents = (rng.integers(-2, 3, size=(n, 4)).astype(np.float32) for n in (3, count))
    excluded = [data.draw(st.sets(st.integers(0, count - 1))) for _ in queries]
    for query, out, pool in zip(
        queries, excluded, nearest(queries, documents, range(count), depth, excluded), strict=True
    ):
        scores = (documents @ query).tolist()
        order = [row for row in sorted(range(count), key=lambda row: -scores[row]) if row not in out]
        assert list(pool.items()) == [(row, scores[row]) for row in order[:depth]]


class FakeEncoder:
    """Vectors by hand; the two queries are the two axes."""

    def encode_corpus(self, corpus: object, progress: object = None) -> np.ndarray:
        return DOCUMENTS

    def encode_queries(self, texts: list[str], progress: object = None) -> np.ndarray:
        return QUERIES[[int(text) for text in texts]]


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_a_query_does_not_find_itself(tmp_path: Path, depth: int) -> None:
    """The third document has the id of a query, as in ArguAna; the other query may find it."""
    folder = write_dataset(
        tmp_path / "arguana",
        {"a": ("", "a"), "b": ("", "b"), "q": ("", "c"), "d": ("", "d")},
        {"p": "0", "q": "0"},
        {"test": [("q", "b", 1), ("p", "a", 1)]},
    )
    dataset = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    run = retrieve(dataset, "test", FakeEncoder(), depth=depth)  # type: ignore[arg-type]
    found = {query_id: list(results) for query_id, results in run.items()}
    assert found == {"q": ["a", "d", "b"][:depth], "p": ["a", "d", "q", "b"][:depth]}
