"""What is looked at first, because it is fast, decides as the rule itself does."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from syneg_cli.generation.answer_checks import OF_ITSELF, TALK, TALK_HINTS, talks

PARTS = (*TALK_HINTS, *OF_ITSELF, "hard", "this", "document", "s", "the", "does not provide", "bones")


@given(st.lists(st.sampled_from(PARTS), max_size=5), st.sampled_from((" ", "-", "")))
@example(["this document", "does not provide"], " ")
@example(["hard", "negative"], "-")
def test_every_text_that_talks_has_a_hint(parts: list[str], between: str) -> None:
    text = between.join(parts)
    assert talks(text) == bool(TALK.search(text))
