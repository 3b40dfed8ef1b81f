"""Is a difference real beyond the training runs at hand? Several seeds of each system, and queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import UsageError, counted
from syneg_cli.evaluation.families import Compared
from syneg_cli.evaluation.significance import (
    MARGIN,
    ROUNDING,
    SIGN_FLIPS,
    differences,
    equivalence_test,
    randomisation_test,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from syneg_cli.evaluation.significance import Differences

    Runs = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SeedComparison(Compared):
    """System minus baseline, over queries and over training runs that differ in their seed.

    Wins, ties and losses are of the queries' means over the seeds. `low`, `high`, `p_seeds` and
    `p_equivalence` hold for another training with another seed, on other queries of the kind;
    with one run of each, for other queries only.
    """

    p_seeds: float
    p_randomisation: float
    """Over the queries' means alone: it says nothing of other seeds."""
    seeds: int
    baseline_seeds: int
    """Runs of each; 0 for one that is not trained."""
    sd_system: float | None
    sd_baseline: float | None
    """Of the mean scores of single runs; None where there is one run, so that it is unknown, or none."""
    freedom: float = math.inf
    """The degrees of freedom of the interval and of `p_seeds`: few where seeds are."""

    @property
    def p(self) -> float:
        return self.p_seeds

    def errors(self, alpha: float, power: float = 0.8) -> float:
        """By t: with two degrees of freedom a p of 0.0125 takes 8.9 standard errors, not 2.5."""
        from scipy import stats

        return float(stats.t.isf(alpha / 2, self.freedom) + stats.t.ppf(power, self.freedom))

    @property
    def basis(self) -> str:
        queries = counted(self.queries, "query", "queries")
        if not self.seeds and not self.baseline_seeds:
            return queries
        if not self.seeds:
            return f"{queries} and {counted(self.baseline_seeds, 'seed')} of the baseline"
        seeds = counted(self.seeds, "seed")
        if self.baseline_seeds != self.seeds:
            seeds += f" against {self.baseline_seeds or 'an untrained baseline'}"
        return f"{queries} and {seeds}"

    @property
    def note(self) -> str:
        known = [sd for sd in (self.sd_system, self.sd_baseline) if sd is not None]
        if not known and (self.seeds or self.baseline_seeds):
            return "This is one training run: how much another seed changes is unknown."
        if len(known) < 2 and self.seeds and self.baseline_seeds:
            return "One of the two was trained once: its seeds are taken to vary as the other's do."
        return f"Over {self.basis}."


def compare_seeds(
    system: Sequence[Sequence[float]],
    baseline: Sequence[Sequence[float]],
    *,
    untrained: bool = False,
    untrained_system: bool = False,
    margin: float = MARGIN,
    seed: int = 0,
    flips: int = SIGN_FLIPS,
) -> SeedComparison:
    """Several runs of two systems, a row of per-query scores for each, in the same order of queries.

    The variance of the mean difference has two levels: that of the queries' mean differences, over the number
    of queries, and that of the means of single runs, over the number of runs, for each system apart, as
    seeds of two systems have nothing in common (Bouthillier et al., MLSys 2021). The degrees of freedom are
    Satterthwaite's. What a seed does to single queries is in both levels, so the interval is rather too wide.
    A two-level bootstrap would be too narrow: two seeds drawn from two hold half of their variance
    (docs/significance.md has both, simulated).

    Args:
        untrained: `baseline` has no seed, as a zero-shot backbone or BM25: its one row never varies.
        untrained_system: `system` has none.

    Raises:
        UsageError: as `compare`; or one that is not trained has several rows.
    """
    import numpy as np
    from scipy import stats

    ours, theirs = _runs(system), _runs(baseline)
    _need_one(ours, "system", untrained_system)
    _need_one(theirs, "baseline", untrained)
    delta = differences(ours.mean(axis=0).tolist(), theirs.mean(axis=0).tolist())
    difference, p_queries = float(delta.mean()), randomisation_test(delta, flips=flips, seed=seed)
    error, freedom = _error(delta, _seed_parts(ours, theirs, untrained or untrained_system))
    width, detectable, p, p_equivalence = 0.0, 0.0, p_queries, equivalence_test(delta, margin)
    if error:
        width, power = (float(stats.t.ppf(level, freedom) * error) for level in (0.975, 0.8))
        beyond = stats.t.sf(np.array([abs(difference), margin - abs(difference)]) / error, freedom)
        detectable, p, p_equivalence = width + power, float(2 * beyond[0]), float(beyond[1])
    return SeedComparison(
        difference=difference,
        low=difference - width,
        high=difference + width,
        wins=int((delta > 0).sum()),
        ties=int((delta == 0).sum()),
        losses=int((delta < 0).sum()),
        queries=len(delta),
        detectable=detectable,
        margin=margin,
        p_equivalence=p_equivalence,
        p_seeds=p,
        p_randomisation=p_queries,
        seeds=0 if untrained_system else len(ours),
        baseline_seeds=0 if untrained else len(theirs),
        sd_system=_spread(ours),
        sd_baseline=_spread(theirs),
        freedom=freedom,
    )


def _need_one(runs: Runs, what: str, untrained: bool) -> None:
    """Raises UsageError where something without a seed has several runs."""
    if untrained and len(runs) > 1:
        raise UsageError(f"A {what} that is not trained has {len(runs)} runs.", hint="Give its scores once.")


def _runs(scores: Sequence[Sequence[float]]) -> Runs:
    """Runs × queries.

    Raises:
        UsageError: there are none, or not as many queries in all of them.
    """
    import numpy as np

    if len(found := {len(run) for run in scores}) != 1 or 0 in found:
        raise UsageError(
            f"Runs of {', '.join(map(str, sorted(found))) or 'no'} queries are not paired.",
            hint="Give a row of scores for each run, with the same queries in the same order.",
        )
    return np.asarray(scores, dtype=np.float64)


def _spread(runs: Runs) -> float | None:
    """The standard deviation of the runs' means; None of one run."""
    return float(runs.mean(axis=1).std(ddof=1)) if len(runs) > 1 else None


def _seed_parts(ours: Runs, theirs: Runs, untrained: bool) -> list[tuple[float, int]]:
    """(variance of the mean, its degrees of freedom), for every system whose seeds are known to vary."""
    several = [(spread**2, len(runs)) for runs in (ours, theirs) if (spread := _spread(runs)) is not None]
    if len(several) == 1 and not untrained:  # the other was trained once, and is taken to vary as this one
        variance, count = several[0]
        return [(variance * (1 / len(ours) + 1 / len(theirs)), count - 1)]
    return [(variance / count, count - 1) for variance, count in several]


def _error(delta: Differences, seeds: list[tuple[float, int]]) -> tuple[float, float]:
    """The standard error of the mean difference and its degrees of freedom (Satterthwaite 1946).

    One query says nothing of others: its error is infinite.
    """
    if len(delta) < 2:
        return math.inf, 1.0
    parts = [(float(delta.var(ddof=1)) / len(delta), len(delta) - 1), *seeds]
    variance = sum(part for part, _ in parts)
    if variance < ROUNDING**2:
        return 0.0, math.inf
    return variance**0.5, variance**2 / sum(part**2 / freedom for part, freedom in parts)
