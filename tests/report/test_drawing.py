"""Scales and ticks of the pictures."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.report.charts import LETTERS, Axis, Row, rows_chart
from syneg_cli.report.drawing import Scale, letters_of, scale_of, shortened, ticks


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


def test_a_label_is_whole_where_it_has_room() -> None:
    """Beside its numbers, else above them; what is too long for the picture loses its middle."""
    told, names = (
        "+0.0123 [-0.0100, +0.0346]",
        ("dense", "zero-shot-expanded less zero-shot, on all queries", "n" * 3 * LETTERS),
    )
    axis = Axis("difference", 0.0)
    drawn = {name: rows_chart("n", "t", "c", [Row(name, 0.1, told)], axis) for name in names}
    heights = {name: float(re.findall(r'viewBox="0 0 440 (\d+)"', svg)[0]) for name, svg in drawn.items()}
    assert names[0] in drawn[names[0]]
    assert names[1] in drawn[names[1]]
    assert "…" in drawn[names[2]]
    assert heights[names[0]] < heights[names[1]] == heights[names[2]]
    both = rows_chart("n", "t", "c", [Row(name, 0.1, told) for name in names], axis)
    lines = [float(y) for y in re.findall(r'<text x="8.0" y="([\d.]+)"', both)]
    assert len(lines) == 3
    assert all(below - above >= 16 for above, below in pairwise(lines))


@given(st.text(st.sampled_from("ab检索"), min_size=1, max_size=90), st.integers(5, 70))
def test_letters_that_are_two_wide_take_the_room_of_two(text: str, letters: int) -> None:
    short = shortened(text, letters)
    assert letters_of(short) <= letters
    assert (short[0], short[-1]) == (text[0], text[-1])
    assert (short == text) == (letters_of(text) <= letters)
    wide = sum(letter in "检索" for letter in text)
    assert letters_of(text) == len(text) + wide
