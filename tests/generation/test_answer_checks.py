"""Answers taken apart, and the reasons to drop what they hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syneg_cli.core import read_synthetic
from syneg_cli.data.copies import Words
from syneg_cli.generation import answer_checks as answers
from syneg_cli.generation.answer_checks import (
    IN_CORPUS,
    REASONS,
    CorpusTexts,
    Draft,
    check_drafts,
    classify,
    parse_negatives,
)
from syneg_cli.generation.answer_objects import read_object
from syneg_cli.llm.base import Answer
from tests.conftest import DOCS, Cli, write_dataset
from tests.fakes import good, open_tiny
from tests.servers import ChatServer, Reply

POSITIVE = "Vitamin D supplements raise bone density in older women who live far from the equator."
WORDS = "the trial of calcium tablets in young men measured grip strength after twelve weeks of use"


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What another test had parsed says nothing about the parser of this one."""
    parse_negatives.cache_clear()


def problem(
    text: str, *, title: str = "", query: str = "does vitamin D help bones grow", words: int | None = None
) -> str:
    (reason,) = check_drafts([Draft(title, text)], query=query, positive=POSITIVE, words=words, corpus=None)
    return reason


def test_a_good_answer() -> None:
    parsed = parse_negatives(good())
    assert [d.title for d in parsed.drafts] == ["Study x 1", "Study x 2"]
    assert not parsed.error
    assert classify(Answer(good())) == "ok"


@pytest.mark.parametrize(
    "wrap",
    [
        "```json\n{}\n```",
        "Here you are:\n{}\nI hope this helps.",
        '<think>Maybe {{"a": 1}}?</think>{}',
        "  {}  ",
    ],
)
def test_what_stands_around_the_object_does_not_matter(wrap: str) -> None:
    text = wrap.replace("{{", "{").replace("}}", "}") if "think" in wrap else wrap
    head, _, tail = text.rpartition("{}")
    assert len(parse_negatives(head + good() + tail).drafts) == 2


def test_a_bare_list_and_broken_json_are_mended() -> None:
    items = json.dumps(json.loads(good())["negatives"])
    assert len(parse_negatives(items).drafts) == 2
    broken = good().replace('"reflection": "not relevant"}', '"reflection": "not "relevant"",}', 1)
    assert [d.problem for d in parse_negatives(broken).drafts] == ["", ""]


def test_a_list_that_was_written_as_a_text_is_read() -> None:
    items = json.dumps([{"document": "one"}, {"document": "two"}])
    for inner in (items, f'{{"negatives": {items}}}'):
        parsed = parse_negatives(json.dumps({"negatives": inner}))
        assert [d.text for d in parsed.drafts] == ["one", "two"]
    for inner in ("no JSON", '{"others": []}'):
        assert "no list" in parse_negatives(json.dumps({"negatives": inner})).error


def test_a_cut_answer_keeps_its_whole_negatives() -> None:
    text = good()
    cut = text[: text.rindex("x2word5")]
    drafts = parse_negatives(cut, finish="length").drafts
    assert [d.problem for d in drafts] == ["", "cut off"]
    assert classify(Answer(cut, finish="length")) == "ok"
    assert classify(Answer(text[:20], finish="length")) == "truncated"
    assert classify(Answer(text[:20])) == "unparsable"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no", "no JSON object"),
        ('{"a": 1}', "no list"),
        ('{"negatives": []}', "no list"),
        ('{"negatives": [1]}', "malformed"),
    ],
)
def test_the_error_says_what_is_wrong(text: str, says: str) -> None:
    assert says in parse_negatives(text).error
    assert classify(Answer(text)) == "unparsable"


def test_unknown_fields_are_kept_and_missing_ones_are_empty() -> None:
    (draft,) = parse_negatives(
        '{"negatives": [{"document": "d", "title": null, "type": "entity_shift"}]}'
    ).drafts
    assert (draft.title, draft.plan, dict(draft.extra)) == ("", "", {"type": "entity_shift"})


PIECES = [
    *'{}[]:,"\\', "\n", " ", "```json\n", "```", "<think>", "</think>", "null", "true", "NaN", "-1e999", "0", "\ud800", "ü",
    '"negatives"', '"negatives": [', '"document": "d"', '"document": ""', '"document": 3', '"title": "t"', '"title": []',
    '{"document": "d", "title": "t"}', '{"document": " "}', '{"plan": "p"}', '{"negatives": [', good(n=1), good("y")[:90],
]  # fmt: skip
"""What answers are made of: good ones, and everything that goes wrong in them."""


def cut_out(text: str, start: int, length: int, instead: str) -> str:
    return text[:start] + instead + text[start + length :]


ANSWERS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.builds(
        cut_out,
        st.just(good(words=5)),
        st.integers(0, len(good(words=5))),
        st.integers(0, 60),
        st.sampled_from(["", *PIECES]),
    ),
)


@given(ANSWERS, st.sampled_from(["stop", "length", "content_filter"]))
@example("[" * 100_000, "stop")
@example('{"a": ' * 300, "length")
@example('{"```json0```', "stop")
@example(good(), "stop")
@example('{"negatives": [{"document": "d"}, {"document": ""}, {}, {"document": "cu', "length")
def test_no_text_breaks_the_parser(text: str, finish: str) -> None:
    value, whole = read_object(text)
    assert value is None or isinstance(value, dict)
    assert isinstance(whole, bool)

    parsed = parse_negatives(text, finish=finish)
    assert all(draft.problem in ("", *REASONS) for draft in parsed.drafts)
    usable = [draft for draft in parsed.drafts if not draft.problem]
    assert all(draft.text and draft.text == draft.text.strip() for draft in usable)
    for draft in parsed.drafts:
        assert {type(part) for part in (draft.title, draft.text, draft.plan, draft.reflection)} == {str}
    assert bool(parsed.error) == (not usable), "an error says so, and only then"

    bad = "truncated" if finish == "length" else "unparsable"
    assert classify(Answer(text, finish=finish)) == ("ok" if usable else bad)
    holds = value is not None and "negatives" in value
    assert classify(Answer(text, finish=finish), "negatives") == ("ok" if holds else bad)


def test_an_answer_of_another_kind_is_told_by_its_key() -> None:
    assert classify(Answer('{"relevant": false}'), "relevant") == "ok"
    assert classify(Answer('{"query": "x"}'), "relevant") == "unparsable"


def test_reasons() -> None:
    assert problem(WORDS) == ""
    assert problem(POSITIVE) == answers.COPY
    assert problem(f"{POSITIVE} {WORDS}") == answers.COPY
    assert problem(WORDS + " so does vitamin D help bones grow? " + WORDS) == answers.CONTAINS_QUERY
    assert problem(WORDS, query="grip strength") == ""
    assert problem(f"This document does not address bones. {WORDS}") == answers.TALKS
    assert problem(f"A hard negative. {WORDS}") == answers.TALKS
    assert problem(WORDS, words=80) == answers.LENGTH
    assert problem(WORDS, words=4) == answers.LENGTH
    assert problem(WORDS, words=20) == ""
    (reason,) = check_drafts([Draft(problem="empty")], query="q", positive="p", words=None, corpus=None)
    assert reason == answers.EMPTY


def test_a_twin_is_dropped_and_the_first_is_kept() -> None:
    drafts = [Draft("", WORDS), Draft("", WORDS + " again"), Draft("", POSITIVE[::-1])]
    reasons = list(check_drafts(drafts, query="q", positive="other words", words=None, corpus=None))
    assert reasons == ["", answers.TWIN, ""]


def test_texts_of_the_corpus_are_recognised(tiny: Path) -> None:
    dataset = open_tiny(tiny)
    texts = CorpusTexts(dataset.corpus)
    for draft in (
        Draft("Sleep apnea", "Sleep apnea is common in  older men and women."),
        Draft("SLEEP APNEA", "sleep apnea is common in older men and women."),
    ):
        (reason,) = check_drafts([draft], query="q", positive="p", words=None, corpus=texts)
        assert reason == answers.IN_CORPUS
    assert not texts.holds("sleep apnea")
    assert not any(texts.holds(f"text {number}") for number in range(200)), "whatever their hashes are"


def wide(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def unseen(text: str) -> str:
    return text.replace(" ", "\u00a0").replace("e", "e\u200b")


@pytest.mark.parametrize("title", ["", "A title of its own", "Sleep apnea"])
@pytest.mark.parametrize("written", [str, str.upper, wide, unseen])
def test_the_text_of_a_document_is_recognised_under_any_title(
    tiny: Path, title: str, written: Callable[[str], str]
) -> None:
    texts = CorpusTexts(open_tiny(tiny).corpus)
    draft = Draft(title, written(DOCS["d6"][1]))
    assert list(check_drafts([draft], query="q", positive="p", words=None, corpus=texts)) == [IN_CORPUS]
    more = Draft(title, f"{draft.text} Too.")
    assert list(check_drafts([more], query="q", positive="p", words=None, corpus=texts)) == [""]


@pytest.mark.parametrize("written", [str, wide, unseen])
def test_a_copy_of_another_positive_of_the_query_is_none(
    tmp_path: Path, cli: Cli, written: Callable[[str], str]
) -> None:
    rows = [("q1", "d1", 1), ("q1", "d3", 1), ("q2", "d3", 1), ("q3", "d5", 1)]
    write_dataset(tmp_path / "data", qrels={"train": rows})
    near = f"{DOCS['d3'][1]} {DOCS['d3'][1]} So it was said."
    with ChatServer(lambda body, number: Reply(text=said(written(near)))) as server:
        cli("generate", tmp_path / "data", "--llm", "openai:m", "--base-url", server.openai_url, "--n", 1,
            "--work-dir", tmp_path / "work", "--set", "dataset.dev_fraction=0", "--json")  # fmt: skip
    found = read_synthetic(tmp_path / "work" / "data" / "synthetic" / "default.jsonl")
    assert {(n.query_id, n.positive_id): n.reason for n in found} == {
        ("q1", "d1"): answers.OTHER,
        ("q1", "d3"): answers.COPY,
        ("q2", "d3"): answers.COPY,
        ("q3", "d5"): "",
    }


@pytest.mark.parametrize(("shared", "copy"), [(0, False), (6, False), (7, True), (14, True)])
def test_a_copy_of_any_positive_shares_three_tenths_of_its_runs(shared: int, copy: bool) -> None:
    """Of fourteen words the ten runs of five; seven words at the beginning make three of them."""
    words = [f"w{number}" for number in range(14)]
    positives = answers.Positives(["Another text altogether.", " ".join([*words[:shared], "and so it goes"])])
    assert positives.copied_by(Words(" ".join(words))) is copy
    assert not positives.copied_by(Words("too short")), "no run of five words"


def said(document: str) -> str:
    return json.dumps({"negatives": [{"document": document}]})


WORD = st.sampled_from("abcdef")


@given(
    st.lists(WORD, min_size=5, max_size=40),
    st.lists(WORD, min_size=5, max_size=40),
    st.sampled_from([0.1, 0.3, 0.5, 1.0]),
)
def test_the_quick_count_never_changes_the_verdict(left: list[str], right: list[str], share: float) -> None:
    a, b = Words(" ".join(left)), Words(" ".join(right))
    exact = len(a.ngrams(5) & b.ngrams(5)) >= share * len(a.ngrams(5))
    # With a 5-gram twice there are more places than 5-grams, and the count of places asks for more.
    repeats = len(a.ngrams(5)) < len(left) - 4
    assert a.copies(b, share) == exact or (repeats and exact)


def test_every_field_of_a_draft_is_read() -> None:
    item = {
        "document": "A text.",
        "title": ["A", "title"],
        "plan": ["one", "two"],
        "reflection": "why",
        "type": "x",
    }
    (draft,) = parse_negatives(json.dumps({"negatives": [item]})).drafts
    assert (draft.title, draft.text, draft.plan, draft.reflection) == (
        "A title",
        "A text.",
        "one\ntwo",
        "why",
    )
    assert draft.extra == {"type": "x"}
    (bare,) = parse_negatives(json.dumps({"negatives": [{"document": "A text."}]})).drafts
    assert (bare.title, bare.plan, bare.reflection, bare.extra) == ("", "", "", {})


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"document": " "}, 'empty. "document" in the first object of "negatives" is empty.'),
        ({"document": {}}, 'malformed. "document" in the first object of "negatives" has to be a text.'),
        ("a text", 'malformed. "negatives" has to hold objects with the key "document".'),
        ({}, 'malformed. The first object of "negatives" has no key "document"; its keys: none.'),
        ({"text": 1, "title": 2}, 'has no key "document"; its keys: "text", "title".'),
        ({"k" * 60: 1}, f'its keys: "{"k" * 40}".'),
        ({str(i): 1 for i in range(12)}, 'its keys: "0", "1", "2", "3", "4", "5", "6", "7".'),
    ],
)
def test_the_error_names_the_key(item: object, says: str) -> None:
    error = parse_negatives(json.dumps({"negatives": [item]})).error
    assert error.startswith("No negative can be used: ")
    assert error.endswith(says)


@pytest.mark.parametrize(("count", "reason"), [(9, answers.LENGTH), (10, ""), (90, ""), (91, answers.LENGTH)])
def test_the_length_may_differ_by_a_factor_of_three(count: int, reason: str) -> None:
    drafts = [answers.Draft(text=" ".join(f"w{i}" for i in range(count)))]
    assert list(answers.check_drafts(drafts, query="q", positive="p", words=30, corpus=None)) == [reason]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("what moves the tides", answers.CONTAINS_QUERY),
        ("what moves the tides?", answers.CONTAINS_QUERY),
        ("moves the tides", ""),
    ],
)
def test_a_query_of_four_words_or_more_is_looked_for(query: str, reason: str) -> None:
    drafts = [answers.Draft(text="It is asked what moves the tides, and nobody knows.")]
    assert list(answers.check_drafts(drafts, query=query, positive="p", words=None, corpus=None)) == [reason]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a hard negative is near", True),
        ("a negative result was found", False),
        ("this document does not answer", True),
        ("documents of this kind", False),
        ("the given query asks", True),
        ("the query", True),
        ("a query", False),
    ],
)
def test_talk_of_being_a_negative(text: str, says: bool) -> None:
    assert answers.talks(text) is says
