"""Every filter by hand, and what holds for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.data.copies import near_copy
from syneg_cli.mining import filters

SCORES = np.array([[0.9, 0.8, 0.5, -0.1]], dtype=np.float32)
POSITIVE = np.array([0.8], dtype=np.float32)


def test_rank_window() -> None:
    ranks = np.array([[1, 2, 3, 4]])
    assert filters.rank_window(ranks, 2, 3).tolist() == [[False, True, True, False]]


def test_score_bounds() -> None:
    assert filters.at_least(SCORES, 0.5).tolist() == [[True, True, True, False]]
    assert filters.at_most(SCORES, 0.5).tolist() == [[False, False, True, True]]


def test_margin() -> None:
    assert filters.margin(SCORES, POSITIVE, 0.2).tolist() == [[False, False, True, True]]
    assert filters.margin(SCORES, POSITIVE, 0.0).tolist() == [[False, True, True, True]]


def test_percentage() -> None:
    scores = np.array([[0.77, 0.75]], dtype=np.float32)  # the bound is 0.8 - 0.05 * 0.8 = 0.76
    assert filters.percentage(scores, POSITIVE, 0.95).tolist() == [[False, True]]


def test_a_score_at_the_bound_of_the_percentage_is_kept() -> None:
    scores, positive = np.array([[0.25, 0.25001]]), np.array([0.5])
    assert filters.percentage(scores, positive, 0.5).tolist() == [[True, False]]


def test_percentage_of_a_negative_positive() -> None:
    """0.95 * s+ would lie above a negative s+ and let the positive's equals through."""
    scores = np.array([[-0.76, -0.8, -0.85]], dtype=np.float32)  # the bound is -0.8 - 0.04
    kept = filters.percentage(scores, np.array([-0.8], dtype=np.float32), 0.95)
    assert kept.tolist() == [[False, False, True]]


def test_an_unknown_positive_vouches_for_nothing() -> None:
    unknown = np.array([np.nan], dtype=np.float32)
    assert not filters.margin(SCORES, unknown, 0.1).any()
    assert not filters.percentage(SCORES, unknown, 0.95).any()


def test_auto_margin_is_the_percentage_with_the_average_document_as_zero() -> None:
    positive, zero = np.array([0.8]), np.array([0.0])
    assert filters.auto_margin(positive, zero, 0.95) == pytest.approx([0.04])
    shifted = filters.auto_margin(positive + 10, zero + 10, 0.95)
    assert shifted == pytest.approx([0.04])
    assert filters.auto_margin(np.array([0.1]), np.array([0.3]), 0.95).tolist() == [0.0]


scores = st.floats(-100, 100, width=32)


@given(st.lists(scores, min_size=1), scores, st.floats(0.1, 1))
def test_percentage_never_keeps_what_beats_the_positive(
    found: list[float], positive: float, share: float
) -> None:
    array = np.array([found], dtype=np.float32)
    kept = filters.percentage(array, np.array([positive], dtype=np.float32), share)
    assert (array[kept] <= np.float32(positive)).all()


@given(st.lists(scores, min_size=1), scores, st.floats(0, 10), st.floats(0, 10))
def test_a_wider_margin_keeps_no_more(found: list[float], positive: float, width: float, more: float) -> None:
    array, best = np.array([found], dtype=np.float32), np.array([positive], dtype=np.float32)
    assert not (filters.margin(array, best, width + more) & ~filters.margin(array, best, width)).any()


def test_near_copy() -> None:
    text = "Vitamin D raises bone density in older women of the trial"
    assert near_copy(text, text.upper(), 1.0)
    assert near_copy(text, text + " indeed", 0.9)
    assert not near_copy(text, "Vitamin D has no effect on mood", 0.9)
    assert not near_copy(text, "bone", 0.9)


ASCII = st.text(st.characters(codec="ascii"))
"""What folding does to other characters has its own tests (tests/data/test_units.py)."""


@given(ASCII, ASCII, st.floats(0.01, 1))
def test_near_copy_is_jaccard(text: str, other: str, threshold: float) -> None:
    ours, theirs = set(text.casefold().split()), set(other.casefold().split())
    expected = len(ours & theirs) >= threshold * len(ours | theirs)
    assert near_copy(text, other, threshold) == expected
    assert near_copy(other, text, threshold) == expected
