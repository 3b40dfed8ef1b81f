"""Scales and ticks of the pictures."""

from __future__ import annotations

from itertools import pairwise

import pytest

from syneg_cli.report.drawing import Scale, scale_of, ticks


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.013, 0.072), (0, 300), (1e-9, 2e-9), (-5e6, 7e6), (3, 3.01)]
)
def test_ticks_are_few_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high, 6)
    assert 2 <= len(found) <= 6
    assert low - 1e-12 <= found[0]
    assert found[-1] <= high * (1 + 1e-12)
    steps = {round((b - a) / (high - low), 6) for a, b in pairwise(found)}
    assert len(steps) == 1


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [3.0], [-1.0, 0.0], [1.0, 2.0]])
@pytest.mark.parametrize("zero", [True, False])
def test_a_scale_has_all_values_and_some_room(values: list[float], zero: bool) -> None:
    scale = scale_of(values, 0, 100, zero=zero)
    assert all(0 <= scale(value) <= 100 for value in values)
    assert not zero or 0 <= scale(0) <= 100
    assert Scale(0, 2, 10, 20)(1) == 15
