from __future__ import annotations

from syneg_cli.batches import build_batch
from syneg_cli.records import SYNTHETIC, NegativeRef, TrainingInstance


def instance(query: str, positive: str, *rounds: list[tuple[str, str]]) -> TrainingInstance:
    return TrainingInstance(
        query, positive, tuple(tuple(NegativeRef(source, id) for source, id in drawn) for drawn in rounds)
    )


RELEVANT = {"q1": frozenset({"p1", "p1b"}), "q2": frozenset({"p2"})}


def masked_names(batch: object, row: int) -> set[str]:
    from syneg_cli.batches import Batch

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
