"""The boundaries of planned looks, against published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from syneg_cli.core import UsageError
from syneg_cli.evaluation import boundaries


def as_z(p_values: tuple[float, ...]) -> list[float]:
    return [float(stats.norm.isf(p / 2)) for p in p_values]


@pytest.mark.parametrize(
    ("looks", "z"),
    [
        ([1], [1.95996]),
        ([1, 2], [2.9626, 1.9686]),
        ([1, 2, 3, 4, 5], [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_published_boundaries(looks: list[int], z: list[float]) -> None:
    """Lan and DeMets' of O'Brien and Fleming's shape at 0.05, as their program ld98 prints them."""
    assert as_z(boundaries(looks)) == pytest.approx(z, abs=2e-4)


def test_only_shares_count() -> None:
    assert boundaries([2, 4, 6]) == pytest.approx(boundaries([1, 2, 3]), abs=1e-12)
    assert boundaries([7], alpha=0.01) == pytest.approx((0.01,), abs=1e-12)


def test_the_first_look_has_what_is_spent_by_then() -> None:
    """Two seeds of five: 4 · (1 - Φ(z / √0.4)), z the quantile of 1 - 0.05 / 4."""
    z = stats.norm.isf(0.0125)
    assert boundaries([2, 3, 5])[0] == pytest.approx(float(4 * stats.norm.sf(z / math.sqrt(0.4))), rel=1e-9)


@pytest.mark.parametrize(("looks", "alpha"), [([2, 3, 4, 5], 0.05), ([1, 5, 6], 0.2)])
def test_all_looks_together_spend_alpha(looks: list[int], alpha: float) -> None:
    """Of 200 000 random walks as many pass a boundary at some look as alpha says: within five standard errors."""
    rng = np.random.default_rng(1)
    steps = np.diff(np.array(looks, dtype=float), prepend=0.0)
    walks = np.cumsum(rng.normal(size=(200_000, len(looks))) * np.sqrt(steps), axis=1) / np.sqrt(looks)
    passed = (np.abs(walks) > as_z(boundaries(looks, alpha=alpha))).any(axis=1).mean()
    assert passed == pytest.approx(alpha, abs=5 * math.sqrt(alpha * (1 - alpha) / 200_000))


@pytest.mark.parametrize("looks", [[], [0, 1], [2, 2], [3, 2]])
def test_looks_that_are_no_plan(looks: list[int]) -> None:
    with pytest.raises(UsageError, match="no plan") as refused:
        boundaries(looks)
    assert refused.value.hint == "Name rising numbers, as 2, 3, 5."


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_an_alpha_that_is_none(alpha: float) -> None:
    with pytest.raises(UsageError, match="not between 0 and 1") as refused:
        boundaries([1, 2], alpha=alpha)
    assert refused.value.hint == "Give 0.05, or less."
