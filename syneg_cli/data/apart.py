"""Documents of dev and test kept out of training: what a model scores on them it cannot have remembered."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.core import DatasetError, Progress, counted
from syneg_cli.data.dataset import Dataset

DISJOINT = "disjoint: "
"""How the note of what was left out begins."""


def kept_apart(dataset: Dataset, progress: Progress | None = None) -> Dataset:
    """The data set without the training pairs whose document is a positive of another split.

    Judgements of people, LLM-written queries and rewordings alike, and documents with the text of
    such a positive, too; a query that keeps no pair is no train query. What is left out stays
    judged: it never becomes a negative of its query.

    Raises:
        DatasetError: no training pair is left.
    """
    dataset = joined_again(dataset)
    whole = dataset.judgements.get("train", {})
    others = [split for split in dataset.judgements if split != "train"]
    reserved = dataset.copies(frozenset[str]().union(*map(dataset.positives_in, others)))
    train: dict[str, dict[str, int]] = {}
    pairs = gone = 0
    for query_id, grades in whole.items():
        right = dataset.right(grades)
        lost = right & reserved
        pairs, gone = pairs + len(right), gone + len(lost)
        if right - lost or not lost:
            train[query_id] = {doc_id: grade for doc_id, grade in grades.items() if doc_id not in lost}
    named = " or ".join(sorted(others)) or "another split"
    if pairs and pairs == gone:
        raise DatasetError(
            f"disjoint leaves {dataset.name} no training pair: each of the {pairs} has a document that is "
            f"a positive of {named}.",
            hint='`resplit = "documents"` in [dataset] deals the queries out so that no document is shared.',
        )
    queries = len(whole) - len(train)
    note = (
        f"{DISJOINT}{gone} of {counted(pairs, 'training pair')} left out, whose document is a positive of "
        f"{named}; {counted(queries, 'query has', 'queries have')} no other"
    )
    if progress is not None and pairs:
        progress.note(note)
    judgements = {name: train if name == "train" else qrels for name, qrels in dataset.judgements.items()}
    return replace(
        dataset,
        judgements=judgements,
        notes=(*dataset.notes, note),
        whole_train=whole,
        kept_out=reserved,
    )


def joined_again(dataset: Dataset) -> Dataset:
    """The data set before `kept_apart`."""
    if dataset.whole_train is None:
        return dataset
    whole = dataset.whole_train
    judgements = {name: whole if name == "train" else qrels for name, qrels in dataset.judgements.items()}
    notes = tuple(note for note in dataset.notes if not note.startswith(DISJOINT))
    return replace(dataset, judgements=judgements, notes=notes, whole_train=None, kept_out=frozenset())


def shared_positives(dataset: Dataset, split: str = "test") -> str:
    """A sentence that says how many positives of a split are positives of train, too; "" where none is."""
    if split == "train" or not {"train", split} <= dataset.judgements.keys():
        return ""
    trained, asked = dataset.copies(dataset.positives_in("train")), dataset.positives_in(split)
    if not (both := asked & trained):
        return ""
    qrels = dataset.qrels(split)
    queries = sum(not dataset.right(grades).isdisjoint(both) for grades in qrels.values())
    are = "is a positive" if len(both) == 1 else "are positives"
    return (
        f"{len(both)} of {len(asked)} {split} positives {are} of train, too ({queries} of "
        f"{counted(len(qrels), 'query', 'queries')} {'has' if queries == 1 else 'have'} one): a model may "
        "remember which documents are asked for"
    )
