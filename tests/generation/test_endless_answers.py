"""Answers that hold JSON within JSON, or do not end."""

from __future__ import annotations

import json

import pytest

from syneg_cli.generation.answer_checks import classify, parse_negatives
from syneg_cli.llm import Answer
from tests.fakes import good


def test_negatives_as_json_within_a_text_are_read() -> None:
    value = json.loads(good())
    texts = [draft.text for draft in parse_negatives(good()).drafts]
    for inner in (json.dumps(value["negatives"]), json.dumps(value)):
        parsed = parse_negatives(json.dumps(value | {"negatives": inner}))
        assert [draft.text for draft in parsed.drafts] == texts
    assert parse_negatives(json.dumps({"negatives": "none"})).error


@pytest.mark.parametrize("text", [good(words=200_000), "{" * 5_000_000, "word " * 2_000_000])
def test_an_answer_that_does_not_end_is_none(text: str) -> None:
    assert not parse_negatives(text).drafts
    assert classify(Answer(text, 1, 1)) == "unparsable"


def test_an_answer_behind_many_braces_is_read_and_their_number_is_bounded() -> None:
    assert len(parse_negatives("{a} " * 10_000 + good()).drafts) == 2
    assert not parse_negatives("{a} " * 50_000 + good()).drafts
