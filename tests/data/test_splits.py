from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import Query
from syneg_cli.data.splits import leaks, split_queries, with_dev


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
    assert with_dev(train, 0.5, 0)[0] == train


def test_the_hold_out_is_said_even_where_it_is_too_small() -> None:
    train = {"train": {f"q{i}": {"d": 1} for i in range(8)}}
    assert with_dev(train, 0.1, 0)[1] == ("8 train queries, 1 of them held out as dev",)
    assert with_dev({"train": {"a": {"d": 1}}}, 0.1, 0)[1] == ("1 train query, too few to hold any out",)
    dev = {"dev": {f"q{i}": {"d": 1} for i in range(4)}}
    assert with_dev(dev, 0.25, 0)[1] == ("4 dev queries, 3 of them held out as train",)


def test_queries_of_test_that_are_in_train_are_warned_of_by_id_and_by_text() -> None:
    queries = {"a": Query("a", "One thing"), "b": Query("b", "one  THING"), "c": Query("c", "another")}
    train = {"a": {"d": 1}}
    assert leaks({"train": train, "test": {"a": {"d": 1}, "c": {"d": 1}}}, queries) == (
        "1 query of test is in train, too (the first is 'a'): what test measures is partly what was trained on",
    )
    assert "2 queries of dev are in train" in leaks({"train": train, "dev": {"a": {}, "b": {}}}, queries)[0]
    assert leaks({"train": train, "test": {"c": {}}}, queries) == ()
    assert leaks({"test": {"a": {}}}, queries) == ()
