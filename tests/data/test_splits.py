from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import Query
from syneg_cli.data.splits import HoldOut, completed, fewer, leaks, split_queries, with_dev, with_test


def alone(doc_id: str) -> frozenset[str]:
    """No two documents have one text."""
    return frozenset({doc_id})


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


def asked(count: int) -> tuple[dict[str, dict[str, int]], dict[str, Query]]:
    return (
        {f"q{i}": {f"d{i}": 1} for i in range(count)},
        {f"q{i}": Query(f"q{i}", f"text {i}") for i in range(count)},
    )


@given(st.permutations(range(20)), st.sampled_from(["test", "train", "dev"]), st.integers(0, 5))
def test_no_query_is_in_train_and_test(order: list[int], source: str, seed: int) -> None:
    qrels, queries = asked(20)
    judged = {source: {f"q{i}": qrels[f"q{i}"] for i in order}}
    splits, _ = completed(judged, queries, HoldOut(test_fraction=0.3, test_seed=seed), alone)
    assert set(splits) == {"train", "dev", "test"}
    parts = [set(splits[name]) for name in splits]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 20
    assert len(splits["test"]) == 6
    assert leaks(splits, queries) == ()
    again, _ = completed({source: qrels}, queries, HoldOut(test_fraction=0.3, test_seed=seed), alone)
    assert {name: set(part) for name, part in again.items()} == {n: set(p) for n, p in splits.items()}


def test_queries_with_the_same_text_are_on_the_same_side() -> None:
    qrels, queries = asked(20)
    queries |= {f"q{i}": Query(f"q{i}", f"Text  {i // 2}") for i in range(20)}
    for seed in range(5):
        splits, _ = with_test({"test": qrels}, queries, 0.5, seed)
        assert len(splits["train"]) == len(splits["test"]) == 10
        assert leaks(splits, queries) == ()


def test_test_is_made_only_where_one_of_the_two_is_missing_and_is_asked_for() -> None:
    qrels, queries = asked(4)
    both = {"train": {"q0": qrels["q0"]}, "test": {"q1": qrels["q1"]}}
    assert with_test(both, queries, 0.5, 0) == (both, ())
    judged_for_dev = {"dev": {"q0": qrels["q0"]}, "test": {"q1": qrels["q1"]}}
    assert with_test(judged_for_dev, queries, 0.5, 0) == (judged_for_dev, ())
    assert with_test({"test": qrels}, queries, 0, 0) == ({"test": qrels}, ())
    one = {"test": {"q0": qrels["q0"]}}
    assert with_test(one, queries, 0.5, 0) == (one, ("1 test query, too few to make train and test of them",))
    assert with_test({"test": qrels}, queries, 0.25, 0)[1] == ("4 test queries, 3 of them made train",)
    assert with_test({"train": qrels}, queries, 0.25, 0)[1] == ("4 train queries, 1 of them made test",)


@given(st.permutations(range(20)), st.integers(1, 10), st.integers(0, 5))
def test_a_smaller_train_is_a_part_of_a_larger_one(order: list[int], count: int, seed: int) -> None:
    qrels, queries = asked(20)
    judged = {"train": {f"q{i}": qrels[f"q{i}"] for i in order}, "test": {"t": {"d1": 1}}}
    queries["t"] = Query("t", "of test")
    whole, _ = completed(judged, queries, HoldOut(), alone)
    small, notes = fewer(whole, count, seed)
    large, _ = fewer(whole, count + 5, seed)
    assert len(small["train"]) == count
    assert small["train"].items() <= large["train"].items() <= whole["train"].items()
    assert {name: small[name] for name in ("dev", "test")} == {name: whole[name] for name in ("dev", "test")}
    assert notes[-1] == f"18 train queries, {count} of them kept (train_queries, seed {seed})"


def test_which_queries_train_keeps_is_the_seeds() -> None:
    qrels, _ = asked(20)
    kept = {frozenset(fewer({"train": qrels}, 5, seed)[0]["train"]) for seed in range(5)}
    assert len(kept) > 1


def test_fewer_queries_than_train_is_to_keep_are_all_kept_and_that_is_said() -> None:
    qrels, _ = asked(3)
    assert fewer({"train": qrels}, 5, 0) == (
        {"train": qrels},
        ("train_queries 5: all 3 train queries are kept",),
    )
    assert fewer({"train": qrels}, 3, 0)[0] == {"train": qrels}
    assert fewer({"train": asked(1)[0]}, 5, 0)[1] == ("train_queries 5: 1 train query is kept",)
    assert fewer({"test": qrels}, 5, 0) == ({"test": qrels}, ("train_queries 5: no train query is judged",))
    assert fewer({"train": qrels}, None, 0) == ({"train": qrels}, ())
