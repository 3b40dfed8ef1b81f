"""Synthetic and mined negatives -> training instances.

A strategy decides, for one instance and one round, which negatives it gets. It is a function
`(pools, k, ratio, rng) -> negatives` and a line in STRATEGIES. Every draw has a random stream
of its own, seeded by (seed, query, positive, round): the order of the input, and the other
instances, do not matter.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from syneg_cli.errors import MissingArtifact, UsageError, did_you_mean
from syneg_cli.records import (
    SYNTHETIC,
    MinedNegative,
    NegativeRef,
    Pair,
    SyntheticNegative,
    TrainingInstance,
)


@dataclass(frozen=True)
class Pools:
    """All negatives that one (query, positive) may draw from."""

    synthetic: tuple[NegativeRef, ...]
    retrieved: tuple[NegativeRef, ...]


Strategy = Callable[[Pools, int, float, random.Random], list[NegativeRef]]


def synthetic_count(k: int, ratio: float, rng: random.Random) -> int:
    """How many of k negatives are synthetic: k·R/(1+R) in expectation, never off by 1 or more.

    R is synthetic : retrieved (SyNeg section 4 [I]). The fractional part is resolved by a draw.
    """
    expected = k * ratio / (1 + ratio)
    return int(expected) + (rng.random() < expected - int(expected))


def _draw(pool: Sequence[NegativeRef], count: int, rng: random.Random) -> list[NegativeRef]:
    return rng.sample(pool, min(count, len(pool)))


def hybrid(pools: Pools, k: int, ratio: float, rng: random.Random) -> list[NegativeRef]:
    """Both kinds in every instance: D_h = synthetic ∪ retrieved (SyNeg, the paper's own).

    Where one kind is short the other fills up to k, so that every instance has the same
    budget; the composition that `mix` counts shows where that happened.
    """
    wanted = synthetic_count(k, ratio, rng)
    synthetic = min(max(wanted, k - len(pools.retrieved)), len(pools.synthetic))
    return _draw(pools.synthetic, synthetic, rng) + _draw(pools.retrieved, k - synthetic, rng)


def direct(pools: Pools, k: int, ratio: float, rng: random.Random) -> list[NegativeRef]:
    """One kind per instance, as if two data sets were pooled (SyNeg's ablation).

    The kind is drawn so that synthetic : retrieved is R in expectation even where the
    synthetic pool holds fewer than k: p·a / ((1-p)·b) = R for a and b negatives a draw.
    """
    a, b = min(k, len(pools.synthetic)), min(k, len(pools.retrieved))
    if not a or not b:
        return _draw(pools.synthetic or pools.retrieved, k, rng)
    is_synthetic = rng.random() < ratio * b / (a + ratio * b)
    return _draw(pools.synthetic if is_synthetic else pools.retrieved, k, rng)


def synthetic_only(pools: Pools, k: int, ratio: float, rng: random.Random) -> list[NegativeRef]:
    """LLM-written negatives alone."""
    return _draw(pools.synthetic, k, rng)


def retrieved_only(pools: Pools, k: int, ratio: float, rng: random.Random) -> list[NegativeRef]:
    """Mined negatives alone."""
    return _draw(pools.retrieved, k, rng)


STRATEGIES: dict[str, Strategy] = {
    "hybrid": hybrid,
    "direct": direct,
    "synthetic": synthetic_only,
    "retrieved": retrieved_only,
}

READS = {
    "hybrid": (True, True),
    "direct": (True, True),
    "synthetic": (True, False),
    "retrieved": (False, True),
}
"""Strategy -> (reads synthetic, reads retrieved)."""


def check_strategy(name: str) -> str:
    """The name itself.

    Raises:
        UsageError: there is no such strategy.
    """
    if name not in STRATEGIES:
        raise UsageError(
            f"No mixing strategy {name!r}.{did_you_mean(name, list(STRATEGIES))}",
            hint=f"Strategies: {', '.join(STRATEGIES)}.",
        )
    return name


@dataclass(frozen=True)
class Mixed:
    """Training instances, and the counts that the table shows (over all rounds)."""

    instances: tuple[TrainingInstance, ...]
    sources: Mapping[str, int]
    sizes: Mapping[int, int]
    """Number of negatives -> number of instances (a round each) that got so many."""
    composition: Mapping[str, int]
    """"1 synthetic + 2 dense" -> how many instances (a round each) look so."""
    empty: int
    """Pairs without any negative: they train on in-batch negatives alone."""


def build_pools(
    pairs: Iterable[Pair],
    synthetic: Iterable[SyntheticNegative],
    mined: Iterable[MinedNegative],
    excluded: Callable[[str], frozenset[str]],
) -> dict[Pair, Pools]:
    """What each pair may draw from: its own synthetic negatives, its query's mined ones.

    Only negatives with status "ok" take part; what `excluded(query_id)` names never does.
    A document that several miners found counts once, for the first of them.
    """
    written: dict[Pair, list[NegativeRef]] = {}
    for negative in synthetic:
        if negative.status == "ok":
            pair = Pair(negative.query_id, negative.positive_id)
            written.setdefault(pair, []).append(NegativeRef(SYNTHETIC, negative.id))
    found: dict[str, dict[str, NegativeRef]] = {}
    for row in mined:
        if row.status == "ok" and row.doc_id not in excluded(row.query_id):
            found.setdefault(row.query_id, {}).setdefault(row.doc_id, NegativeRef(row.miner, row.doc_id))
    return {
        pair: Pools(
            synthetic=tuple(sorted(written.get(pair, ()), key=lambda ref: ref.id)),
            retrieved=tuple(sorted(found.get(pair.query_id, {}).values(), key=lambda ref: ref.id)),
        )
        for pair in pairs
    }


def mix(pools: Mapping[Pair, Pools], *, strategy: str, k: int, ratio: float, rounds: int, seed: int) -> Mixed:
    """Draw `rounds` sets of up to k negatives for every pair; no pair is left out.

    Raises:
        UsageError: no such strategy.
        MissingArtifact: no pair gets any negative.
    """
    draw = STRATEGIES[check_strategy(strategy)]
    instances = []
    for pair, pool in pools.items():
        drawn = tuple(tuple(draw(pool, k, ratio, stream(seed, pair, number))) for number in range(rounds))
        instances.append(TrainingInstance(pair.query_id, pair.doc_id, drawn))
    if not any(drawn for instance in instances for drawn in instance.rounds):
        raise MissingArtifact(
            f"No training pair has a negative under the strategy {strategy!r}.",
            hint="Run `syneg generate` or `syneg mine` first, or choose another --strategy.",
        )
    every = [negatives for instance in instances for negatives in instance.rounds]
    return Mixed(
        instances=tuple(instances),
        sources=Counter(ref.source for negatives in every for ref in negatives),
        sizes=Counter(len(negatives) for negatives in every),
        composition=Counter(describe(negatives) for negatives in every),
        empty=sum(not any(instance.rounds) for instance in instances),
    )


def stream(seed: int, pair: Pair, number: int) -> random.Random:
    """The random stream of one draw, the same in every process and for every input order."""
    name = f"{seed}\0{pair.query_id}\0{pair.doc_id}\0{number}"
    return random.Random(hashlib.sha256(name.encode()).digest())


def describe(negatives: Sequence[NegativeRef]) -> str:
    """`1 synthetic + 2 dense`."""
    counts = Counter(ref.source for ref in negatives)
    ordered = sorted(counts, key=lambda source: (source != SYNTHETIC, source))
    return " + ".join(f"{counts[source]} {source}" for source in ordered) or "none"
