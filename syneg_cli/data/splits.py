"""Train, dev and test where a data set does not have all: whole queries of one serve as another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from syneg_cli.core import DatasetError, Qrels, Query, counted, digest
from syneg_cli.data.resplit import resplit
from syneg_cli.data.units import normalised


@dataclass(frozen=True)
class HoldOut:
    """Which shares of the queries make a split that is not there (0 makes none), and what deals all anew."""

    dev_fraction: float = 0.1
    dev_seed: int = 0
    test_fraction: float = 0.0
    test_seed: int = 0
    resplit_by: str = "none"
    resplit_seed: int = 0


def completed(
    judgements: Mapping[str, Qrels],
    queries: Mapping[str, Query],
    held: HoldOut,
    identical: Callable[[str], frozenset[str]],
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """(splits, notes): first test or train is made where one of the two is missing, then dev.

    Then all are dealt out anew, where that is asked for.

    Args:
        identical: document -> all documents with its text, itself included.
    """
    splits, notes = with_test(judgements, queries, held.test_fraction, held.test_seed)
    splits, said = with_dev(splits, held.dev_fraction, held.dev_seed)
    notes += said
    if held.resplit_by == "documents" and len(splits) > 1:
        splits, note = resplit(splits, queries, identical, held.resplit_seed)
        notes += (note,)
    return splits, notes


def with_test(
    judgements: Mapping[str, Qrels], queries: Mapping[str, Query], fraction: float, seed: int
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """(splits, notes): `fraction` of the queries is test where test or train is missing.

    Queries with the same text (case and blanks aside) go to the same side.

    Raises:
        DatasetError: the fraction leaves one of the two without a query.
    """
    splits = dict(judgements)
    trainable = [split for split in ("train", "dev") if split in splits]
    if fraction == 0 or ("test" in splits and trainable):
        return splits, ()
    source = next((split for split in (*trainable, "test") if split in splits), None)
    if source is None:
        return splits, ()
    first: dict[str, str] = {}
    for query_id in sorted(splits[source]):
        first.setdefault(normalised(queries[query_id].text), query_id)
    leaders = {query_id: splits[source][query_id] for query_id in first.values()}
    _, carved = split_queries(leaders, fraction, seed)
    test: dict[str, Mapping[str, int]] = {}
    rest: dict[str, Mapping[str, int]] = {}
    for query_id, grades in splits[source].items():
        side = test if first[normalised(queries[query_id].text)] in carved else rest
        side[query_id] = grades
    whole = counted(len(splits[source]), f"{source} query", f"{source} queries")
    if len(leaders) < 2:
        return splits, (f"{whole}, too few to make train and test of them",)
    if not test or not rest:
        raise DatasetError(
            f"test_fraction {fraction:g} of {whole} leaves none for {'train' if test else 'test'}.",
            hint=f"Give more than {0.5 / len(leaders):.2g} and less than {1 - 0.5 / len(leaders):.2g}.",
        )
    if source == "test":
        return splits | {"train": rest, "test": test}, (f"{whole}, {len(rest)} of them made train",)
    return splits | {source: rest, "test": test}, (f"{whole}, {len(test)} of them made test",)


def with_dev(
    judgements: Mapping[str, Qrels], fraction: float, seed: int
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """(splits, notes): what is missing of train and dev is added; test is never touched."""
    splits = dict(judgements)
    if "train" in splits and "dev" in splits:
        return splits, ()
    source = "train" if "train" in splits else "dev" if "dev" in splits else None
    if source is None or fraction == 0:
        return splits, ()
    train, dev = split_queries(splits[source], fraction, seed)
    whole = counted(len(train) + len(dev), f"{source} query", f"{source} queries")
    if not dev or not train:
        return splits, (f"{whole}, too few to hold any out",)
    other = "dev" if source == "train" else "train"
    held = len(dev) if source == "train" else len(train)
    note = f"{whole}, {held} of them held out as {other}"
    return splits | {"train": train, "dev": dev}, (note,)


def fewer(
    judgements: Mapping[str, Qrels], count: int | None, seed: int
) -> tuple[dict[str, Qrels], tuple[str, ...]]:
    """(splits, notes): train keeps `count` of its queries, as if nobody had judged the others; None: all."""
    train = judgements.get("train", {})
    if count is None:
        return dict(judgements), ()
    whole = counted(len(train), "train query", "train queries")
    if len(train) <= count:
        every = f"all {whole} are kept" if len(train) > 1 else f"{whole} is kept"
        return dict(judgements), (f"train_queries {count}: {every if train else 'no train query is judged'}",)
    kept = drawn(train, count, seed)
    note = f"{whole}, {len(kept)} of them kept (train_queries, seed {seed})"
    return {**judgements, "train": {q: grades for q, grades in train.items() if q in kept}}, (note,)


def leaks(splits: Mapping[str, Qrels], queries: Mapping[str, Query]) -> tuple[str, ...]:
    """A warning for each split that shares queries with train, by id or by text (case and blanks aside)."""
    texts = {query_id: normalised(queries[query_id].text) for qrels in splits.values() for query_id in qrels}
    trained = {texts[query_id] for query_id in splits.get("train", ())}
    found = []
    for split, qrels in splits.items():
        shared = [query_id for query_id in qrels if texts[query_id] in trained]
        if shared and split != "train":
            are = counted(len(shared), f"query of {split} is", f"queries of {split} are")
            found.append(
                f"{are} in train, too (the first is {shared[0]!r}): what {split} measures is partly what was "
                "trained on"
            )
    return tuple(found)


def split_queries(qrels: Qrels, fraction: float, seed: int) -> tuple[Qrels, Qrels]:
    """(rest, carved): a share of the queries is carved."""
    carved = drawn(qrels, round(len(qrels) * fraction), seed)
    return (
        {q: grades for q, grades in qrels.items() if q not in carved},
        {q: grades for q, grades in qrels.items() if q in carved},
    )


def drawn(query_ids: Iterable[str], count: int, seed: int) -> frozenset[str]:
    """Those with the smallest seeded hash of their id: whatever their order, and fewer are among more."""
    ranked = sorted(query_ids, key=lambda query_id: digest(f"{seed}:{query_id}"))
    return frozenset(ranked[:count])
