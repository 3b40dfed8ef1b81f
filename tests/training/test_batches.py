from __future__ import annotations

from syneg_cli.core.records import SYNTHETIC, TEXT, NegativeRef, TrainingInstance
from syneg_cli.mixing.families import families
from syneg_cli.mixing.mirror import mirrored
from syneg_cli.training.batches import build_batch


def instance(query: str, positive: str, *rounds: list[tuple[str, str]]) -> TrainingInstance:
    return TrainingInstance(
        query, positive, tuple(tuple(NegativeRef(source, id) for source, id in drawn) for drawn in rounds)
    )


RELEVANT = {"q1": frozenset({"p1", "p1b"}), "q2": frozenset({"p2"})}


def masked_names(batch: object, row: int) -> set[str]:
    from syneg_cli.training.batches import Batch

    assert isinstance(batch, Batch)
    return {ref.id for ref, out in zip(batch.documents, batch.masked[row], strict=True) if out}


def test_documents_are_encoded_once_whoever_brought_them() -> None:
    batch = build_batch(
        [instance("q1", "p1", [("dense", "x")]), instance("q2", "p2", [("bm25", "x"), ("dense", "p1")])],
        0,
        RELEVANT.__getitem__,
        in_batch=True,
    )
    assert [ref.id for ref in batch.documents] == ["p1", "x", "p2"]
    assert batch.positives == (0, 2)
    assert not any(any(row) for row in batch.masked)


def test_other_judged_positives_are_masked() -> None:
    batch = build_batch(
        [instance("q1", "p1", []), instance("q2", "p2", [("dense", "p1b")])],
        0,
        RELEVANT.__getitem__,
        in_batch=True,
    )
    assert masked_names(batch, 0) == {"p1b"}
    assert masked_names(batch, 1) == set()


def test_without_in_batch_only_the_own_documents_take_part() -> None:
    batch = build_batch(
        [instance("q1", "p1", [("dense", "x")]), instance("q2", "p2", [(SYNTHETIC, "q2/p2/1")])],
        0,
        RELEVANT.__getitem__,
        in_batch=False,
    )
    assert masked_names(batch, 0) == {"p2", "q2/p2/1"}
    assert masked_names(batch, 1) == {"p1", "x"}


def test_two_positives_of_one_query_do_not_fight() -> None:
    batch = build_batch(
        [instance("q1", "p1", []), instance("q1", "p1b", [])], 0, RELEVANT.__getitem__, in_batch=True
    )
    assert batch.masked == ((False, True), (True, False))


def test_a_synthetic_id_that_equals_a_document_id_is_another_text() -> None:
    batch = build_batch(
        [instance("q1", "p1", [(SYNTHETIC, "p1b"), ("dense", "p9")])], 0, RELEVANT.__getitem__, in_batch=True
    )
    assert masked_names(batch, 0) == set()


def test_the_epoch_chooses_the_round() -> None:
    one = instance("q1", "p1", [("dense", "a")], [("dense", "b")])
    names = [
        [ref.id for ref in build_batch([one], epoch, RELEVANT.__getitem__, in_batch=True).documents]
        for epoch in range(3)
    ]
    assert names == [["p1", "a"], ["p1", "b"], ["p1", "a"]]


def family() -> list[TrainingInstance]:
    """The pair (q1, p1) with a mined negative, and its two synthetic texts with their own queries."""
    real = TrainingInstance("q1", "p1", ((NegativeRef("dense", "x"),),), family="f")
    return [real, *(mirrored(NegativeRef(SYNTHETIC, name), "f") for name in ("s1", "s2"))]


def relevant(query_id: str) -> frozenset[str]:
    return RELEVANT.get(query_id, frozenset())


def test_families_are_together_and_in_order_of_appearance() -> None:
    alone = instance("q2", "p2", [])
    real, first, second = family()
    assert families([real, alone, first, alone, second]) == [(real, first, second), (alone,), (alone,)]


def test_the_documents_of_a_family_are_negatives_of_one_another() -> None:
    batch = build_batch([*family(), instance("q2", "p2", [])], 0, relevant, in_batch=True)
    assert batch.query_ids == ("q1", "mirror:s1", "mirror:s2", "q2")
    assert [ref.id for ref in batch.documents] == ["p1", "x", "s1", "s2", "p2"]
    assert [batch.documents[column].id for column in batch.positives] == ["p1", "s1", "s2", "p2"]
    assert not any(any(row) for row in batch.masked)


def test_without_in_batch_a_family_still_shares_its_positives() -> None:
    batch = build_batch([*family(), instance("q2", "p2", [])], 0, relevant, in_batch=False)
    assert [masked_names(batch, row) for row in range(4)] == [
        {"p2"},
        {"x", "p2"},
        {"x", "p2"},
        {"p1", "x", "s1", "s2"},
    ]


def test_a_real_positive_of_the_query_in_a_family_is_masked_for_it_alone() -> None:
    batch = build_batch([*family(), instance("q1", "p1b", [])], 0, relevant, in_batch=True)
    assert [masked_names(batch, row) for row in range(4)] == [{"p1b"}, set(), set(), {"p1"}]


def test_a_text_that_the_corpus_lacks_is_itself_whatever_its_id() -> None:
    one = TrainingInstance("t", "p2", ((NegativeRef("dense", "p2"),),), TEXT)
    batch = build_batch([one], 0, relevant, in_batch=True)
    assert [ref.source for ref in batch.documents] == [TEXT, "corpus"]
