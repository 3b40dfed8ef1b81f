"""Near copies among many texts: the quick way finds what looking at every pair finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.data import near_copy, normalised
from syneg_cli.round_trip.near_copies import NearCopies, without_twins

WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=7).map(" ".join)
JAPANESE = st.text("薬男性心臓危険", min_size=1, max_size=7)
TEXTS = st.lists(WORDS | JAPANESE, max_size=8)


@given(TEXTS, WORDS | JAPANESE, st.sampled_from([0.3, 0.5, 0.6, 0.8, 0.9, 1.0]))
def test_it_finds_what_every_pair_would(texts: list[str], text: str, threshold: float) -> None:
    known = NearCopies([*texts, text], threshold)
    for number, one in enumerate(texts):
        known.add(str(number), one)
    copies = [
        str(number)
        for number, one in enumerate(texts)
        if near_copy(one, text, threshold) or normalised(one) == normalised(text)
    ]
    assert known.copied_by(text) == min(copies, default=None)
    but = copies[0] if copies else ""
    assert known.copied_by(text, but=but) == min(copies[1:], default=None)


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("Does Aspirin prevent heart attacks in older men and women", True),  # the same words
        ("does aspirin prevent heart attacks in older men and boys", True),  # 9 of 11 words
        ("does aspirin prevent heart attacks in young men and boys", False),  # 8 of 12
    ],
)
def test_the_overlap_is_of_sets_of_words(text: str, copied: bool) -> None:
    real = "does aspirin prevent heart attacks in older men and women"
    known = NearCopies([real, text], 0.8)
    known.add("q", real)
    assert (known.copied_by(text) == "q") == copied


def test_off_still_finds_the_same_text() -> None:
    known = NearCopies([], "off")
    known.add("q", "Does  aspirin HELP")
    assert known.copied_by("does aspirin help") == "q"
    assert known.copied_by("aspirin does help") is None


def test_what_copies_a_copy_that_is_gone_may_stay() -> None:
    texts = {"a": "1 2 3 4", "b": "1 2 3 4 5", "c": "1 2 3 4 5 6"}
    assert without_twins(texts, 0.8) == {"b": "a"}
    assert without_twins(texts, 0.6) == {"b": "a", "c": "a"}
