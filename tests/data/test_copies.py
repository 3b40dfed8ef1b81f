from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from syneg_cli.data.copies import NGRAM, Words, near_copy
from syneg_cli.data.corpus import Corpus
from syneg_cli.data.units import normalised

TEXTS = st.lists(st.sampled_from("abcd"), max_size=14).map(" ".join)
"""Few words, so that shared 5-grams are common."""


def plainly_copies(text: str, other: str, share: float) -> bool:
    """The definition, without shortcuts."""

    def grams(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)}

    ours, theirs = text.split(), other.split()
    if len(ours) < NGRAM:
        return ours == theirs
    return len(grams(ours) & grams(theirs)) >= share * len(grams(ours))


@given(TEXTS, TEXTS, st.sampled_from([0.1, 0.3, 0.5, 0.8, 1.0]))
def test_copies_is_the_share_of_5_grams(text: str, other: str, share: float) -> None:
    assert Words(text).copies(Words(other), share) == plainly_copies(text, other, share)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from([0.1, 0.5, 1.0]))
def test_a_text_copied_whole_is_a_copy(before: str, text: str, after: str, share: float) -> None:
    if len(text.split()) >= NGRAM:
        assert Words(text).copies(Words(f"{before} {text} {after}"), share)


def test_case_and_white_space_do_not_hide_a_copy() -> None:
    text, shouted = "one two three four five six", "ONE  two\nthree four FIVE six"
    assert normalised(text) == normalised(shouted) == Words(shouted).folded
    assert Words(text).copies(Words(shouted), 1.0)
    assert near_copy(text, shouted, 1.0)
    assert Words("Two Words").copies(Words("two  words"), 1.0)
    assert not Words("two words").copies(Words("two words more"), 0.1)


@given(st.text(), st.text())
@example("A  Title ", "of\tTWO words")
@example(" ", "x")
@example("x", "")
@example("e", "\u0301x")
@example("\u4e2d", "\u6587 x")
def test_a_corpus_folds_its_documents_as_texts_are_folded(title: str, text: str) -> None:
    corpus = Corpus(pa.table({"id": ["d"], "title": [title], "text": [text]}), "")
    versions = [text, f"{title} {text}"] if title else [text]
    assert list(corpus.versions()) == [normalised(version) for version in versions]
    found = corpus.with_text(set(map(normalised, versions)))
    assert set(found) == set(map(normalised, versions))
