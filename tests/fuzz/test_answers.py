"""Whatever a server or a model sends, it is an answer, a refusal or a bad response, and can be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import SynegError, printable
from syneg_cli.generation import classify, read_object
from syneg_cli.generation.answer_checks import check_drafts, own_query_problem, parse_negatives
from syneg_cli.generation.filling import corrected
from syneg_cli.generation.query_answers import (
    QUERY_REASONS,
    bare,
    classify_queries,
    copied_share,
    parse_queries,
    text_problem,
)
from syneg_cli.llm import OK, TRUNCATED, UNPARSABLE, Answer, Request, Stored, Subject
from syneg_cli.llm.completions import read_completion
from syneg_cli.verification.judge import read_verdict
from tests.fuzz.damage import ODD, WORDS
from tests.fuzz.test_files import many

QUERY, POSITIVE = "does a text mean another text?", "Another text means what a text means, and no more."
REQUEST = Request(Subject("q1", "d1", "syneg", None), (("user", "write"),), None, 1.0, 100, 0)

ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "document": WORDS | ODD | st.just("A document about another matter, as long as was asked for."),
        "title": WORDS | ODD,
        "plan": WORDS | ODD,
        "reflection": ODD,
        "query": WORDS | ODD,
    },
)
OBJECTS = st.one_of(
    st.fixed_dictionaries({"negatives": st.lists(ITEMS, max_size=3) | ODD}, optional={"note": ODD}),
    st.fixed_dictionaries({"relevant": st.booleans() | ODD, "evidence": WORDS | ODD}),
    st.fixed_dictionaries({"query": WORDS | ODD}),
    st.fixed_dictionaries(
        {"queries": st.lists(WORDS | ODD | st.fixed_dictionaries({"query": WORDS | ODD}), max_size=3) | ODD}
    ),
    st.fixed_dictionaries(
        {"rewrites": st.lists(st.fixed_dictionaries({"kind": WORDS | ODD, "query": WORDS | ODD}), max_size=3)}
    ),
    st.lists(ITEMS, max_size=3),
    ODD,
)
WRITTEN = st.one_of(
    OBJECTS.map(json.dumps),
    st.builds(lambda value: json.dumps(value, ensure_ascii=False, indent=2), OBJECTS),
    OBJECTS.map(str),
)
BETWEEN = st.one_of(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "[THINK]",
            "[/THINK]",
            "<|channel|>final<|message|>",
            "```json\n",
            "```",
            "\n",
            *list("{}[],:\"'\\/*"),
            "\\u",
            "\\ud83d",
            "NaN",
            "Infinity",
            "1e999",
            "//",
            "{{a}}",
            "…",
        ]
    ),
    st.text(max_size=8),
    st.builds(
        lambda part, times: part * times,
        st.sampled_from(["{", "[", '{"a":', "[{", "}", '"', "\\", "{}"]),
        st.integers(0, 300),
    ),
)


@st.composite
def answers(draw: st.DrawFn) -> str:
    """Objects between prose, thoughts and broken pieces, often cut, now and then with a piece out."""
    text = "".join(draw(st.lists(WRITTEN | BETWEEN, max_size=5)))
    kind = draw(st.sampled_from(["whole", "whole", "cut", "struck"]))
    at = draw(st.integers(0, len(text)))
    return printable(text[:at] if kind == "cut" else text[:at] + text[at + 1 :] if kind == "struck" else text)


CONTENTS: st.SearchStrategy[Any] = st.one_of(
    answers(),
    ODD,
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "output_text", "thinking", "x"])}, optional={"text": ODD}
        ),
        max_size=2,
    ),
)
MESSAGES = (
    st.fixed_dictionaries({}, optional={"content": CONTENTS, "refusal": ODD, "role": ODD, "text": ODD}) | ODD
)
CHOICES = st.fixed_dictionaries({}, optional={"message": MESSAGES, "text": ODD, "finish_reason": ODD}) | ODD
COMPLETIONS = (
    st.fixed_dictionaries(
        {},
        optional={
            "choices": st.lists(CHOICES, max_size=2) | ODD,
            "usage": st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens"]), ODD) | ODD,
            "error": ODD,
        },
    )
    | ODD
)

pytestmark = pytest.mark.slow


@many
@given(answers(), st.sampled_from(["stop", "length", "content_filter", "odd"]))
def test_answers(text: str, finish: str) -> None:
    parsed = parse_negatives(text, finish=finish)
    usable = [draft for draft in parsed.drafts if not draft.problem]
    assert bool(parsed.error) == (not usable), "either something can be used, or it is said why not"
    status = classify(Answer(text, finish=finish))
    assert status == (OK if usable else TRUNCATED if finish == "length" else UNPARSABLE)
    reasons = check_drafts(parsed.drafts, query=QUERY, positive=POSITIVE, words=40, corpus=None)
    for draft, reason in zip(parsed.drafts, reasons, strict=True):
        assert not draft.problem or reason == draft.problem
        for part in (draft.title, draft.text, draft.plan, draft.reflection, json.dumps(dict(draft.extra))):
            part.encode()
        own_query_problem(str(draft.extra.get("query")), document=draft.text, query=QUERY)
    stored = Stored("k", status, "openai", "m", "e", "syneg", "q1", "d1", text, finish_reason=finish)
    again = corrected(REQUEST, stored, parsed.error)
    assert again.messages[-1][1].startswith(parsed.error)


@many
@given(answers(), st.sampled_from(["queries", "rewrites"]), st.sampled_from(["stop", "length", "odd"]))
def test_written_queries(text: str, key: str, finish: str) -> None:
    parsed = parse_queries(text, key, finish=finish)
    assert classify_queries(Answer(text, finish=finish), key) == (
        OK if parsed.usable else TRUNCATED if finish == "length" else UNPARSABLE
    )
    for draft in parsed.drafts:
        draft.text.encode()
        draft.kind.encode()
        assert bool(draft.problem) or draft.text == " ".join(draft.text.split()) != ""
        reason = text_problem(draft.text, document=POSITIVE, most=60)
        assert reason in ("", *QUERY_REASONS)
        assert 0 <= copied_share(bare(draft.text), bare(POSITIVE)) <= 1


@many
@given(answers())
def test_verdicts_and_queries(text: str) -> None:
    verdict = read_verdict(text, POSITIVE)
    if verdict is not None:
        assert verdict.score in (0.0, 1.0)
        assert not (verdict.relevant and verdict.unquoted)
        verdict.evidence.encode()
    for key in ("relevant", "query", "negatives"):
        value, _ = read_object(text, key)
        assert classify(Answer(text), key) == (OK if key in (value or {}) else UNPARSABLE)


@many
@given(COMPLETIONS)
def test_completions(completion: Any) -> None:
    raised, answer = None, None
    try:
        answer = read_completion(completion, 0.1, None, "http://127.0.0.1:1/v1")
    except SynegError as error:
        raised = error
    if raised is not None:
        assert "http://127.0.0.1:1/v1" in raised.message
        assert len(raised.message) < 300
        raised.message.encode()
    if answer is not None:
        answer.text.encode()
        assert answer.prompt_tokens >= 0
        assert answer.completion_tokens >= 0
        classify(answer)
