"""Documents of dev and test kept out of training, and splits that share none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import DatasetError, Query, SyntheticQuery
from syneg_cli.data import Dataset, kept_apart, load_dataset, shared_positives, with_queries
from syneg_cli.data.resplit import resplit
from tests.conftest import DOCS, Cli, write_dataset

TEXTS = {f"q{i}": f"query number {i}" for i in range(1, 8)}
JUDGED = {
    "train": [("q1", "d1", 1), ("q1", "d2", 1), ("q2", "d3", 1), ("q3", "d4", 1), ("q3", "d1", 0)],
    "dev": [("q4", "d4", 1)],
    "test": [("q5", "d1", 1), ("q6", "d5", 1), ("q7", "d3", 0)],
}
"""d1 is a positive of train and test, d4 of train and dev; d3 is judged, and no positive, in test."""


def opened(tmp_path: Path, **options: object) -> Dataset:
    folder = write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED)
    return load_dataset(str(folder), cache=tmp_path / "cache", **options)  # type: ignore[arg-type]


def written(doc_id: str, index: int = 1, **more: object) -> SyntheticQuery:
    return SyntheticQuery(doc_id, index, f"words {doc_id} {index}", "p", "llm", "k", **more)  # type: ignore[arg-type]


def pairs(dataset: Dataset) -> list[tuple[str, str]]:
    return [(pair.query_id, pair.doc_id) for pair in dataset.pairs("train")]


def test_pairs_whose_document_dev_or_test_asks_for_are_left_out(tmp_path: Path) -> None:
    whole = opened(tmp_path)
    apart = kept_apart(whole)
    assert pairs(apart) == [("q1", "d2"), ("q2", "d3")]
    assert "q3" not in apart.qrels("train")  # its only positive is dev's
    assert apart.kept_out == {"d1", "d4", "d5"}
    assert apart.notes[-1] == (
        "disjoint: 2 of 4 training pairs left out, whose document is a positive of dev or test; "
        "1 query has no other"
    )
    assert apart.positives("q1") == {"d1", "d2"}  # d1 never becomes a negative of q1
    assert "d1" in apart.excluded("q1")
    assert apart.qrels("test") == whole.qrels("test")
    assert apart.content == whole.content  # one data set, whose results may be beside each other
    assert apart.inputs("train") != whole.inputs("train")  # what was made before is stale
    assert kept_apart(apart).judgements == apart.judgements


def test_a_copy_of_a_document_of_test_is_left_out_too(tmp_path: Path) -> None:
    folder = write_dataset(
        tmp_path / "copies",
        docs=DOCS | {"d9": DOCS["d5"]},
        queries=TEXTS,
        qrels={"train": [("q1", "d9", 1), ("q2", "d3", 1)], "test": [("q5", "d5", 1)]},
    )
    whole = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)
    assert pairs(kept_apart(whole)) == [("q2", "d3")]
    assert "1 of 1 test positives is a positive of train" in shared_positives(whole)


def test_written_queries_and_rewordings_are_left_out_alike(tmp_path: Path) -> None:
    queries = [
        written("d5"),  # a positive of test
        written("d6", also_relevant=("d5",)),
        written("d1", 2, rewrites="q1"),
        written("d4", 3, rewrites="q3"),
    ]
    expected = {
        ("q1", "d2"),
        ("q2", "d3"),
        ("synthetic/d6/1", "d6"),
        ("rewrite/q1/2", "d2"),
    }
    after = kept_apart(with_queries(opened(tmp_path), queries))
    before = with_queries(kept_apart(opened(tmp_path)), queries)
    assert set(pairs(after)) == set(pairs(before)) == expected
    assert before.judgements == after.judgements
    assert before.positives("rewrite/q1/2") == {"d1", "d2"}


def test_nothing_left_to_train_on_is_said(tmp_path: Path) -> None:
    folder = write_dataset(
        tmp_path / "same", queries=TEXTS, qrels={"train": [("q1", "d1", 1)], "test": [("q5", "d1", 1)]}
    )
    with pytest.raises(DatasetError, match="disjoint leaves same no training pair: each of the 1 has"):
        kept_apart(load_dataset(str(folder), cache=tmp_path / "cache"))


def test_how_many_positives_train_shares(tmp_path: Path) -> None:
    dataset = opened(tmp_path)
    assert shared_positives(dataset).startswith(
        "1 of 2 test positives is a positive of train, too (1 of 3 queries has one)"
    )
    assert shared_positives(dataset, "dev").startswith("1 of 1 dev positives is")
    assert shared_positives(kept_apart(dataset)) == ""
    assert shared_positives(dataset, "train") == ""


def test_by_hand_what_hangs_together_stays_together() -> None:
    """q1 and q2 share a, q2 and q3 share b; q4 has a copy of c, which q5 has; q6 asks what q7 asks."""
    judged = {
        "train": {
            "q1": {"a": 1},
            "q2": {"a": 1, "b": 2},
            "q4": {"c": 1},
            "q6": {"x": 1},
            "q8": {"y": 1, "a": 0},
        },
        "test": {"q3": {"b": 1}, "q5": {"c2": 1}, "q7": {"z": 1}},
    }
    queries = {f"q{i}": Query(f"q{i}", "the same" if i in (6, 7) else f"text {i}") for i in range(1, 9)}
    copies = {"c": frozenset({"c", "c2"}), "c2": frozenset({"c", "c2"})}
    for seed in range(20):
        made, note = resplit(judged, queries, lambda d: copies.get(d, frozenset({d})), seed)
        assert {split: len(qrels) for split, qrels in made.items()} == {"train": 5, "test": 3}
        side = {query_id: split for split, qrels in made.items() for query_id in qrels}
        assert side["q1"] == side["q2"] == side["q3"]
        assert side["q4"] == side["q5"]
        assert side["q6"] == side["q7"]
        assert note == (
            f"split by documents (seed {seed}): 5 train (before: 5), 3 test (before: 3); "
            "the largest group has 3 queries"
        )
    sides = {frozenset(resplit(judged, queries, lambda d: frozenset({d}), s)[0]["test"]) for s in range(20)}
    assert len(sides) > 3  # the seed decides


graphs = st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=3), min_size=6, max_size=60)


@given(graphs, st.integers(0, 9), st.integers(1, 5))
def test_no_two_splits_share_a_positive_and_every_query_is_there_once(
    graph: list[set[int]], seed: int, cut: int
) -> None:
    judged = {f"q{i}": {f"d{d}": 1 for d in docs} for i, docs in enumerate(graph)}
    ids = [*judged]
    splits = {"train": {q: judged[q] for q in ids[cut:]}, "test": {q: judged[q] for q in ids[:cut]}}
    queries = {q: Query(q, q) for q in ids}
    try:
        made, _ = resplit(splits, queries, lambda d: frozenset({d}), seed)
    except DatasetError:  # one group is nearly all
        return
    documents = {split: {d for grades in qrels.values() for d in grades} for split, qrels in made.items()}
    assert not documents["train"] & documents["test"]
    assert sorted([*made["train"], *made["test"]]) == sorted(ids)
    largest = max(len(group) for group in components(judged))
    for split, qrels in made.items():
        assert abs(len(qrels) - len(splits[split])) < largest
    turned = {split: dict(reversed(qrels.items())) for split, qrels in splits.items()}
    again, _ = resplit(turned, queries, lambda d: frozenset({d}), seed)
    assert {s: set(q) for s, q in again.items()} == {s: set(q) for s, q in made.items()}


def components(judged: dict[str, dict[str, int]]) -> list[set[str]]:
    """By growing each group until nothing joins it: slow, and plain."""
    left, found = set(judged), []
    while left:
        group = {left.pop()}
        while more := {q for q in left if any(judged[q].keys() & judged[one].keys() for one in group)}:
            group |= more
            left -= more
        found.append(group)
    return found


def test_the_settings_deal_the_queries_out_anew(tmp_path: Path) -> None:
    dataset = opened(tmp_path, resplit_by="documents", resplit_seed=1)
    assert {split: len(qrels) for split, qrels in dataset.judgements.items()} == {
        "dev": 1,
        "test": 3,
        "train": 3,
    }
    assert shared_positives(dataset) == shared_positives(dataset, "dev") == ""
    assert "split by documents (seed 1)" in dataset.notes[-1]
    assert dataset.content == opened(tmp_path).content


def test_init_warns_of_shared_documents(cli: Cli, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED)
    result = cli("init", folder)
    assert result.code == 0, result.err
    told = " ".join(result.err.split())
    assert "1 of 2 test positives is a positive of train, too (1 of 3 queries has one)" in told
    assert "`disjoint = true` in [dataset] trains without these documents" in told


def test_all_that_makes_training_data_takes_disjoint(cli: Cli, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "set", queries=TEXTS, qrels=JUDGED)
    options = (folder, "--miner", "random", "--json")
    whole = cli("mine", *options).json
    apart = cli("mine", *options, "--disjoint")
    assert apart.code == 0, apart.err
    assert "disjoint: 2 of 4 training pairs left out" in apart.err
    first, second = whole["miners"][0], apart.json["miners"][0]  # type: ignore[index]
    assert (first["queries"], second["queries"]) == (3, 2)
    assert second["reason"] == "train qrels changed"
    rows = Path(".syneg/set/mined/random.jsonl").read_text()
    assert '"q3"' not in rows
    assert not [row for row in rows.splitlines() if '"q1"' in row and '"doc_id": "d1"' in row]
