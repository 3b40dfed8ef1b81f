from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.data.splits import split_queries, with_dev


@given(st.permutations([f"q{i}" for i in range(12)]), st.integers(0, 5))
def test_the_carved_queries_do_not_depend_on_file_order(order: list[str], seed: int) -> None:
    _, carved = split_queries({q: {"d": 1} for q in order}, 0.25, seed)
    _, again = split_queries({q: {"d": 1} for q in sorted(order)}, 0.25, seed)
    assert set(carved) == set(again)
    assert len(carved) == 3


def test_what_is_there_stays() -> None:
    both = {"train": {"a": {"d": 1}}, "dev": {"b": {"d": 1}}}
    assert with_dev(both, 0.5, 0) == (both, ())
    test = {"test": {"a": {"d": 1}}}
    assert with_dev(test, 0.5, 0) == (test, ())


def test_one_query_cannot_be_split() -> None:
    train = {"train": {"a": {"d": 1}}}
    assert with_dev(train, 0.5, 0) == (train, ())
