"""Lengths, copies and quoted queries where blanks do not separate words."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.records import Pair
from syneg_cli.generation.answer_checks import (
    CONTAINS_QUERY,
    COPY,
    IN_CORPUS,
    LENGTH,
    TWIN,
    CorpusTexts,
    Draft,
    check_drafts,
    own_query_problem,
)
from syneg_cli.generation.requests import asked_words
from tests.conftest import DOCS, write_dataset
from tests.data.test_units import LONG, OTHER
from tests.fakes import FakeLLM, make_generator, open_tiny

QUERY = {
    "japanese": "氷床の融解は海面を上昇させるか?",
    "chinese": "冰盖融化会导致海平面上升吗?",
    "thai": "น้ำแข็งละลายทำให้ระดับน้ำทะเลสูงขึ้นหรือไม่?",
}


@pytest.mark.parametrize(("language", "characters"), [("japanese", 40), ("chinese", 40), ("thai", 70)])
def test_the_prompt_asks_for_characters_and_good_answers_are_kept(
    language: str, characters: int, tmp_path: Path
) -> None:
    docs = {"d": ("", LONG[language]), "e": ("", "Short.")}
    folder = write_dataset(tmp_path / "x", docs, {"q": QUERY[language]}, {"train": [("q", "d", 1)]})
    item = make_generator(folder, FakeLLM()).item(0, Pair("q", "d"))
    assert item.about["words"] == characters
    assert f"about {characters} characters." in item.request.messages[0][1]
    texts = CorpusTexts(open_tiny(folder).corpus)
    drafts = [
        Draft(text=OTHER[language]),
        Draft(text=LONG[language] + OTHER[language][:9]),
        Draft(text=f"{OTHER[language][9:]}。{QUERY[language]}"),
        Draft(text=OTHER[language][:6]),
        Draft(text=OTHER[language][3:]),
        Draft(title="Short", text="."),
    ]
    found = check_drafts(
        drafts, query=QUERY[language], positive=LONG[language], words=characters, corpus=texts
    )
    assert list(found)[:5] == ["", COPY, TWIN, LENGTH, TWIN]
    quoting = [Draft(text=f"{OTHER[language]} {QUERY[language].rstrip('?')}。")]
    found = check_drafts(
        quoting, query=QUERY[language], positive=LONG[language], words=characters, corpus=None
    )
    assert list(found) == [CONTAINS_QUERY]


def test_the_prompt_is_as_before_where_blanks_separate_words(tiny: Path) -> None:
    item = make_generator(tiny, FakeLLM()).item(0, Pair("q1", "d1"))
    assert item.about["words"] == 10
    assert "about 10 words." in item.request.messages[0][1]
    assert asked_words(DOCS["d1"][1] * 900, 400) == 400
    assert asked_words(LONG["japanese"] * 900, 400) == 800, "as much text as 400 words are"


def test_a_composed_copy_of_a_corpus_document_is_one(tmp_path: Path) -> None:
    folder = write_dataset(
        tmp_path / "x", {"d1": ("", "Un caf\u00e9 noir")}, {"q": "noir"}, {"train": [("q", "d1", 1)]}
    )
    corpus = CorpusTexts(open_tiny(folder).corpus)
    draft = Draft(title="", text="Un cafe\u0301 no\u00adir")
    assert list(check_drafts([draft], query="q", positive="p", words=None, corpus=corpus)) == [IN_CORPUS]
    titled = Draft(title="Ｔｉｔｌｅ", text="Un cafe\u0301 noir")
    assert list(check_drafts([titled], query="q", positive="p", words=None, corpus=corpus)) == [IN_CORPUS]


def test_own_queries_without_blanks() -> None:
    document, query = LONG["japanese"], QUERY["japanese"]
    assert own_query_problem(document[:20], document=document, query=query) == "quotes its document"
    assert own_query_problem(document[:8], document=document, query=query) == ""
    assert own_query_problem(query.replace("?", "？"), document=document, query=query) == "copy of the query"
