"""Is a difference real, and is it large enough to matter? Paired tests over queries, and intervals.

Differences are per-query scores of a system minus those of its baseline, in the same order of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import UsageError, counted
from syneg_cli.evaluation.families import Compared, standard_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Differences = NDArray[np.float64]

SIGN_FLIPS = 100_000
BOOTSTRAPS = 10_000

BLOCK = 4_000_000
"""Numbers drawn at a time, so that memory does not grow with the queries."""

MARGIN = 0.01
"""Of equivalence, by default: one point of nDCG@10, the step in which results are printed and compared."""

ROUNDING = 1e-12
"""Differences that are nothing but the rounding of sums and means: they are ties."""


@dataclass(frozen=True, kw_only=True)
class Comparison(Compared):
    """System minus baseline, one run of each; `low` and `high` are a bootstrap's over the queries."""

    p_randomisation: float
    p_t: float

    @property
    def p(self) -> float:
        return self.p_randomisation

    @property
    def basis(self) -> str:
        return counted(self.queries, "query", "queries")

    @property
    def note(self) -> str:
        return "Of what was trained this is one run: the seed adds variance of its own."


def compare(
    system: Sequence[float],
    baseline: Sequence[float],
    *,
    margin: float = MARGIN,
    seed: int = 0,
    flips: int = SIGN_FLIPS,
) -> Comparison:
    """Every paired statistic of two systems; `seed` drives the two resamplings.

    Args:
        margin: the mean difference within which two systems count as equivalent, in the scores' own unit.
        flips: how many the randomisation test draws; its p is 1 / (flips + 1) at the least.

    Raises:
        UsageError: there are no scores, not as many of one as of the other, or one is no finite
            number; or `margin` is none that a mean of scores can have.
    """
    delta = differences(system, baseline)
    low, high = bootstrap_interval(delta, seed=seed)
    return Comparison(
        difference=float(delta.mean()),
        low=low,
        high=high,
        p_randomisation=randomisation_test(delta, flips=flips, seed=seed),
        p_t=paired_t(delta),
        wins=int((delta > 0).sum()),
        ties=int((delta == 0).sum()),
        losses=int((delta < 0).sum()),
        queries=len(delta),
        detectable=detectable_difference(delta),
        margin=margin,
        p_equivalence=equivalence_test(delta, margin),
    )


def differences(system: Sequence[float], baseline: Sequence[float]) -> Differences:
    """System minus baseline, a number per query; what differs by rounding alone is 0.

    Raises:
        UsageError: there are none, not as many of one as of the other, or one is no finite number.
    """
    import numpy as np

    ours, theirs = (np.asarray(scores, dtype=np.float64) for scores in (system, baseline))
    if ours.shape != theirs.shape or ours.ndim != 1 or not ours.size:
        raise UsageError(
            f"Scores of shapes {ours.shape} and {theirs.shape} are not paired.",
            hint="Give one score per query of each system, in the same order of queries.",
        )
    delta = ours - theirs
    if wrong := int((~np.isfinite(delta)).sum()):
        raise UsageError(
            f"{wrong} of {delta.size} queries have a score that is no finite number.",
            hint="A query without results scores 0; measure again where a score is missing.",
        )
    delta[np.abs(delta) < ROUNDING] = 0.0
    return delta


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
    """The two-sided p of a paired t-test; 1.0 of zeros alone, NaN where all are one other number."""
    import numpy as np
    from scipy import stats

    if not delta.any():
        return 1.0
    if len(delta) < 2 or np.ptp(delta) < ROUNDING:
        return float("nan")
    return float(stats.ttest_1samp(delta, 0.0).pvalue)


def equivalence_test(delta: Differences, margin: float) -> float:
    """The p of two one-sided paired t-tests against |mean(delta)| >= margin (Schuirmann 1987).

    It is below α exactly where the 1 - 2α t interval of the mean lies within ±margin. Where every
    difference is the same, t has no variance to go by. Then p is the chance to see no other
    difference in n queries although the mean of all is `margin`: as no score is above 1, at least
    (margin - |d|) / (1 - |d|) of all queries would have to differ otherwise.

    Raises:
        UsageError: `margin` is not between 0 and 1.
    """
    import numpy as np
    from scipy import stats

    if not 0 < margin < 1:
        raise UsageError(
            f"A margin of equivalence of {margin:g} is not between 0 and 1.",
            hint="Give the largest mean difference that does not matter, as 0.01 for a point of nDCG.",
        )
    mean, count = abs(float(delta.mean())), len(delta)
    if np.ptp(delta) < ROUNDING:
        return ((1 - margin) / (1 - mean)) ** count if mean < margin else 1.0
    error = delta.std(ddof=1) / count**0.5
    return float(stats.t.sf((margin - mean) / error, count - 1))


def bootstrap_interval(
    delta: Differences, *, resamples: int = BOOTSTRAPS, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of mean(delta), over queries: scipy's `bootstrap`.

    One query says nothing of others: its interval has no ends.
    """
    import numpy as np
    from scipy import stats

    if len(delta) < 2:
        return float("-inf"), float("inf")
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
    """`standard_errors` · SD(delta) / sqrt(n): about 0.032 for SD 0.2 and 300 queries."""
    if len(delta) < 2:
        return float("inf")
    return float(standard_errors(alpha, power) * delta.std(ddof=1) / len(delta) ** 0.5)
