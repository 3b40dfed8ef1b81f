"""Several seeds of two systems: the error of their difference, and what is unknown with one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from syneg_cli.core import UsageError
from syneg_cli.evaluation import SeedComparison, compare_seeds
from syneg_cli.evaluation.significance import equivalence_test, randomisation_test

OURS = [[0.6, 0.4], [0.8, 0.6]]
THEIRS = [[0.3, 0.5], [0.3, 0.3]]


def two_sided(t: float) -> float:
    """Of t with two degrees of freedom, whose distribution has a closed form."""
    return 1 - abs(t) / math.sqrt(2 + t * t)


def test_two_levels_by_hand() -> None:
    """The queries' part is 0.045 / 2, the seeds' 0.02 / 2 and 0.005 / 2: 0.035 with exactly 2 degrees of freedom."""
    found = compare_seeds(OURS, THEIRS)
    t = 0.25 / math.sqrt(0.035)
    assert found.difference == pytest.approx(0.25)
    assert found.p == found.p_seeds == pytest.approx(two_sided(t))
    width = 4.302652729911275 * math.sqrt(0.035)
    assert (found.low, found.high) == pytest.approx((0.25 - width, 0.25 + width))
    assert found.detectable == pytest.approx(width + 1.0606601717798214 * math.sqrt(0.035))
    assert found.p_equivalence == pytest.approx(1 - two_sided((0.01 - 0.25) / math.sqrt(0.035)) / 2)
    assert (found.sd_system, found.sd_baseline) == pytest.approx((math.sqrt(0.02), math.sqrt(0.005)))
    assert (found.wins, found.ties, found.losses) == (2, 0, 0)
    assert (found.queries, found.seeds, found.baseline_seeds, found.margin) == (2, 2, 2, 0.01)


def test_an_untrained_baseline_adds_no_seeds() -> None:
    """0.08 / 2 of the queries and 0.02 / 2 of the seeds: 0.05, and 0.0025 / 0.0017 degrees of freedom."""
    found = compare_seeds(OURS, [[0.2, 0.4]], untrained=True)
    assert found.p == pytest.approx(float(2 * stats.t.sf(0.3 / math.sqrt(0.05), 0.0025 / 0.0017)))
    assert (found.baseline_seeds, found.sd_baseline) == (0, None)


@pytest.mark.parametrize("turned", [False, True])
def test_a_system_trained_once_is_taken_to_vary_as_the_other(turned: bool) -> None:
    """0.08 / 2 of the queries, 0.02 · (1/2 + 1/1) of the seeds, with one degree of freedom each."""
    once = [[0.2, 0.4]]
    found = compare_seeds(once, OURS) if turned else compare_seeds(OURS, once)
    freedom = 0.07**2 / (0.04**2 + 0.03**2)
    assert found.p == pytest.approx(float(2 * stats.t.sf(0.3 / math.sqrt(0.07), freedom)))
    known, unknown = (found.sd_baseline, found.sd_system)[:: 1 if turned else -1]
    assert known == pytest.approx(math.sqrt(0.02))
    assert unknown is None


def test_one_run_of_each_is_a_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random(50), rng.random(50)
    found, expected = compare_seeds([ours], [theirs]), stats.ttest_rel(ours, theirs)  # type: ignore[list-item]
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.sd_system, found.sd_baseline) == (None, None), "unknown, and not 0"
    assert found.p_equivalence == pytest.approx(equivalence_test(ours - theirs, 0.01))


def test_where_queries_do_not_differ_it_is_welchs_test_of_the_seeds() -> None:
    ours, theirs = [0.61, 0.63, 0.66], [0.58, 0.6, 0.55, 0.62]
    found = compare_seeds([[value] * 40 for value in ours], [[value] * 40 for value in theirs])
    expected = stats.ttest_ind(ours, theirs, equal_var=False)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_p_over_queries_alone_is_beside_it() -> None:
    rng = np.random.default_rng(2)
    ours, theirs = rng.random((3, 40)), rng.random((2, 40))
    found = compare_seeds(ours.tolist(), theirs.tolist(), seed=5, flips=999)
    delta = ours.mean(axis=0) - theirs.mean(axis=0)
    assert found.p_randomisation == randomisation_test(delta, flips=999, seed=5)


def runs(seeds: int) -> st.SearchStrategy[list[list[float]]]:
    score = st.integers(0, 20).map(lambda n: n / 20)
    return st.lists(st.lists(score, min_size=6, max_size=6), min_size=1, max_size=seeds)


def outline(found: SeedComparison) -> tuple[float, ...]:
    return (found.difference, found.low, found.high, found.p, found.p_equivalence, found.detectable)


@settings(max_examples=60, deadline=None)
@given(runs(4), runs(4), st.randoms(use_true_random=False))
def test_turned_scaled_and_shuffled(ours: list[list[float]], theirs: list[list[float]], rng: object) -> None:
    """Swapping the systems mirrors all; the order of queries and of seeds is nothing; halved scores halve all."""
    found = compare_seeds(ours, theirs, flips=9)
    turned = compare_seeds(theirs, ours, flips=9)
    mirrored = (-found.difference, -found.high, -found.low, found.p, found.p_equivalence, found.detectable)
    assert outline(turned) == pytest.approx(mirrored, abs=1e-9)
    assert (turned.wins, turned.losses, turned.ties) == (found.losses, found.wins, found.ties)
    assert (turned.sd_system, turned.sd_baseline) == (found.sd_baseline, found.sd_system)
    order = list(range(6))
    rng.shuffle(order)  # type: ignore[attr-defined]
    again = compare_seeds(
        [[run[q] for q in order] for run in reversed(ours)],
        [[run[q] for q in order] for run in theirs],
        flips=9,
    )
    varies = found.high - found.low > 1e-9  # else p is the randomisation test's, whose draws have an order
    assert (outline(again) if varies else outline(again)[:3]) == pytest.approx(
        outline(found) if varies else outline(found)[:3], abs=1e-9
    )
    half = compare_seeds(
        [[v / 2 for v in run] for run in ours],
        [[v / 2 for v in run] for run in theirs],
        margin=0.005,
        flips=9,
    )
    assert (half.difference, half.low, half.high, half.detectable) == pytest.approx(
        tuple(value / 2 for value in (found.difference, found.low, found.high, found.detectable)), abs=1e-9
    )
    assert half.p == pytest.approx(found.p, abs=1e-6)


def test_means_that_differ_by_rounding_are_ties() -> None:
    ours, theirs = [[0.1, 0.9], [0.2, 0.9], [0.3, 0.9]], [[0.3, 0.9], [0.2, 0.9], [0.1, 0.6]]
    found = compare_seeds(ours, theirs)
    assert (found.wins, found.ties, found.losses) == (1, 1, 0)


def test_nothing_varies() -> None:
    same = compare_seeds([[0.5] * 300] * 2, [[0.5] * 300] * 3)
    assert outline(same) == pytest.approx((0, 0, 0, 1, 0.99**300, 0))
    better = compare_seeds([[0.5] * 5] * 2, [[0.25] * 5] * 2)
    assert (better.low, better.high, better.detectable) == (0.25, 0.25, 0.0)
    assert better.p == better.p_randomisation == pytest.approx(1 / 16, abs=0.004)
    assert better.p_equivalence == 1.0


def test_one_query_says_nothing_of_others() -> None:
    found = compare_seeds([[0.5], [0.6]], [[0.25], [0.2]])
    assert (found.low, found.high, found.p, found.detectable) == (-math.inf, math.inf, 1.0, math.inf)
    assert found.p_equivalence == 0.5


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        ([], [[0.5]], "Runs of no queries are not paired"),
        ([[]], [[0.5]], "Runs of 0 queries are not paired"),
        ([[0.5], [0.5, 0.6]], [[0.5]], "Runs of 1, 2 queries are not paired"),
        ([[0.5]], [[0.5, 0.6]], r"Scores of shapes \(1,\) and \(2,\) are not paired"),
        ([[0.5, math.nan]], [[0.5, 0.6]], "1 of 2 queries have a score that is no finite number"),
    ],
)
def test_what_is_not_paired_is_refused(ours: list[list[float]], theirs: list[list[float]], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        compare_seeds(ours, theirs)
    assert refused.value.hint in (
        "Give a row of scores for each run, with the same queries in the same order.",
        "Give one score per query of each system, in the same order of queries.",
        "A query without results scores 0; measure again where a score is missing.",
    )


def test_an_untrained_baseline_has_one_row() -> None:
    with pytest.raises(UsageError, match="not trained has 2 runs") as refused:
        compare_seeds(OURS, THEIRS, untrained=True)
    assert refused.value.hint == "Give its scores once."


def test_a_margin_is_a_share() -> None:
    with pytest.raises(UsageError, match="margin of equivalence of 0 is not between 0 and 1"):
        compare_seeds(OURS, THEIRS, margin=0.0)
