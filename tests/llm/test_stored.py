"""One stored answer: its fields are checked, and hold all that is known of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core.errors import SynegError
from syneg_cli.llm.base import Answer, Subject
from syneg_cli.llm.stored import (
    DECLINED,
    Stored,
    generation_key,
    schema_hash,
    schema_size,
    settled_status,
    stored_answer,
)
from tests.llm.test_cache import IDENTITY, REQUEST, stored

WRONG: list[tuple[str, object]] = [
    ("status", b"ok"), ("model", None), ("response", 2.0), ("created", 3), ("max_tokens", "100"), ("max_tokens", 2**63),
    ("prompt_tokens", 1.5), ("completion_tokens", -(2**63)), ("n", "2"), ("words", 1.5), ("number", b"1"),
    ("cost_usd", "0.01"), ("seconds", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_that_no_answer_has_is_named(name: str, value: object) -> None:
    with pytest.raises(SynegError) as caught:
        replace(stored(), **{name: value})  # type: ignore[arg-type]
    assert f"The stored answer 'k' is damaged: its {name} is {value!r}" in str(caught.value)
    assert "syneg cache prune" in str(caught.value.hint)


def test_what_an_early_version_left_empty_is_its_default() -> None:
    early = stored(messages=None, max_tokens=None, seconds=None, created=None, n=None, cost_usd=None)
    assert (early.messages, early.max_tokens, early.seconds, early.created) == ("[]", 0, 0.0, "")
    assert (early.n, early.cost_usd) == (None, None)
    assert stored(max_tokens=2**63 - 1, cost_usd=3, n=0).max_tokens == 2**63 - 1


@pytest.mark.parametrize("messages", ['["x"]', '[["user"]]', '[["user", "a", "b"]]', "{}", "no JSON"])
def test_messages_that_are_none_are_damage(messages: str) -> None:
    with pytest.raises(SynegError, match="damaged: its messages is"):
        _ = stored(messages=messages).asked


def test_all_that_is_known_of_an_answer_is_stored() -> None:
    asked = replace(REQUEST, subject=Subject("q", "d", "syneg", 3), messages=(("user", "größer"),))
    answer = Answer("text", 11, 22, "length", 1.5)
    about = {"attributes": '{"domain": "x"}', "n": 2, "words": 80}
    made = stored_answer("k", IDENTITY, "m-2026", asked, answer, "truncated", 0.25, about)
    assert replace(made, created="") == Stored(
        "k", "truncated", "openai", "m-2026", "http://here/v1", "syneg", "q", "d", "text",
        messages='[["user", "größer"]]', options=made.options, max_tokens=100, attributes='{"domain": "x"}', n=2,
        words=80, number=3, finish_reason="length", prompt_tokens=11, completion_tokens=22, cost_usd=0.25,
        seconds=1.5, created="",
    )  # fmt: skip
    assert json.loads(made.options) == {
        "temperature": 0.5,
        "seed": 7,
        "schema": schema_hash({"type": "object"}),
    }


@given(
    st.lists(st.tuples(st.text(), st.text())),
    st.text(),
    st.none() | st.integers(0, 2) | st.floats(0, 2),
    st.none() | st.integers(),
)
def test_a_key_is_the_hash_of_one_list_as_json_writes_it(
    messages: list[tuple[str, str]], endpoint: str, temperature: float | None, seed: int | None
) -> None:
    asked = replace(REQUEST, messages=tuple(messages), temperature=temperature, seed=seed)
    begins = [1, IDENTITY["provider"], IDENTITY["model"], endpoint, schema_hash(REQUEST.schema)]
    whole = json.dumps([*begins, temperature, seed, messages], ensure_ascii=False)
    key = generation_key(IDENTITY | {"endpoint": endpoint}, asked)
    assert key == hashlib.sha256(whole.encode()).hexdigest()


def test_schemas_are_told_apart_whichever_came_before() -> None:
    first: dict[str, object] = {"type": "object"}
    second: dict[str, object] = {"type": "array"}
    hashes = [schema_hash(one) for one in (first, second, first, dict(first))]
    assert hashes[0] == hashes[2] == hashes[3] != hashes[1]
    assert [schema_size(one) for one in (first, second, None)] == [18, 17, 0]
    assert schema_hash(None) is None


@pytest.mark.parametrize("finish", [*DECLINED, "SAFETY", "stop", "length"])
def test_a_withheld_answer_is_refused_unless_it_can_be_used(finish: str) -> None:
    answer = Answer("I am sorry.", finish=finish)
    withheld = finish not in ("stop", "length")
    assert settled_status(answer, "ok") == "ok"
    for status in ("truncated", "unparsable"):
        assert settled_status(answer, status) == ("refused" if withheld else status)
