"""Synthetic and mined negatives -> training instances.

`build_pools` says what each pair may draw from, a strategy (`strategies.py`) draws. Every draw
has a random stream of its own, seeded by (seed, query, positive, round): the order of the
input, and the other instances, do not matter.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syneg_cli.core.errors import MissingArtifact, UsageError, did_you_mean
from syneg_cli.core.random_streams import joined, stream
from syneg_cli.core.records import (
    CORPUS,
    SYNTHETIC,
    TEXT,
    MinedNegative,
    NegativeRef,
    Pair,
    SyntheticNegative,
    TrainingInstance,
)
from syneg_cli.mixing.mirror import mirrored
from syneg_cli.mixing.strategies import Candidate, Draw, Pools, Strategy, check_strategy

MARGIN = "margin"
"""The score of `verify`'s margin check: an encoder's similarity, less the positive's."""

MARK = "verify: relevant by "
"""How the reason of a negative begins that `verify` marked; the names of the checks follow."""

RELABELLED = "positive"
"""The status of a negative that `verify` relabelled."""


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
    """The share of `verify`'s checks that call a marked negative relevant; 0 where none does."""
    if not negative.reason.startswith(MARK):
        return 0.0
    against = len(negative.reason.removeprefix(MARK).split(", "))
    return against / max(against, len(negative.scores))


def relabelled(mined: Iterable[MinedNegative]) -> list[Pair]:
    """The pairs that `verify --effect relabel` turned from negatives into positives."""
    return list(dict.fromkeys(Pair(n.query_id, n.doc_id) for n in mined if n.status == RELABELLED))


@dataclass(frozen=True)
class Mixed:
    """Training instances, and the counts that the table shows (over all rounds of the pairs)."""

    instances: tuple[TrainingInstance, ...]
    sources: Mapping[str, int]
    sizes: Mapping[int, int]
    """Number of negatives -> number of instances (a round each) that got so many."""
    composition: Mapping[str, int]
    """"1 synthetic + 2 dense" -> how many instances (a round each) look so."""
    empty: int
    """Pairs without any negative: they train on in-batch negatives alone."""
    mirrored: int = 0
    """Instances whose positive is a synthetic text."""


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


def mix(
    pools: Mapping[Pair, Pools],
    *,
    strategy: str,
    k: int,
    ratio: float,
    rounds: int,
    seed: int,
    weights: Mapping[str, float] | None = None,
    max_synthetic: int | None = None,
    texts: Container[str] = (),
) -> Mixed:
    """Draw `rounds` sets of up to k negatives for every pair; no pair is left out.

    Args:
        k: 0 leaves the pairs to in-batch negatives.
        max_synthetic: the limit of synthetic texts in one instance, or in one family.
        texts: ids among the pairs' positives that are no documents of the corpus.

    Raises:
        UsageError: no such strategy.
        MissingArtifact: no pair gets any negative, or a mirror has nothing to mirror.
    """
    chosen = check_strategy(strategy)
    instances: list[TrainingInstance] = []
    for pair, pool in pools.items():

        def draw(number: int, pair: Pair = pair) -> Draw:
            rng = stream(joined(seed, pair.query_id, pair.doc_id, number))
            return Draw(k, ratio, rng, number, rounds, weights or {}, max_synthetic)

        family = f"{pair.query_id}/{pair.doc_id}" if chosen.mirrors else ""
        drawn = tuple(tuple(chosen.draw(pool, draw(number))) for number in range(rounds))
        source = TEXT if pair.doc_id in texts else CORPUS
        instances.append(TrainingInstance(pair.query_id, pair.doc_id, drawn, source, family))
        instances += _mirrored(chosen, pool, draw(rounds), family)
    mixed = _counted(instances)
    _check(mixed, strategy, k)
    return mixed


def _check(mixed: Mixed, strategy: str, k: int) -> None:
    if check_strategy(strategy).mirrors and not mixed.mirrored:
        raise MissingArtifact(
            "No synthetic negative has a query of its own, so there is nothing to mirror.",
            hint="Generate with `--prompt mirror`, or give the queries with `--mirror FILE`.",
        )
    if k and not mixed.mirrored and mixed.empty == len(mixed.instances):
        raise MissingArtifact(
            f"No training pair has a negative under the strategy {strategy!r}.",
            hint="Run `syneg generate` or `syneg mine` first, or choose another --strategy.",
        )


def _mirrored(strategy: Strategy, pool: Pools, draw: Draw, family: str) -> list[TrainingInstance]:
    """The pair's synthetic texts as positives of their own queries; drawn once, for all rounds."""
    texts = [c.ref for c in pool.synthetic if c.own_query] if strategy.mirrors else []
    if draw.max_synthetic is not None and len(texts) > draw.max_synthetic:
        texts = sorted(draw.rng.sample(texts, draw.max_synthetic), key=lambda ref: ref.id)
    return [mirrored(ref, family) for ref in texts]


def _counted(instances: Sequence[TrainingInstance]) -> Mixed:
    pairs = [instance for instance in instances if instance.positive_source != SYNTHETIC]
    every = [negatives for instance in pairs for negatives in instance.rounds]
    return Mixed(
        instances=tuple(instances),
        sources=Counter(ref.source for negatives in every for ref in negatives),
        sizes=Counter(len(negatives) for negatives in every),
        composition=Counter(describe(negatives) for negatives in every),
        empty=sum(not any(instance.rounds) for instance in pairs),
        mirrored=len(instances) - len(pairs),
    )


def describe(negatives: Sequence[NegativeRef]) -> str:
    """`1 synthetic + 2 dense`."""
    counts = Counter(ref.source for ref in negatives)
    ordered = sorted(counts, key=lambda source: (source != SYNTHETIC, source))
    return " + ".join(f"{counts[source]} {source}" for source in ordered) or "none"
