"""What cannot be the query of a negative's own."""

from __future__ import annotations

import pytest

from syneg_cli.generation import answer_checks as answers


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (" ?! ", "empty"),
        ("What moves the tides", "copy of the query"),
        ("what moves the tides?", "copy of the query"),
        ("one two three four five six", "quotes its document"),
        ("one two three four five", ""),
        ("one two three four five seven", ""),
    ],
)
def test_what_cannot_be_a_query_of_ones_own(text: str, problem: str) -> None:
    found = answers.own_query_problem(
        text, document="Zero one two three four five six.", query="What moves the tides?"
    )
    assert found == problem
