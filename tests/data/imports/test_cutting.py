"""Passages: nothing is lost, nothing is too long, borders are between sentences, headings come along."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import NoProgress
from syneg_cli.data.imports.cutting import ByUnits, Counter, Cut, Cutter
from syneg_cli.data.imports.text import Document, markdown, plain
from syneg_cli.data.units import is_blank
from syneg_cli.encoding import token_counter
from tests.data.imports.conftest import WORDS


class Words:
    """A token for each word."""

    name, extra = "words", 0

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]


def cut(document: Document, tokens: int, overlap: int = 0, least: int = 0) -> list[tuple[str, str]]:
    """(title, text) of the passages, by words."""
    cutter = Cutter(Words(), tokens, overlap, least)
    return [(one.title, document.text[one.start : one.end]) for one in cutter.cut(document)]


def of_markdown(text: str, title: str = "") -> Document:
    return markdown("x.md", text, "x", {}, title)


SIGNS = st.sampled_from(
    [*"abcé.?!。 \n\t-#`'\"(", "。」", " the ", "word ", "\n\n", "字", "😀", "ไทย", "\u2028", "\x0b"]
)
TEXTS = st.lists(SIGNS, max_size=300).map("".join) | st.text(max_size=80)


@given(TEXTS, st.integers(16, 40), st.integers(0, 20), st.integers(0, 20))
def test_every_character_is_in_a_passage_and_none_is_too_long(
    text: str, tokens: int, overlap: int, least: int
) -> None:
    counter = ByUnits()
    document = plain("d", "A title", text)
    passages = Cutter(counter, tokens, overlap, least).cut(document)
    covered = {place for one in passages for place in range(one.start, one.end)}
    seen = range(0) if is_blank(text) else range(len(text))
    assert all(place in covered for place in seen if not text[place].isspace())
    for one in passages:
        assert one.end > one.start
        shown = f"{one.title} {text[one.start : one.end]}".strip()
        assert counter.count([shown])[0] + counter.extra <= tokens
    assert passages == sorted(passages, key=lambda one: one.start)
    assert len({one.start for one in passages}) == len({one.end for one in passages}) == len(passages)


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Counter:
    return token_counter(str(tiny_model), NoProgress())


@given(text=TEXTS, tokens=st.integers(16, 48))
def test_the_limit_is_the_tokenizers(tokenizer: Counter, text: str, tokens: int) -> None:
    document = plain("d", "vitamin D and bone", text)
    for one in Cutter(tokenizer, tokens, 8, 8).cut(document):
        assert tokenizer.count([f"{one.title} {text[one.start : one.end]}"])[0] + tokenizer.extra <= tokens


@given(
    st.lists(
        st.sampled_from(["# A", "## B", "### C", "text.", "```", "- x", "", "A\n===", "---", "> q"]),
        max_size=30,
    )
)
def test_of_markdown_every_line_is_in_a_title_or_a_text(lines: list[str]) -> None:
    document = of_markdown("\n".join(lines))
    passages = cut(document, 16, least=4)
    shown = " ".join(f"{title} {text}" for title, text in passages)
    for word in re.findall(r"[A-Z]|text|x|q", document.text):
        assert word in shown or document.title == word


def test_borders_are_between_sentences() -> None:
    text = "One two three. Four five six! Seven eight, e.g. nine? Ten."
    assert [text for _, text in cut(plain("d", "", text), 7)] == [
        "One two three. Four five six!",
        "Seven eight, e.g. nine? Ten.",
    ]


def test_scripts_without_blanks_have_sentences_too() -> None:
    text = "今日は晴れです。明日は雨です。「本当に。」週末は雪です。"
    document = plain("d", "", text)
    assert [text[one.start : one.end] for one in Cutter(ByUnits(), 17).cut(document)] == [
        "今日は晴れです。明日は雨です。",
        "「本当に。」週末は雪です。",
    ]


def test_an_overlap_is_of_whole_sentences() -> None:
    document = plain("d", "", "A b c. D e. F g h. I j. K l m.")
    assert [text for _, text in cut(document, 6, overlap=2)] == ["A b c. D e.", "D e. F g h.", "I j. K l m."]
    assert [text for _, text in cut(document, 6)] == ["A b c. D e.", "F g h. I j.", "K l m."]


def test_a_short_end_begins_earlier() -> None:
    document = plain("d", "", "A b c. D e f. G h i. J.")
    assert [text for _, text in cut(document, 9)] == ["A b c. D e f. G h i.", "J."]
    assert [text for _, text in cut(document, 9, least=4)] == ["A b c. D e f. G h i.", "G h i. J."]


def test_a_document_that_fits_is_one_passage() -> None:
    text = "# Guide\n\nIntro.\n\n## Install\n\nRun it.\n"
    assert cut(of_markdown(text), 20) == [("Guide", "Intro.\n\n## Install\n\nRun it.")]


def test_headings_become_titles() -> None:
    text = (
        f"# Guide\n\n{WORDS}\n\n## Install\n### Linux\n\n{WORDS}\n### *Mac*  OS\n{WORDS}\n\nUse\n---\n{WORDS}"
    )
    assert [title for title, _ in cut(of_markdown(text), 22)] == [
        "Guide",
        "Guide › Install › Linux",
        "Guide › Install › Mac OS",
        "Guide › Use",
    ]
    assert {text for _, text in cut(of_markdown(text), 22)} == {WORDS.strip()}


def test_short_sections_are_joined_and_keep_their_headings() -> None:
    text = f"# G\n## A\nShort.\n## B\nAlso.\n## C\n{WORDS}"
    assert cut(of_markdown(text), 18, least=5) == [
        ("G", "## A\nShort.\n## B\nAlso."),
        ("G › C", WORDS.strip()),
    ]
    assert [title for title, _ in cut(of_markdown(text), 18)] == ["G › A", "G › B", "G › C"]


def test_joined_sections_keep_the_headings_above_both() -> None:
    text = f"# G\n{WORDS}\n## A\n### B\nShort.\n### C\nAlso.\n## D\n{WORDS}"
    assert ("G › A", "### B\nShort.\n### C\nAlso.") in cut(of_markdown(text), 18, least=5)
    same = f"# G\n{WORDS}\n## A\nShort.\n## A\nAlso.\n## D\n{WORDS}"
    assert ("G › A", "Short.\n## A\nAlso.") in cut(of_markdown(same), 16, least=5)


def test_a_heading_with_nothing_under_it_is_kept() -> None:
    text = f"# G\n{WORDS}\n## Left to do\n## B\n{WORDS}"
    assert ("G", "## Left to do") in cut(of_markdown(text), 20)


def test_code_is_not_cut_where_it_fits_and_has_no_headings() -> None:
    code = "```sh\n# First. Second.\n\nmake it. Now.\n```"
    text = f"# G\n{WORDS}\n\n{code}\n\n{WORDS}"
    assert code in [text for _, text in cut(of_markdown(text), 18)]


def test_code_that_is_too_long_is_cut_at_its_lines() -> None:
    code = "\n".join(f"line {number} = f({number})" for number in range(20))
    found = [text for _, text in cut(of_markdown(f"```\n{code}\n```\n"), 16)]
    assert len(found) > 3
    assert all(line in f"```\n{code}\n```".split("\n") for text in found for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# First\n\nx", "First"),
        ("---\ntitle: 'Of the front'\ntags: [a]\n---\nx", "Of the front"),
        ('+++\ntitle = "Of TOML"\n+++\nx', "Of TOML"),
        ("---\ntitle: Front\n---\n# Heading\nx", "Heading"),
        ("## Second\n\nx", "x"),
        ("", "x"),
        ("---\nA line between rules.\n---\nx", "x"),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert of_markdown(text).title == title
    assert of_markdown("Text.", "Of <title>").title == "Of <title>"


def test_front_matter_is_no_text_and_rules_are() -> None:
    assert cut(of_markdown("---\ntitle: T\n---\nText."), 20) == [("T", "Text.")]
    assert cut(of_markdown("---\nWith a rule.\n---\nText."), 20) == [("x", "---\nWith a rule.\n---\nText.")]


def test_a_title_leaves_room_for_the_text() -> None:
    cutter = Cutter(Words(), 16)
    headings = "\n\n".join(f"{'#' * level} part {level} of the long book" for level in range(1, 5))
    document = of_markdown(f"{headings}\n\n{WORDS * 3}")
    passages = cutter.cut(document)
    assert cutter.shortened == 1
    assert len({one.title for one in passages}) == 1
    assert passages[0].title.startswith("part 1 of")
    assert Words().count([passages[0].title])[0] <= 8


def test_a_very_long_text_is_not_counted_as_a_whole() -> None:
    """Counting takes memory by the length: whoever counts is never given more than a few passages."""
    longest = 0

    class Watched(Words):
        def count(self, texts: Sequence[str]) -> list[int]:
            nonlocal longest
            longest = max(longest, *map(len, texts))
            return super().count(texts)

    for text in (WORDS * 3000, "word " * 40_000, "x" * 90_000, f"{'a ' * 30_000}\n{'b ' * 30_000}"):
        passages = Cutter(Watched(), 16).cut(plain("d", "", text))
        assert sum(one.end - one.start for one in passages) >= len("".join(text.split()))
    assert longest <= 1600


def test_blank_documents_have_no_passages() -> None:
    assert Cutter(Words(), 16).cut(plain("d", "T", " \n\u200b")) == []


def test_a_cut_is_a_span() -> None:
    assert Cutter(Words(), 16).cut(plain("d", "T", "  one two. ")) == [Cut("T", 2, 10)]


@pytest.mark.parametrize(
    "part",
    ["Some *words* of [a](b) text.\n\n", "* an item\n", "## A [heading][r]\n\n" + 60 * "text. " + "\n\n"],
)
def test_markdown_is_parsed_in_a_small_multiple_of_its_size(part: str) -> None:
    """The parser's own tokens would take fifty times the text, and a file may have 64 MB."""
    text = part * (2**19 // len(part)) + "\n[r]: http://x\n"
    of_markdown(part)  # what is imported at first counts for nobody
    tracemalloc.start()
    document = of_markdown(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25 * len(text)
    assert not any("[r]" in heading for section in document.sections for heading in section.path)
