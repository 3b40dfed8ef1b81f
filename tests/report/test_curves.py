"""Curves over the steps of a training run: smoothed, cut, thinned, summed up."""

from __future__ import annotations

import math

import pytest

from syneg_cli.report.curves import Curve, pieces, smooth, thin, window_for


def test_smoothing_by_hand_and_nothing_at_the_ends() -> None:
    curve = Curve((1, 2, 3, 5, 8), (3.0, 0.0, 6.0, 9.0, 0.0))
    assert smooth(curve, 3) == Curve((2, 3, 5), (3.0, 5.0, 5.0))
    assert smooth(curve, 5) == Curve((3,), (3.6,))
    assert smooth(curve, 1) == curve
    assert smooth(curve, 7) == Curve()


def test_smoothing_a_straight_line_gives_the_line() -> None:
    """A mean of padded or cut windows would bend it at the ends."""
    line = Curve(tuple(range(1, 41)), tuple(float(step) for step in range(1, 41)))
    smoothed = smooth(line, 7)
    assert smoothed.values == pytest.approx(smoothed.steps)
    assert (smoothed.steps[0], smoothed.steps[-1]) == (4, 37)


@pytest.mark.parametrize(
    ("points", "window"), [(0, 1), (9, 1), (10, 5), (28, 5), (104, 11), (110, 11), (1000, 101), (10**5, 101)]
)
def test_the_window_is_a_tenth_odd_and_bounded(points: int, window: int) -> None:
    assert window_for(points) == window


def test_a_curve_is_cut_where_nothing_was_measured_for_long() -> None:
    curve = Curve((1, 2, 4, 9, 10), (1.0, 2.0, 3.0, 4.0, 5.0))
    assert pieces(curve, 2) == [Curve((1, 2, 4), (1.0, 2.0, 3.0)), Curve((9, 10), (4.0, 5.0))]
    assert pieces(curve, 5) == [curve]
    assert pieces(Curve(), 5) == []


def test_thinning_keeps_the_extremes() -> None:
    values = tuple(math.sin(i) for i in range(1000)) + (50.0,) + (0.0,) * 999
    curve = Curve(tuple(range(1, 2001)), values)
    thinned = thin(curve, 100)
    assert len(thinned) <= 100
    assert (max(thinned.values), min(thinned.values)) == (50.0, min(values))
    assert set(zip(thinned.steps, thinned.values, strict=True)) <= set(zip(curve.steps, values, strict=True))
    assert thinned.steps == tuple(sorted(thinned.steps))
    assert thin(curve, 2000) is curve


def test_quarters() -> None:
    curve = Curve(tuple(range(1, 9)), (1.0, 3.0, 9.0, 9.0, 9.0, 9.0, 5.0, 7.0))
    assert (curve.first_quarter(), curve.last_quarter()) == (2.0, 6.0)
    assert Curve((1,), (4.0,)).last_quarter() == 4.0
    assert Curve().last_quarter() is None
