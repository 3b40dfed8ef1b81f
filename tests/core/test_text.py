"""Text that every file can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import counted, mended_value, money, printable

PARTS = st.sampled_from(["a", "\ufffd", "\U0001f600", "\ud83d", "\ude00", "\ud800", "\udfff", "\n"])


@pytest.mark.parametrize(
    ("text", "clean", "broken"),
    [
        ("plain", "plain", 0),
        ("\ud83d\ude00", "\U0001f600", 0),
        ("\ude00\ud83d", "\ufffd\ufffd", 2),
        ("\ufffd \ud83d", "\ufffd \ufffd", 1),
        ("\ud83d\ud83d\ude00", "\ufffd\U0001f600", 1),
    ],
)
def test_the_halves_of_a_pair_are_put_together_and_single_ones_counted(
    text: str, clean: str, broken: int
) -> None:
    assert mended_value({text: [text]}) == ({clean: [clean]}, 2 * broken)
    assert printable(text) == clean


@given(st.lists(PARTS).map("".join))
def test_files_and_answers_are_mended_by_one_rule(text: str) -> None:
    """UTF-16 is the oracle: its decoder knows pairs and halves."""
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert printable(text) == clean
    assert mended_value(text) == (clean, clean.count("\ufffd") - text.count("\ufffd"))


def test_one_thing_is_one_thing() -> None:
    assert [counted(n, "negative") for n in (0, 1, 2)] == ["0 negatives", "1 negative", "2 negatives"]
    assert [counted(n, "query", "queries") for n in (1, 2)] == ["1 query", "2 queries"]


def test_what_costs_a_little_is_not_shown_as_free() -> None:
    shown = [money(usd) for usd in (None, 0.0, 1e-7, 0.000045, 0.0123, 2.5)]
    assert shown == ["unpriced", "$0.0000", "< $0.000001", "$0.000045", "$0.0123", "$2.50"]
