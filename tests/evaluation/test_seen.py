"""The queries whose documents training saw, and the others: by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from syneg_cli.core import MissingArtifact, SyntheticQuery, TrainingInstance
from syneg_cli.data import Dataset, load_dataset, with_queries
from syneg_cli.evaluation import (
    METRICS,
    Evaluation,
    Exposure,
    TrainedOn,
    compare,
    corrected_parts,
    exposure,
    told_of_gain,
)
from tests.conftest import DOCS, write_dataset
from tests.evaluation.test_evaluation import evaluation

TEXTS = {f"q{i}": f"query number {i}" for i in range(1, 9)}
JUDGED = {
    "train": [("q1", "d1", 1), ("q2", "d2", 1), ("q2", "d3", 0)],
    "test": [
        ("q4", "d1", 1),
        ("q4", "d6", 1),  # one of its two is enough
        ("q5", "d3", 1),  # judged in train, and no positive there
        ("q6", "d7", 1),  # a copy of d2
        ("q7", "d4", 1),
        ("q8", "d1", 0),  # no positive at all
    ],
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    folder = write_dataset(tmp_path / "set", docs=DOCS | {"d7": DOCS["d2"]}, queries=TEXTS, qrels=JUDGED)
    return load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0)


def test_a_query_is_seen_by_a_positive_that_was_one_in_training(dataset: Dataset) -> None:
    found = exposure(None, dataset, "test")
    assert found == Exposure(False, ["q4", "q6"], [], ["q5", "q7", "q8"], documents=5, seen_documents=2)


def test_a_document_of_a_written_query_alone_is_counted_apart(dataset: Dataset) -> None:
    texts = [SyntheticQuery(doc_id, 1, f"words {doc_id}", "p", "llm", "k") for doc_id in ("d1", "d4")]
    found = exposure(None, with_queries(dataset, texts), "test")
    assert found is not None
    assert (found.judged, found.written, found.unseen) == (["q4", "q6"], ["q7"], ["q5", "q8"])
    assert found.seen == ["q4", "q6", "q7"]
    assert found.seen_documents == 3


def test_what_the_model_learned_from_counts_not_what_train_is_now(dataset: Dataset) -> None:
    instances = [
        TrainingInstance("q1", "d3", ()),
        TrainingInstance("s", "d4", ()),
        TrainingInstance("q2", "q2/d2/1", (), "synthetic"),  # mirrored: no document of the corpus
    ]
    learned = TrainedOn.instances(instances, dataset, {"s"})
    assert learned.queries == {"q1", "s"}
    assert learned.documents == {"d3"}
    assert learned.written == {"d4"}
    found = exposure(learned, dataset, "test")
    assert found is not None
    assert found.known
    assert (found.judged, found.written, found.unseen) == (["q5"], ["q7"], ["q4", "q6", "q8"])
    nothing = exposure(TrainedOn.instances([], dataset, ()), dataset, "test")
    assert nothing is None


def test_the_record_comes_back_and_is_of_its_data_set_alone(dataset: Dataset, tmp_path: Path) -> None:
    learned = TrainedOn.train(dataset)
    (tmp_path / "trained_on.json").write_text(learned.text())
    assert TrainedOn.read(tmp_path) == learned
    assert learned.of(dataset)
    assert learned.of(replace(dataset, name="other"))  # the same corpus
    other = replace(learned, dataset="other", corpus="x", documents=frozenset({"d9"}))
    assert not other.of(dataset)
    assert learned.joined(other, dataset) == learned
    more = replace(learned, documents=frozenset({"d3"}))
    assert learned.joined(more, dataset).documents == {"d1", "d2", "d3"}
    for broken in ("", "[]", "{}", '{"dataset": "x", "corpus": "y", "queries": 1}'):
        (tmp_path / "trained_on.json").write_text(broken)
        assert TrainedOn.read(tmp_path) is None


def test_a_name_says_nothing_and_the_texts_of_what_was_trained_on_do(
    dataset: Dataset, tmp_path: Path
) -> None:
    learned = TrainedOn.train(dataset)
    elsewhere = replace(learned, corpus="of other files")
    assert elsewhere.of(dataset), "the documents that it was trained on are the same"
    before = replace(elsewhere, texts="")
    assert not before.of(dataset)
    assert "may be others by now" in before.told_of_others("m", dataset)
    (tmp_path / "trained_on.json").write_text(before.text().replace('"texts"', '"another field"'))
    assert TrainedOn.read(tmp_path) == before
    changed = replace(elsewhere, texts="of other texts")
    assert not changed.of(dataset)
    assert "with other documents than it has now" in changed.told_of_others("m", dataset)
    assert changed.told_of_others("m", replace(dataset, name="other")) == ""
    assert learned.told_of_others("m", dataset) == ""
    assert learned.joined(changed, dataset) == learned


QUERIES = [f"q{i}" for i in range(40)]
BASE = dict.fromkeys(QUERIES, 0.5)
SEEN, UNSEEN = QUERIES[:30], QUERIES[30:]
TUNED = dict.fromkeys(SEEN, 0.75) | dict.fromkeys(UNSEEN[:5], 0.75) | dict.fromkeys(UNSEEN[5:], 0.25)


def test_each_part_has_its_means_and_its_comparison() -> None:
    parted = Exposure(True, SEEN[:20], SEEN[20:], UNSEEN, 50, 35)
    tuned = replace(evaluation("tuned", TUNED), exposure=parted)
    other = replace(evaluation("minilm", BASE), exposure=Exposure(False, [], UNSEEN, SEEN, 50, 5))
    parts = tuned.parts(other)
    assert list(parts) == ["seen", "unseen"]
    assert [part.queries for part in parts.values()] == [30, 10]
    assert parts["seen"].metrics == dict.fromkeys(METRICS, 0.75)
    assert parts["unseen"].metrics == dict.fromkeys(METRICS, 0.5)
    assert parts["unseen"].baseline_metrics == dict.fromkeys(METRICS, 0.5)
    assert list(parts["seen"].comparisons) == ["ndcg@10"]
    unseen = parts["unseen"].comparisons["ndcg@10"]
    assert unseen == compare([0.75] * 5 + [0.25] * 5, [0.5] * 10)
    assert (unseen.difference, unseen.wins, unseen.losses) == (0.0, 5, 5)
    gain = tuned.against(other)
    low, high = f"{unseen.low:+.4f}", f"{unseen.high:+.4f}"
    assert gain.told == (
        "Of the gain of +0.1875 in nDCG@10 on all 40 queries, it is +0.2500 [+0.2500, +0.2500] on the 30 "
        f"whose documents training saw, and +0.0000 [{low}, {high}] on the 10 whose documents it never saw: "
        f"undecided there, not to be told from noise (p = {unseen.p:.4f}).",
        "10 unseen test queries tell little: with less than 25, only a large difference can be seen.",
    )
    assert str(gain).endswith("\n".join(gain.told))
    one = replace(tuned, exposure=Exposure(True, SEEN[:1], [], QUERIES[1:], 50, 1)).against(other)
    assert "it is +0.2500 (no interval) on the 1 whose documents training saw" in one.told[0]
    shorter = replace(tuned, max_length=8).against(replace(other, max_length=48))
    told = f"tuned reads 8 tokens of a text, {other.name} 48: that is in the difference, too."
    assert shorter.told == (*gain.told, told)
    assert tuned.told_of_training == (
        "Training of tuned saw a positive of 30 of the 40 queries (35 of 50 documents), and none of 10; "
        "of 10 only through LLM-written queries."
    )
    assert str(tuned).endswith(tuned.told_of_training)


def test_parts_of_several_systems_are_corrected_as_a_family_each() -> None:
    """By hand, of two: the smaller p is doubled, and the larger one is no smaller than that."""
    other = evaluation("minilm", BASE)
    per_system = {
        name: replace(evaluation(name, scores), exposure=Exposure(True, SEEN, [], UNSEEN, 50, 35)).parts(
            other
        )
        for name, scores in {"tuned": TUNED, "noisy": BASE | dict.fromkeys(UNSEEN[:4], 0.75)}.items()
    }
    found = corrected_parts(per_system)
    raw, held = (
        [one[name]["unseen"].comparisons["ndcg@10"] for name in ("tuned", "noisy")]
        for one in (per_system, found)
    )
    low, high = min(each.p for each in raw), max(each.p for each in raw)
    assert sorted(each.p_holm or 0 for each in held) == [min(1, 2 * low), max(min(1, 2 * low), high)]
    assert held[0].family == ("tuned", "noisy")
    whole = compare([*TUNED.values()], [*BASE.values()])
    told = told_of_gain("ndcg@10", whole, found["tuned"])
    assert f"(p = {raw[0].p:.4f}, corrected for 2 comparisons = {held[0].p_holm:.4f})" in told
    alone = corrected_parts({"tuned": per_system["tuned"]})
    assert alone == {"tuned": per_system["tuned"]}, "one alone stays as it is"
    assert corrected_parts({"none": {}}) == {"none": {}}


@pytest.mark.parametrize(
    ("parted", "says"),
    [
        (Exposure(True, [], [], QUERIES, 50, 0), "Training of tuned saw no positive of the 40 queries."),
        (
            Exposure(True, QUERIES, [], [], 50, 50),
            "Training of tuned saw a positive of each of the 40 queries: on others nothing is measured.",
        ),
        (
            Exposure(False, [], [], QUERIES, 50, 0),
            "What tuned was trained on is not known. A training on train sees no positive of the 40 queries.",
        ),
        (None, ""),
    ],
)
def test_where_all_are_seen_or_none_a_line_says_so(parted: Exposure | None, says: str) -> None:
    tuned = replace(evaluation("tuned", TUNED), exposure=parted)
    assert tuned.told_of_training == says
    assert tuned.parts() == {}
    assert tuned.against(evaluation("minilm", BASE)).told == ()


def test_it_is_stored_and_files_of_before_are_read(tmp_path: Path) -> None:
    parted = Exposure(True, SEEN, [], UNSEEN, 50, 35)
    tuned = replace(evaluation("tuned", TUNED), exposure=parted)
    path = tmp_path / "e.json"
    path.write_text(json.dumps(asdict(tuned)))
    assert Evaluation.read(path) == tuned
    held = asdict(tuned)
    del held["exposure"]
    path.write_text(json.dumps(held))
    assert Evaluation.read(path) == replace(tuned, exposure=None)
    wrong = [1, [], {"known": 1}, asdict(parted) | {"judged": "q1"}, asdict(parted) | {"documents": "5"}]
    wrong += [asdict(parted) | {"unseen": [1]}, asdict(parted) | {"more": 1}]
    wrong += [asdict(parted) | {"unseen": ["q-9"]}]
    for broken in wrong:
        path.write_text(json.dumps(held | {"exposure": broken}))
        with pytest.raises(MissingArtifact, match=r"e\.json is not an evaluation"):
            Evaluation.read(path)
    path.write_text(json.dumps(held | {"expansion": float("inf")}))
    with pytest.raises(MissingArtifact, match=r"e\.json is not an evaluation"):
        Evaluation.read(path)
