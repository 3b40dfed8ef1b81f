"""How the negatives of one training instance are drawn, for one round.

A strategy is an entry of STRATEGIES: a function `(pools, draw) -> negatives`, what it reads, and
what it does beside the draw. Every draw brings a random stream of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from syneg_cli.core import NegativeRef, UsageError, did_you_mean
from syneg_cli.mixing.ratio import share_of


@dataclass(frozen=True)
class Candidate:
    """One negative that an instance may get.

    `group` is what a weight names: its miner, or the prompt that wrote it. `hardness` orders
    candidates of one kind, the easiest first. `own_query` says that it has a mirrored query.
    """

    ref: NegativeRef
    group: str
    hardness: float = 0.0
    own_query: bool = False


@dataclass(frozen=True)
class Pools:
    """All negatives that one (query, positive) may draw from."""

    synthetic: tuple[Candidate, ...]
    retrieved: tuple[Candidate, ...]


@dataclass(frozen=True)
class Draw:
    """One draw: the budget, the proportions, and where in the training it takes place."""

    k: int
    ratio: float
    rng: random.Random
    round: int = 0
    rounds: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)
    """Group -> weight, 1 where not named; without any, every candidate is as likely as another."""
    max_synthetic: int | None = None

    @property
    def most_synthetic(self) -> int:
        return self.k if self.max_synthetic is None else min(self.k, self.max_synthetic)


DrawFunction = Callable[[Pools, Draw], list[NegativeRef]]


def synthetic_count(k: int, ratio: float, rng: random.Random) -> int:
    """How many of k negatives are synthetic: k·R/(1+R) in expectation, never off by 1 or more.

    R is synthetic : retrieved, as SyNeg's section 4 reads (it plots R from 0.2 to 2.7 without
    defining it). The fractional part is resolved by a draw.
    """
    expected = k * share_of(ratio)
    return int(expected) + (rng.random() < expected - int(expected))


def shares(total: int, weights: Mapping[str, float], rng: random.Random) -> dict[str, int]:
    """`total` places dealt out by weight: total·w/Σw in expectation, never off by 1 or more.

    Systematic sampling: one uniform u shifts the cumulated expectations, and each name gets
    the whole numbers that fall between its two ends.
    """
    if len(weights) == 1:
        return dict.fromkeys(weights, total)
    shift, whole = rng.random(), sum(weights.values())
    dealt: dict[str, int] = {}
    cumulated, before = 0.0, 0
    for place, (name, weight) in enumerate(weights.items(), start=1):
        cumulated += weight
        upto = total if place == len(weights) else int(total * (cumulated / whole) + shift)
        dealt[name], before = upto - before, upto
    return dealt


def take(pool: Sequence[Candidate], count: int, draw: Draw) -> list[NegativeRef]:
    """Up to `count` distinct candidates; where a group is short, the others fill up."""
    count = min(count, len(pool))
    groups: dict[str, list[Candidate]] = {}
    for candidate in pool:
        groups.setdefault(candidate.group if draw.weights else "", []).append(candidate)
    wanted = dict.fromkeys(sorted(groups), 0)
    while (left := count - sum(wanted.values())) > 0:
        unfilled = {name: draw.weights.get(name, 1.0) for name in wanted if wanted[name] < len(groups[name])}
        for name, share in shares(left, unfilled, draw.rng).items():
            wanted[name] = min(wanted[name] + share, len(groups[name]))
    return [c.ref for name, number in wanted.items() for c in draw.rng.sample(groups[name], number)]


def hybrid(pools: Pools, draw: Draw) -> list[NegativeRef]:
    """Both kinds in every instance: D_h = synthetic ∪ retrieved (SyNeg, the paper's own).

    Where one kind is short the other fills up to k, so that every instance has the same
    budget; the composition that `mix` counts shows where that happened.
    """
    wanted = synthetic_count(draw.k, draw.ratio, draw.rng)
    synthetic = max(wanted, draw.k - len(pools.retrieved))
    synthetic = min(synthetic, len(pools.synthetic), draw.most_synthetic)
    return take(pools.synthetic, synthetic, draw) + take(pools.retrieved, draw.k - synthetic, draw)


def direct(pools: Pools, draw: Draw) -> list[NegativeRef]:
    """One kind per instance, as if two data sets were pooled (SyNeg's ablation).

    The kind is drawn so that synthetic : retrieved is R in expectation even where the
    synthetic pool holds fewer than k: p·a / ((1-p)·b) = R for a and b negatives a draw.
    """
    a, b = min(draw.most_synthetic, len(pools.synthetic)), min(draw.k, len(pools.retrieved))
    weight = draw.ratio * b
    is_synthetic = not b or (a > 0 and draw.rng.random() < weight / (a + weight))
    return synthetic_only(pools, draw) if is_synthetic else retrieved_only(pools, draw)


def synthetic_only(pools: Pools, draw: Draw) -> list[NegativeRef]:
    """LLM-written negatives alone."""
    return take(pools.synthetic, draw.most_synthetic, draw)


def retrieved_only(pools: Pools, draw: Draw) -> list[NegativeRef]:
    """Mined negatives alone."""
    return take(pools.retrieved, draw.k, draw)


def graded(pools: Pools, draw: Draw) -> list[NegativeRef]:
    """As hybrid, from coarse to fine: early rounds draw easy negatives, late ones hard ones.

    The idea of graded similarity is MGH's (arXiv 2509.00842); the windows are ours.
    """
    return hybrid(Pools(window(pools.synthetic, draw), window(pools.retrieved, draw)), draw)


def window(pool: Sequence[Candidate], draw: Draw) -> tuple[Candidate, ...]:
    """The part of a pool that this round draws from: it moves from the easiest end to the hardest.

    n rounds see an n-th of the pool each, and never fewer than k candidates where there are so many.
    """
    ordered = sorted(pool, key=lambda candidate: (candidate.hardness, candidate.ref.id))
    width = min(len(ordered), max(draw.k, math.ceil(len(ordered) / draw.rounds)))
    start = round(draw.round / max(draw.rounds - 1, 1) * (len(ordered) - width))
    return tuple(ordered[start : start + width])


@dataclass(frozen=True)
class Strategy:
    """An entry of STRATEGIES. `about` is what `--help` and docs/settings.md say."""

    draw: DrawFunction
    about: str
    reads_synthetic: bool = True
    reads_retrieved: bool = True
    uses_ratio: bool = False
    by_epoch: bool = False
    """Round e is meant for epoch e: there are as many rounds as epochs."""
    mirrors: bool = False
    """Synthetic texts come as positives of queries of their own, in the pair's family."""

    def reads(self, k: int) -> tuple[bool, bool]:
        """Whether synthetic and whether retrieved negatives are needed, for a budget of k."""
        return self.reads_synthetic and (k > 0 or self.mirrors), self.reads_retrieved and k > 0


STRATEGIES: dict[str, Strategy] = {
    "hybrid": Strategy(hybrid, "both kinds in every instance", uses_ratio=True),
    "direct": Strategy(direct, "one kind per instance", uses_ratio=True),
    "synthetic": Strategy(synthetic_only, "LLM-written alone", reads_retrieved=False),
    "retrieved": Strategy(retrieved_only, "mined alone", reads_synthetic=False),
    "graded": Strategy(graded, "hybrid, from easy to hard over the epochs", uses_ratio=True, by_epoch=True),
    "mirror": Strategy(
        retrieved_only,
        "mined, and each synthetic text with a query of its own in the same batch",
        mirrors=True,
    ),
}


def check_strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in STRATEGIES:
        raise UsageError(
            f"No mixing strategy {name!r}.{did_you_mean(name, list(STRATEGIES))}",
            hint=f"Strategies: {', '.join(STRATEGIES)}.",
        )
    return STRATEGIES[name]
