"""Where the object is in an answer, and what in it was meant as a text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.generation.answer_checks import classify, parse_negatives
from syneg_cli.generation.answer_objects import flat_text, read_object, without_thoughts
from syneg_cli.generation.filling import corrected
from syneg_cli.llm import Answer, Request, Stored, Subject
from tests.fakes import good

GOOD = good(words=5)
ECHO = '{"requirements": ["..."], "negatives": [{"plan": "...", "title": "...", "document": "..."}]}'


@pytest.mark.parametrize(
    "answer",
    [
        f"I draft {ECHO} first.\n</think>\n{GOOD}",
        f"<think>{ECHO}</think> no, <think>again</think>{GOOD}",
        f"[THINK]{ECHO}[/THINK]{GOOD}",
        f"<|channel|>analysis<|message|>{ECHO}<|channel|>final<|message|>{GOOD}",
        f"The set {{a, b}} and {{requirement}}: {GOOD}",
        f'First {{"note": 1}}, then\n```json\n{GOOD}\n```\nand {{"done": true}}.',
        f"As asked, like {ECHO}:\n{GOOD}",
        f"[1] says [Format]: {GOOD} [2]",
        f'{{"answer": {GOOD}}}',
        f'{{"broken": "yes" "no"}}\n{GOOD}',
        GOOD.replace("word0", "word0\n", 1),
        f"```json\n{json.dumps(json.loads(GOOD)['negatives'])}\n```",
        "\n".join(json.dumps(one) for one in json.loads(GOOD)["negatives"]),
        f"{GOOD} {{'negatives': []}} {{\"negatives\": []}}",
        f"The set {{a}}: {GOOD[:-2]}",
    ],
)
def test_the_object_is_found_wherever_it_begins(answer: str) -> None:
    drafts = parse_negatives(answer).drafts
    assert [(draft.title, draft.problem) for draft in drafts] == [("Study x 1", ""), ("Study x 2", "")]


def test_thoughts_that_never_end_hold_no_answer() -> None:
    assert parse_negatives(f"<think>maybe {GOOD}").error == "The answer holds no JSON object."
    assert without_thoughts("a</think>b</think> c") == " c"


def test_the_object_of_another_kind_is_found_by_its_key() -> None:
    text = '{"document": "x"} so {"reasoning": "r", "relevant": true} ({"note": 1})'
    assert read_object(text, "relevant")[0] == {"reasoning": "r", "relevant": True}
    assert classify(Answer(f"{{x}} {text}"), "relevant") == "ok"


ITEM = {"title": "t", "document": "d", "plan": "p", "reflection": "r"}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"plan": ["one", "two"]}, ("t", "d", "one\ntwo", "r")),
        ({"plan": {"step": 1}}, ("t", "d", "", "r")),
        ({"title": 1984}, ("1984", "d", "p", "r")),
        ({"title": ["A", "B"]}, ("A B", "d", "p", "r")),
        ({"document": 12.5}, ("t", "12.5", "p", "r")),
        ({"document": ["first", "second"]}, ("t", "first\nsecond", "p", "r")),
        ({"reflection": True, "title": None}, ("", "d", "p", "")),
        ({"document": "lone \ud800 half"}, ("t", "lone \ufffd half", "p", "r")),
        ({"plan": [["deep"], None, "flat"]}, ("t", "d", "flat", "r")),
    ],
)
def test_a_value_of_another_kind_costs_nothing(
    changed: dict[str, object], wanted: tuple[str, str, str, str]
) -> None:
    (draft,) = parse_negatives(json.dumps({"negatives": [{**ITEM, **changed}]})).drafts
    assert (draft.title, draft.text, draft.plan, draft.reflection) == wanted
    assert not draft.problem


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([{"title": "t", "text": "x"}], 'has no key "document"; its keys: "title", "text"'),
        ([{"document": None}], '"document" in the first object of "negatives" has to be a text'),
        ([{"document": {"a": "b"}}], '"document" in the first object of "negatives" has to be a text'),
        ([{"document": " "}], '"document" in the first object of "negatives" is empty'),
        (["a text"], '"negatives" has to hold objects with the key "document"'),
        ({"document": "d"}, 'no list "negatives"'),
    ],
)
def test_the_correction_names_the_key_that_is_wrong(items: object, says: str) -> None:
    response = json.dumps({"negatives": items})
    stored = Stored("k", "unparsable", "openai", "m", "e", "syneg", "q", "d", response)
    request = corrected(
        Request(Subject("q", "d", "syneg"), (("user", "x"),)), stored, parse_negatives(response).error
    )
    assert says in request.messages[-1][1]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_flat_text_is_a_text_or_nothing(value: object) -> None:
    assert isinstance(flat_text(value), (str, type(None)))


HOSTILE = [
    '{"x',
    "{",
    '{"',
    '{"a":',
    '{"a":[1,',
    "[",
    "{}",
    '{"a":1}',
    "{'a':",
    '{"negatives":[',
    "</think>",
    "<think>",
    '{"a":"{',
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_reading_takes_linear_time(piece: str) -> None:
    """Counted in steps of the scanner rather than seconds: each character is gone over once or twice."""
    from syneg_cli.generation import answer_objects

    text, gone_over = piece * (40_000 // len(piece)), 0

    class Counting(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> tuple[object, int]:
            nonlocal gone_over
            try:
                value, end = super().raw_decode(s, idx)
            except json.JSONDecodeError as error:
                gone_over += error.pos - idx + 1
                raise
            gone_over += end - idx
            return value, end

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_objects, "DECODER", Counting(strict=False))
        answer_objects._values(without_thoughts(text))
    assert gone_over <= 2 * len(text)
