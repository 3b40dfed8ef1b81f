"""AUC, its interval and the linear probe: by hand, against brute force, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from syneg_cli.evaluation import auc, probe_auc, wilson


def test_auc_by_hand() -> None:
    first, second = [3.0, 2.0, 1.0], [2.0, 1.0]
    # 3 beats both (1), 2 ties one and beats one (0.75), 1 loses one and ties one (0.25): mean 2/3.
    # 2 is beaten by 3, tied by 2, not by 1 (0.5); 1 is beaten by 3 and 2, tied by 1 (5/6): mean 2/3.
    found = auc(first, second)
    assert found.value == pytest.approx(2 / 3)
    s10 = ((1 / 3) ** 2 + (1 / 12) ** 2 + (5 / 12) ** 2) / 2
    s01 = ((1 / 6) ** 2 + (1 / 6) ** 2) / 1
    width = 1.959964 * math.sqrt(s10 / 3 + s01 / 2)
    assert found.low == pytest.approx(max(0.0, 2 / 3 - width), abs=1e-6)
    assert found.high == pytest.approx(min(1.0, 2 / 3 + width), abs=1e-6)


def test_auc_is_the_share_of_comparisons_won() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 9, 40).tolist(), rng.integers(0, 9, 70).tolist()
    won = np.mean([(a > b) + 0.5 * (a == b) for a in first for b in second])
    assert auc(first, second).value == pytest.approx(won)
    assert auc(second, first).value == pytest.approx(1 - won)


def test_groups_of_one_change_nothing_and_copies_of_a_query_are_no_evidence() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.5, 1, 30).tolist(), rng.normal(0, 1, 40).tolist()
    alone = auc(first, second)
    apart = auc(first, second, [f"a{i}" for i in range(30)], [f"b{i}" for i in range(40)])
    assert apart == alone
    copied = auc(first * 10, second * 10, [*range(30)] * 10, [*range(100, 140)] * 10)
    assert copied.value == pytest.approx(alone.value)
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))


def test_a_complete_separation_is_as_sure_as_there_are_groups() -> None:
    found = auc([2.0] * 100, [1.0] * 100, [*range(10)] * 10, [*range(10)] * 10)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(10 / (10 + 1.959964**2), abs=1e-6)


def test_nothing_to_compare_is_nothing_measured() -> None:
    assert math.isnan(auc([], [1.0]).value)
    assert auc([1.0, 3.0], [2.0], ["q", "q"], ["q"]) == type(auc([], []))(0.5, 0.0, 1.0)


def test_the_interval_covers_where_scores_of_a_query_belong_together() -> None:
    """95 % nominal, 300 trials: intervals that took scores as independent would cover far less."""
    rng, hits, naive = np.random.default_rng(2), 0, 0
    truth = 0.5 * (1 + math.erf(0.5 / math.sqrt(2 * (1 + 1)) / math.sqrt(2)))  # N(0.5, 2) against N(0, 2)
    groups = [q for q in range(40) for _ in range(4)]
    others = [q + 1000 for q in range(40) for _ in range(4)]
    for _ in range(300):
        first = (rng.normal(0.5, 1, 40).repeat(4) + rng.normal(0, 1, 160)).tolist()
        second = (rng.normal(0, 1, 40).repeat(4) + rng.normal(0, 1, 160)).tolist()
        found, alone = auc(first, second, groups, others), auc(first, second)
        hits += found.low <= truth <= found.high
        naive += alone.low <= truth <= alone.high
    assert 270 <= hits <= 298
    assert naive < 255


def test_wilson_by_hand() -> None:
    z = 1.959964
    assert wilson(0.0, 10) == pytest.approx((0.0, z**2 / (10 + z**2)), abs=1e-6)
    low, high = wilson(0.1, 100)
    assert (low, high) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0.5, 0) == (0.0, 1.0)


def test_the_probe_finds_what_differs_and_nothing_else() -> None:
    rng = np.random.default_rng(3)
    groups = [f"q{i}" for i in range(100)]
    noise, other = rng.normal(size=(100, 6)), rng.normal(size=(100, 6))
    chance = probe_auc(noise.tolist(), other.tolist(), groups, groups)
    assert chance.low < 0.5 < chance.high
    shifted = other + np.array([0, 3, 0, 0, 0, 0])
    assert probe_auc(shifted.tolist(), noise.tolist(), groups, groups).low > 0.95


def test_the_probe_is_not_asked_about_what_it_was_fitted_to() -> None:
    """With more features than texts a fit separates noise completely; on other queries it is chance."""
    groups, found = [f"q{i}" for i in range(30)], []
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(2, 30, 200))
        found.append(probe_auc(noise[0].tolist(), noise[1].tolist(), groups, groups).value)
    assert 0.4 < np.mean(found) < 0.6


def test_features_that_never_vary_are_passed_over() -> None:
    found = probe_auc([[1.0, 0.0]] * 20, [[1.0, 0.0]] * 20, [*map(str, range(20))], [*map(str, range(20))])
    assert found.value == 0.5
