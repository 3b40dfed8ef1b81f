"""What each pair may draw its negatives from."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syneg_cli.core import (
    SYNTHETIC,
    MinedNegative,
    NegativeRef,
    Pair,
    SyntheticNegative,
    UsageError,
    did_you_mean,
)
from syneg_cli.mixing.strategies import Candidate, Pools

MARGIN = "margin"
"""The score of `verify`'s margin check: an encoder's similarity, less the positive's."""


@dataclass(frozen=True)
class Rules:
    """What keeps a negative out of every pool, and how often the others come.

    `weights`: group (a miner, or a prompt) -> relative weight; 0 leaves the group out.
    `max_risk`: the share of `verify`'s checks that may call it relevant; None: any.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    max_risk: float | None = None

    def admit(self, negative: SyntheticNegative | MinedNegative, group: str) -> bool:
        if negative.status != "ok" or self.weights.get(group, 1.0) == 0:
            return False
        return self.max_risk is None or risk(negative) <= self.max_risk


def risk(negative: SyntheticNegative | MinedNegative) -> float:
    """The share of `verify`'s checks, of those with an opinion, that call a negative relevant."""
    against = len(negative.relevant_by)
    return against / max(against, len(negative.scores), 1)


def relabelled(mined: Iterable[MinedNegative]) -> list[Pair]:
    """The pairs that `verify --effect relabel` turned from negatives into positives."""
    return list(dict.fromkeys(Pair(n.query_id, n.doc_id) for n in mined if n.status == "positive"))


def build_pools(
    pairs: Iterable[Pair],
    synthetic: Iterable[SyntheticNegative],
    mined: Iterable[MinedNegative],
    excluded: Callable[[str], frozenset[str]],
    *,
    rules: Rules | None = None,
    own_queries: Container[str] = (),
) -> dict[Pair, Pools]:
    """What each pair may draw from: its own synthetic negatives, its query's mined ones.

    Only negatives with status "ok" that `rules` admit take part; what `excluded(query_id)`
    names never does. A document that several miners found counts once, for the first of them
    by weight and name.

    Args:
        own_queries: the ids of the synthetic negatives that have a query of their own.

    Raises:
        UsageError: a weight names no group that there is.
    """
    rules = rules or Rules()
    written, mined = list(synthetic), list(mined)
    _check_weights(rules.weights, {n.prompt for n in written} | {n.miner for n in mined})
    ours = _written(written, rules, own_queries)
    found = _found(mined, rules, excluded)
    return {pair: Pools(tuple(ours.get(pair, ())), tuple(found.get(pair.query_id, ()))) for pair in pairs}


def _check_weights(weights: Mapping[str, float], groups: set[str]) -> None:
    for name in sorted(set(weights) - groups):
        raise UsageError(
            f"weights names {name!r}, and no negative is of it.{did_you_mean(name, sorted(groups))}",
            hint=f"Miners and prompts there are: {', '.join(sorted(groups)) or 'none'}.",
        )


def _written(
    synthetic: Iterable[SyntheticNegative], rules: Rules, own_queries: Container[str]
) -> dict[Pair, list[Candidate]]:
    pools: dict[Pair, list[Candidate]] = {}
    for negative in sorted(synthetic, key=lambda negative: negative.id):
        if rules.admit(negative, negative.prompt):
            pools.setdefault(Pair(negative.query_id, negative.positive_id), []).append(
                Candidate(
                    NegativeRef(SYNTHETIC, negative.id),
                    negative.prompt,
                    negative.scores.get(MARGIN, 0.0),
                    negative.id in own_queries,
                )
            )
    return pools


def _found(
    mined: Iterable[MinedNegative], rules: Rules, excluded: Callable[[str], frozenset[str]]
) -> dict[str, list[Candidate]]:
    admitted = [
        row for row in mined if rules.admit(row, row.miner) and row.doc_id not in excluded(row.query_id)
    ]
    hardness = _hardness(admitted)
    pools: dict[str, dict[str, Candidate]] = {}
    for row in sorted(admitted, key=lambda row: (-rules.weights.get(row.miner, 1.0), row.miner, -row.score)):
        candidate = Candidate(NegativeRef(row.miner, row.doc_id), row.miner, hardness(row))
        pools.setdefault(row.query_id, {}).setdefault(row.doc_id, candidate)
    return {query_id: sorted(rows.values(), key=lambda c: c.ref.id) for query_id, rows in pools.items()}


def _hardness(mined: Sequence[MinedNegative]) -> Callable[[MinedNegative], float]:
    """An encoder's similarity where `verify` measured every one, else the place among its miner's scores.

    The place is the share of the same query's and miner's negatives that score lower: BM25's
    scores and cosines are on different scales, and places are not.
    """
    if all(MARGIN in row.scores for row in mined):
        return lambda row: row.scores[MARGIN]
    scores: dict[tuple[str, str], list[float]] = {}
    for row in mined:
        scores.setdefault((row.query_id, row.miner), []).append(row.score)
    for each in scores.values():
        each.sort()

    def place(row: MinedNegative) -> float:
        beside = scores[row.query_id, row.miner]
        return bisect.bisect_left(beside, row.score) / len(beside)

    return place
