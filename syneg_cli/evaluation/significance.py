"""Is a difference real? Paired tests over queries, corrections, intervals.

All functions take per-query scores of two systems in the same order of queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Differences = NDArray[np.float64]

SIGN_FLIPS = 100_000
BOOTSTRAPS = 10_000

BLOCK = 4_000_000
"""Numbers drawn at a time, so that memory does not grow with the queries."""


@dataclass(frozen=True)
class Comparison:
    """System minus baseline, over `queries` paired queries."""

    difference: float
    low: float
    high: float
    """The bootstrap 95 % interval of the mean difference."""
    p_randomisation: float
    p_t: float
    wins: int
    ties: int
    losses: int
    queries: int
    detectable: float
    """The smallest mean difference that this many queries show with 80 % power at 5 %."""


def compare(system: Sequence[float], baseline: Sequence[float], *, seed: int = 0) -> Comparison:
    """Every paired statistic of two systems; `seed` drives the two resamplings."""
    import numpy as np

    delta = np.asarray(system, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    low, high = bootstrap_interval(delta, seed=seed)
    return Comparison(
        difference=float(delta.mean()),
        low=low,
        high=high,
        p_randomisation=randomisation_test(delta, seed=seed),
        p_t=paired_t(delta),
        wins=int((delta > 0).sum()),
        ties=int((delta == 0).sum()),
        losses=int((delta < 0).sum()),
        queries=len(delta),
        detectable=detectable_difference(delta),
    )


def randomisation_test(delta: Differences, *, flips: int = SIGN_FLIPS, seed: int = 0) -> float:
    """Two-sided paired randomisation test of mean(delta) = 0.

    Each flip gives every difference a random sign; p = (k + 1) / (flips + 1), with k the
    flips whose |mean| is at least the observed one (Smucker et al., CIKM 2007). scipy's
    `permutation_test` computes the same and takes six times as long; a test compares the two.
    """
    import numpy as np

    observed = abs(delta.sum())
    nonzero = delta[delta != 0]
    if len(nonzero) == 0:
        return 1.0
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // len(nonzero))
    hits = done = 0
    while done < flips:
        size = min(block, flips - done)
        signs = rng.integers(0, 2, size=(size, len(nonzero)), dtype=np.int8) * 2 - 1
        # The tolerance counts flips that equal the observed sum but for rounding.
        hits += int((np.abs(signs @ nonzero) >= observed - 1e-12 * max(1.0, observed)).sum())
        done += size
    return (hits + 1) / (flips + 1)


def paired_t(delta: Differences) -> float:
    """The two-sided p of a paired t-test; 1.0 where every difference is zero."""
    from scipy import stats

    if not delta.any():
        return 1.0
    if len(delta) < 2 or delta.std(ddof=1) == 0:
        return float("nan")
    return float(stats.ttest_1samp(delta, 0.0).pvalue)


def bootstrap_interval(
    delta: Differences, *, resamples: int = BOOTSTRAPS, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of mean(delta), over queries: scipy's `bootstrap`."""
    import numpy as np
    from scipy import stats

    if len(delta) < 2:  # scipy asks for two; one query drawn again and again is that query
        return float(delta[0]), float(delta[0])
    result = stats.bootstrap(
        (delta,),
        np.mean,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, BLOCK // len(delta)),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def detectable_difference(delta: Differences, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """(z_{1-alpha/2} + z_power) · SD(delta) / sqrt(n): about 0.032 for SD 0.2 and 300 queries."""
    from scipy import stats

    if len(delta) < 2:
        return float("inf")
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    return float(z * delta.std(ddof=1) / len(delta) ** 0.5)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction over a family of comparisons (Holm 1979); keys are kept."""
    adjusted: dict[str, float] = {}
    running = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for rank, (name, p) in enumerate(ordered):
        running = max(running, min(1.0, p * (len(ordered) - rank)))
        adjusted[name] = running
    return adjusted


FEW = 25
"""Queries that are few: Buckley and Voorhees (SIGIR 2000) ask for 25 at the least, better 50."""


def tells_little(count: int, split: str) -> str:
    """What is to be said of a split with few queries; "" where it has enough."""
    if count >= FEW:
        return ""
    queries = f"{count} {split} {'query tells' if count == 1 else 'queries tell'} little"
    return f"{queries}: with less than {FEW}, only a large difference can be seen"


def verdict(name: str, comparison: Comparison) -> str:
    """One sentence that says when a difference cannot be told from noise."""
    if comparison.wins == comparison.losses == 0:
        return f"{name} is the same for every query."
    if comparison.p_randomisation >= 0.05:
        return (
            f"{name}: a difference of {comparison.difference:+.4f} cannot be told from noise with "
            f"{comparison.queries} queries; it would have to be about {comparison.detectable:.3f}."
        )
    better = "better" if comparison.difference > 0 else "worse"
    return (
        f"{name} is {better} by {abs(comparison.difference):.4f} (p {p_value(comparison.p_randomisation)}). "
        "This is one training run: the seed adds variance of its own."
    )


def p_value(p: float) -> str:
    """`= 0.0312`, or `< 0.0001` where four digits would read as zero."""
    return "< 0.0001" if p < 0.0001 else f"= {p:.4f}"
