"""Train and dev where a data set does not have both: whole queries of one serve as the other."""

from __future__ import annotations

from collections.abc import Mapping

from syneg_cli.core import Qrels, Query, digest
from syneg_cli.data.units import normalised


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
    total = len(train) + len(dev)
    if not dev or not train:
        return splits, (f"{counted(total, f'{source} query')}, too few to hold any out",)
    other = "dev" if source == "train" else "train"
    held = len(dev) if source == "train" else len(train)
    note = f"{counted(total, f'{source} query')}, {held} of them held out as {other}"
    return splits | {"train": train, "dev": dev}, (note,)


def leaks(splits: Mapping[str, Qrels], queries: Mapping[str, Query]) -> tuple[str, ...]:
    """A warning for each split that shares queries with train, by id or by text (case and blanks aside)."""
    texts = {query_id: normalised(queries[query_id].text) for qrels in splits.values() for query_id in qrels}
    trained = {texts[query_id] for query_id in splits.get("train", ())}
    found = []
    for split, qrels in splits.items():
        shared = [query_id for query_id in qrels if texts[query_id] in trained]
        if shared and split != "train":
            found.append(
                f"{counted(len(shared), 'query')} of {split} {'is' if len(shared) == 1 else 'are'} in train, "
                f"too (the first is {shared[0]!r}): what {split} measures is partly what was trained on"
            )
    return tuple(found)


def counted(number: int, noun: str) -> str:
    """`1 query`, `2 queries`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun.removesuffix('y')}ies"


def split_queries(qrels: Qrels, fraction: float, seed: int) -> tuple[Qrels, Qrels]:
    """(rest, carved): the carved queries are those with the smallest seeded hash of their id.

    The choice depends on the ids and the seed only, not on the order of the file.
    """
    ranked = sorted(qrels, key=lambda query_id: digest(f"{seed}:{query_id}"))
    carved = set(ranked[: round(len(ranked) * fraction)])
    return (
        {q: grades for q, grades in qrels.items() if q not in carved},
        {q: grades for q, grades in qrels.items() if q in carved},
    )
