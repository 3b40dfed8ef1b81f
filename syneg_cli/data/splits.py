"""Train and dev where a data set does not have both: whole queries of one serve as the other."""

from __future__ import annotations

from collections.abc import Mapping

from syneg_cli.core import Qrels, digest


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
    if not dev or not train:
        return splits, ()
    note = (
        f"no {'dev' if source == 'train' else 'train'} split: {len(dev)} of {len(train) + len(dev)} "
        f"{source} queries serve as dev, {len(train)} as train"
    )
    return splits | {"train": train, "dev": dev}, (note,)


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
