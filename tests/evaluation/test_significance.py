from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from syneg_cli.core import UsageError
from syneg_cli.evaluation import significance
from syneg_cli.evaluation.significance import (
    bootstrap_interval,
    compare,
    detectable_difference,
    differences,
    equivalence_test,
    paired_t,
    randomisation_test,
)


def test_randomisation_against_all_sign_flips() -> None:
    """Ten differences have 1 024 sign patterns: the exact p is within three standard errors."""
    delta = np.array([0.3, -0.1, 0.2, 0.4, 0.0, 0.1, -0.2, 0.5, 0.1, 0.05])
    observed = abs(delta.sum())
    patterns = itertools.product((-1, 1), repeat=len(delta))
    exact = np.mean([abs(np.dot(signs, delta)) >= observed - 1e-12 for signs in patterns])
    p = randomisation_test(delta, flips=100_000, seed=3)
    assert p == pytest.approx(exact, abs=3 * (exact * (1 - exact) / 100_000) ** 0.5 + 1e-4)


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.02])
def test_randomisation_against_scipy(shift: float) -> None:
    """Both draw 20 000 sign patterns: their p differ by at most five standard errors."""
    rng = np.random.default_rng(7)
    delta = rng.normal(shift, 0.15, size=300) * (rng.random(300) < 0.6)
    theirs = stats.permutation_test(
        (delta,),
        lambda values, axis: values.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        batch=1000,
        rng=rng,
    ).pvalue
    error = (2 * theirs * (1 - theirs) / 20_000) ** 0.5
    assert 0.001 < theirs < 0.999
    assert randomisation_test(delta, flips=20_000) == pytest.approx(theirs, abs=5 * error)


def test_the_same_seed_gives_the_same_p_in_every_version() -> None:
    """Reports of today and of last year are compared: neither may change for other reasons."""
    delta = np.round(np.sin(np.arange(300)) / 5 + 0.015, 3)
    assert randomisation_test(delta, flips=10_000) == pytest.approx(0.0484951504849515, abs=1e-12)
    low, high = bootstrap_interval(delta)
    assert (low, high) == pytest.approx((0.00031633333333333546, 0.031980249999999995), abs=1e-12)


def test_no_difference_is_no_evidence() -> None:
    assert randomisation_test(np.zeros(20)) == 1.0
    assert paired_t(np.zeros(20)) == 1.0


def test_smallest_p_is_one_over_flips_plus_one() -> None:
    assert randomisation_test(np.full(60, 0.1), flips=999) == pytest.approx(1 / 1000)


def test_paired_t_is_scipys_related_t() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(50), rng.random(50)
    assert paired_t(a - b) == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=1e-12)


def test_bootstrap_is_near_the_normal_interval() -> None:
    delta = np.random.default_rng(0).normal(0.1, 0.2, size=400)
    low, high = bootstrap_interval(delta)
    margin = 1.96 * delta.std(ddof=1) / 20
    assert low == pytest.approx(delta.mean() - margin, abs=0.003)
    assert high == pytest.approx(delta.mean() + margin, abs=0.003)


@pytest.mark.parametrize("queries", [2, 3, 50, 1000])
def test_bootstrap_by_hand(queries: int) -> None:
    """Percentiles of 10 000 means of as many queries, drawn with replacement."""
    delta = np.random.default_rng(queries).normal(0.02, 0.2, size=queries)
    drawn = np.random.default_rng(5).integers(0, queries, size=(10_000, queries))
    expected = np.quantile(delta[drawn].mean(axis=1), [0.025, 0.975])
    assert bootstrap_interval(delta, seed=5) == pytest.approx(tuple(expected), abs=1e-12)


def test_the_interval_of_one_query_has_no_ends() -> None:
    assert bootstrap_interval(np.array([0.25])) == (-math.inf, math.inf)


def test_detectable_difference_of_the_methods_page() -> None:
    delta = np.tile([0.2, -0.2], 150) * (299 / 300) ** 0.5
    assert detectable_difference(delta) == pytest.approx(0.0324, abs=0.0002)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_comparison_of_a_system_with_itself(scores: list[float]) -> None:
    result = compare(scores, scores)
    assert (result.difference, result.low, result.high, result.p_randomisation) == (0, 0, 0, 1)
    assert (result.wins, result.losses, result.ties) == (0, 0, len(scores))


def test_comparison_counts_wins() -> None:
    result = compare([0.5, 0.5, 1.0], [0.4, 0.5, 0.2])
    assert (result.wins, result.ties, result.losses) == (2, 1, 0)
    assert result.difference == pytest.approx(0.3)


@pytest.mark.parametrize("value", [1.0, 0.1])
def test_randomisation_in_blocks_counts_every_flip(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Of five equal differences all have the same sign in 2 of 32 patterns: p is 1/16, in 4 and in 200 blocks."""
    for block in (12_500, 250):
        monkeypatch.setattr(significance, "BLOCK", block)
        p = randomisation_test(np.full(5, value), flips=10_000)
        assert p == pytest.approx(1 / 16, abs=5 * (15 / 256 / 10_000) ** 0.5)


def test_the_last_block_ends_with_the_last_flip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one difference every flip is as large as it is: p is 1, in blocks of seven and three, too."""
    monkeypatch.setattr(significance, "BLOCK", 7)
    assert randomisation_test(np.array([0.5]), flips=10) == 1.0


def test_one_block_is_as_long_as_a_flip_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(significance, "BLOCK", 2)
    assert randomisation_test(np.full(20, 0.1), flips=9) == pytest.approx(1 / 10)


def test_a_t_test_needs_two_differences_that_differ() -> None:
    assert math.isnan(paired_t(np.array([0.25])))
    assert math.isnan(paired_t(np.array([0.25, 0.25])))
    assert paired_t(np.array([0.0, 1.0])) == pytest.approx(0.5)
    assert paired_t(np.array([0.5, 0.5 + 2**0.5])) == pytest.approx(
        stats.ttest_1samp([0.5, 0.5 + 2**0.5], 0).pvalue
    )


def test_detectable_difference_by_hand() -> None:
    """(1.959964 + 0.841621) times SD 0.707107 over the root of two; nothing is detectable by one query."""
    assert detectable_difference(np.array([0.0, 1.0])) == pytest.approx(1.4007927, abs=1e-6)
    assert detectable_difference(np.array([0.5])) == math.inf


def test_a_comparison_holds_every_statistic_and_is_the_same_each_time() -> None:
    system, baseline = [1, 0, 1, 1, 0, 1], [0, 0, 1, 0, 1, 0]
    delta = np.asarray(system, dtype=float) - np.asarray(baseline, dtype=float)
    found = compare(system, baseline)
    assert found == compare(system, baseline)
    assert found == compare(system, baseline, seed=0)
    assert (found.low, found.high) == bootstrap_interval(delta, seed=0)
    assert found.p_randomisation == randomisation_test(delta, seed=0)
    assert found.p_t == paired_t(delta)
    assert found.detectable == detectable_difference(delta)
    assert found.queries == 6
    assert replace(compare(system, baseline, seed=1), low=0.0, high=0.0) != replace(found, low=0.0, high=0.0)


def test_the_interval_of_a_comparison_is_that_of_its_seed() -> None:
    delta = np.random.default_rng(3).normal(0.02, 0.2, size=40)
    for seed in (0, 4):
        found = compare(delta.tolist(), [0.0] * 40, seed=seed)
        assert (found.low, found.high) == bootstrap_interval(delta, seed=seed)
    assert compare(delta.tolist(), [0.0] * 40).low != found.low


def test_equivalence_is_two_one_sided_tests_of_scipy() -> None:
    delta = np.random.default_rng(4).normal(0.004, 0.08, size=200)
    for margin in (0.005, 0.01, 0.02, 0.05):
        below = stats.ttest_1samp(delta, margin, alternative="less").pvalue
        above = stats.ttest_1samp(delta, -margin, alternative="greater").pvalue
        assert equivalence_test(delta, margin) == pytest.approx(max(below, above), abs=1e-12)
        assert equivalence_test(-delta, margin) == pytest.approx(max(below, above), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=3, max_size=30), st.floats(0.01, 0.5), st.floats(0.01, 0.4))
def test_equivalent_is_where_the_interval_lies_within_the_margin(
    tenths: list[int], margin: float, alpha: float
) -> None:
    delta = np.array(tenths) / 10
    if np.ptp(delta) == 0:
        return
    interval = stats.ttest_1samp(delta, 0).confidence_interval(1 - 2 * alpha)
    within = bool(-margin < interval.low and interval.high < margin)
    assert (
        within is bool(equivalence_test(delta, margin) < alpha)
        or min(abs(interval.low + margin), abs(interval.high - margin)) < 1e-9
    )


def test_equivalence_where_all_differences_are_one() -> None:
    """0.99 to the power of the queries; 299 of them are needed for p < 0.05. Of 0.005: (0.99 / 0.995) to it."""
    assert equivalence_test(np.zeros(1), 0.01) == pytest.approx(0.99)
    assert equivalence_test(np.zeros(298), 0.01) > 0.05 > equivalence_test(np.zeros(299), 0.01)
    for one in (0.005, -0.005):
        assert equivalence_test(np.full(10, one), 0.01) == pytest.approx((0.99 / 0.995) ** 10)
    assert equivalence_test(np.full(10, 0.01), 0.01) == 1.0
    assert equivalence_test(np.array([0.1 + 0.2, 0.3]), 0.4) == pytest.approx((0.6 / 0.7) ** 2), (
        "but for rounding"
    )


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1, math.nan])
def test_a_margin_is_between_0_and_1(margin: float) -> None:
    with pytest.raises(UsageError, match="not between 0 and 1"):
        compare([0.5, 0.25], [0.25, 0.5], margin=margin)


def test_a_margin_decides_the_equivalence_of_a_comparison() -> None:
    system, baseline = [0.5, 0.25, 0.5], [0.25, 0.25, 0.75]
    delta = np.array([0.25, 0.0, -0.25])
    assert compare(system, baseline).p_equivalence == equivalence_test(delta, 0.01)
    wide = compare(system, baseline, margin=0.5)
    assert (wide.margin, wide.p_equivalence) == (0.5, equivalence_test(delta, 0.5))


def test_fewer_flips() -> None:
    assert compare([1.0] * 60, [0.0] * 60, flips=99).p_randomisation == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("system", "baseline", "says"),
    [
        ([], [], "not paired"),
        ([0.5], [0.5, 0.25], r"shapes \(1,\) and \(2,\)"),
        ([0.5, math.nan, math.inf], [0.5, 0.25, 0.5], "2 of 3 queries have a score that is no finite number"),
        ([0.5, 0.25], [0.5, math.nan], "1 of 2 queries"),
    ],
)
def test_scores_that_cannot_be_compared(system: list[float], baseline: list[float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        compare(system, baseline)


def test_what_differs_by_rounding_is_a_tie() -> None:
    assert differences([0.1 + 0.2, 1.0], [0.3, 0.5]).tolist() == [0.0, 0.5]
    assert differences([1e-11], [0.0]).tolist() == [1e-11]


def test_equal_differences_have_no_t_also_where_rounding_parts_them() -> None:
    assert math.isnan(paired_t(np.array([0.1 + 0.2, 0.3])))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=2, max_size=40))
def test_swapping_the_systems_mirrors_all(pairs: list[tuple[int, int]]) -> None:
    """But for the order in which the bootstrap's means are interpolated, to the last digits."""
    system, baseline = ([value / 10 for value in part] for part in zip(*pairs, strict=True))
    found, turned = compare(system, baseline, flips=199), compare(baseline, system, flips=199)
    assert turned.difference == -found.difference
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert turned.p_randomisation == found.p_randomisation
    assert turned.p_t == pytest.approx(found.p_t, nan_ok=True)
    assert turned.p_equivalence == pytest.approx(found.p_equivalence)
    assert (turned.wins, turned.ties, turned.losses) == (found.losses, found.ties, found.wins)
