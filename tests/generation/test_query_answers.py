"""Queries out of answers, and what a text may not be to be one."""

from __future__ import annotations

import json

import pytest

from syneg_cli.generation.query_answers import bare, copied_share, parse_queries, text_problem
from syneg_cli.generation.query_answers import classify_queries as classify
from syneg_cli.llm import OK, TRUNCATED, UNPARSABLE, Answer

DOCUMENT = "Low dose aspirin lowers the risk of heart attack in men over fifty, but not that of stroke."


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ({"queries": ["a b", "c"]}, ["a b", "c"]),
        ({"queries": [{"query": "a"}, {"query": "b", "why": "x"}]}, ["a", "b"]),
        ({"queries": "a single one"}, ["a single one"]),
        ({"queries": {"1": "a", "2": "b"}}, ["a", "b"]),
        ({"queries": {"query": "a"}}, ["a"]),
        ({"query": "as recorded"}, ["as recorded"]),
        (["a", "b"], ["a", "b"]),
        ([{"query": "a"}], ["a"]),
        ({"queries": ["two\nlines  here"]}, ["two lines here"]),
        ({"queries": [1984]}, ["1984"]),
        ({"queries": []}, []),
    ],
)
def test_the_shapes_of_an_answer(answer: object, texts: list[str]) -> None:
    found = parse_queries(f"<think>hm</think> Here: ```json\n{json.dumps(answer)}\n```")
    assert [draft.text for draft in found.drafts] == texts
    assert not found.error
    assert classify(Answer(json.dumps(answer))) == OK


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I cannot do that.", "no JSON object"),
        ('{"negatives": []}', 'no list "queries"'),
        ('{"queries": null}', 'no list "queries"'),
        ('{"queries": ["", "..."]}', "No element"),
        ('{"queries": [null, ["a"]]}', "No element"),
        ("[]", "no JSON object"),
    ],
)
def test_what_holds_no_query(text: str, says: str) -> None:
    assert says in parse_queries(text).error
    assert classify(Answer(text)) == UNPARSABLE
    assert classify(Answer(text, finish="length")) == TRUNCATED


def test_a_query_that_was_cut_off_is_none() -> None:
    found = parse_queries('{"queries": ["whole", "how much asp', finish="length")
    assert [(draft.text, draft.problem) for draft in found.drafts] == [("whole", ""), ("", "cut off")]


def test_rewordings_have_a_kind() -> None:
    answer = {"rewrites": [{"kind": "Keywords ", "query": "aspirin men"}, {"query": "no kind"}]}
    found = parse_queries(json.dumps(answer), "rewrites")
    assert [(draft.kind, draft.text) for draft in found.drafts] == [
        ("keywords", "aspirin men"),
        ("", "no kind"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("does aspirin prevent heart attacks", ""),
        ("...", "empty"),
        ("word " * 61, "too long"),
        ("word " * 60, ""),
        ("what does this study say about aspirin", "speaks of its document"),
        ("risk of stroke according to the authors", "speaks of its document"),
        ("which dose did the study use", "speaks of its document"),
        ("what is the passage about", "speaks of its document"),
        ("results of the Framingham study on aspirin", ""),
        ("the study of aspirin in men", ""),
        ("Was steht in diesem Artikel zu Aspirin?", "speaks of its document"),
        ("この論文の主な結果は何ですか", "speaks of its document"),
        ("アスピリンは心臓発作を防ぎますか", ""),
        ("Here are two queries:", "not a query"),
        ("I'm sorry, but there is nothing to ask", "not a query"),
        ('{"queries": ["a"', "not a query"),
        ("none", "not a query"),
        ("none of the statins helps", ""),
    ],
)
def test_a_text_by_itself(text: str, reason: str) -> None:
    assert text_problem(text, document=DOCUMENT, most=60) == reason


def test_a_document_about_documents_may_be_asked_about_them() -> None:
    assert text_problem("how do I upload the document", document="Upload: choose a document.", most=60) == ""
    assert text_problem("how do I upload the document", document="Choose a file.", most=60) != ""


@pytest.mark.parametrize(
    ("query", "share"),
    [
        ("low dose aspirin lowers the risk", 1.0),
        ("Low-dose? aspirin lowers the risk of heart attack in men", 9 / 10),  # all but the first
        ("aspirin risk stroke heart attack men", 0.0),
        ("lowers the risk of", 0.0),  # four words
        ("the risk of heart attack and of stroke", 5 / 8),
        ("over fifty but not that of stroke", 1.0),  # whatever punctuation is between
    ],
)
def test_the_share_that_is_copied(query: str, share: float) -> None:
    assert copied_share(bare(query), bare(DOCUMENT)) == pytest.approx(share)


def test_the_share_that_is_copied_where_blanks_separate_no_words() -> None:
    document = bare("少量のアスピリンは男性の心臓発作の危険を下げる。")
    assert copied_share(bare("少量のアスピリンは男性の"), document) == 1.0
    assert copied_share(bare("心臓発作を防ぐ薬はどれですか"), document) == 0.0
