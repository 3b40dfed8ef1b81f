"""How sure a look has to be, where one looks several times and stops at the first clear answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from syneg_cli.core import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

STEPS = 1000
"""Of the grid on which densities are integrated, from one boundary to the other; even, for Simpson's rule."""


def boundaries(looks: Sequence[int], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The two-sided p that each look has to be below, so that all looks together err with `alpha` at most.

    Each side spends 2 - 2 Φ(z / √t) of α/2, with t the share of the seeds that are done and z the normal
    quantile of 1 - α/4: almost nothing early, nearly all of it in the end (Lan and DeMets 1983, of
    O'Brien and Fleming's shape). The boundaries follow by Armitage, McPherson and Rowe's recursion.
    Looks at more and more seeds of the same queries agree more than the formulas take for granted: they
    spend less than `alpha`, never more.

    Args:
        looks: seeds done at each planned look, rising; the last is all of them.

    Raises:
        UsageError: no looks, or they do not rise from above 0; or `alpha` is not between 0 and 1.
    """
    import numpy as np
    from scipy import stats

    if not looks or looks[0] <= 0 or any(later <= earlier for earlier, later in pairwise(looks)):
        raise UsageError(
            f"Looks at {', '.join(map(str, looks)) or 'no'} seeds are no plan.",
            hint="Name rising numbers, as 2, 3, 5.",
        )
    if not 0 < alpha < 1:
        raise UsageError(f"An alpha of {alpha:g} is not between 0 and 1.", hint="Give 0.05, or less.")
    shares = np.asarray(looks, dtype=np.float64) / looks[-1]
    spent = 2 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(shares))
    found: list[float] = []
    sums, weights, before = np.zeros(1), np.ones(1), 0.0  # of √t·z, which is 0 before any look
    for share, goal in zip(shares, np.diff(spent, prepend=0.0), strict=True):
        width = float(share - before) ** 0.5
        bound = _boundary(sums, weights, width, goal)
        found.append(float(2 * stats.norm.sf(bound / share**0.5)))
        grid = np.linspace(-bound, bound, STEPS + 1)
        density = stats.norm.pdf((grid[:, None] - sums) / width) @ weights / width
        sums, weights, before = grid, density * _simpson(bound), share
    return tuple(found)


def _boundary(sums: Numbers, weights: Numbers, width: float, goal: float) -> float:
    """What the next sum is above with the chance `goal`, coming from `sums` with a step of that width."""
    from scipy import optimize, stats

    def too_likely(bound: float) -> float:
        return float(weights @ stats.norm.sf((bound - sums) / width)) - goal

    return float(optimize.brentq(too_likely, 0.0, 40.0, xtol=1e-10))


def _simpson(bound: float) -> Numbers:
    """The weights of Simpson's rule on the grid from -bound to bound."""
    import numpy as np

    weights = np.full(STEPS + 1, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    return weights * 2 * bound / STEPS / 3
