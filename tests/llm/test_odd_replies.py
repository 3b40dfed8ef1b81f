"""What servers send that is no plain completion."""

from __future__ import annotations

import json

import pytest

from syneg_cli.core.errors import BadResponse, LLMError, LLMSetupError, RateLimited
from syneg_cli.llm.base import Refused, TooLong, Unanswerable, Unreachable
from syneg_cli.llm.completions import body_text, read_completion
from tests.llm.asking import ask
from tests.servers import ChatServer, Reply

TEXT_PART = {"type": "text", "text": "b"}


@pytest.mark.parametrize(
    ("message", "text", "finish"),
    [
        ({"content": ["a", TEXT_PART]}, "ab", "stop"),
        ({"content": [{"type": "thinking", "thinking": [TEXT_PART]}, TEXT_PART]}, "b", "stop"),
        ({"content": {"negatives": []}}, '{"negatives": []}', "stop"),
        ({"content": {"type": "text", "text": {"value": "c"}}}, "c", "stop"),
        ({"content": None, "refusal": "I will not."}, "I will not.", "refusal"),
        ({"content": None, "refusal": None}, "", "stop"),
        ({"content": 5}, "", "stop"),
        ({"content": "lone \ud800 surrogate"}, "lone \ufffd surrogate", "stop"),
    ],
)
def test_content_is_read_however_it_is_written(message: object, text: str, finish: str) -> None:
    body = {"choices": [{"message": message, "finish_reason": None}], "usage": [1, "x"]}
    answer = read_completion(body, 0.0, None, "here")
    assert (answer.text, answer.finish, answer.prompt_tokens) == (text, finish, 0)


@pytest.mark.parametrize("body", [[], {}, "hello", {"hello": "world"}])
def test_json_that_is_no_completion_is_a_wrong_address(body: object) -> None:
    with pytest.raises(Unreachable, match="no chat completion") as caught:
        read_completion(body, 0.0, None, "here")
    assert "/v1" in str(caught.value.hint)


PAGE = "<!doctype html><html><head><title>Welcome</title><style>p{x}</style></head><p>Hello &amp; more</html>"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(raw=PAGE, kind="text/html"), Unreachable, "web page (200: Welcome Hello & more)"),
        (Reply(raw=PAGE, status=404), Unreachable, "web page (404"),
        (Reply(raw=PAGE, status=502), LLMError, "502: Welcome Hello & more"),
        (Reply(raw=PAGE, status=503), RateLimited, "503: Welcome Hello & more"),
        (Reply(raw={"error": {"message": "slow down", "code": 429}}), RateLimited, "slow down"),
        (Reply(raw={"error": {"message": "no money", "code": 402}}), LLMSetupError, "no credit left"),
        (Reply(raw={"error": "it broke"}), LLMError, "it broke"),
        (Reply(raw={"object": "error", "message": "who?", "code": 401}), LLMSetupError, "refused the key"),
        (Reply(raw={"choices": [{"error": {"message": "upstream", "code": 502}}]}), LLMError, "upstream"),
        (Reply(raw=[{"error": {"message": "like Google", "code": 400}}], status=400), Refused, "like Google"),
        (
            Reply(raw={"error": {"message": "Provider returned error", "metadata": {"raw": "real"}}}),
            LLMError,
            "Provider returned error: real",
        ),
        (
            Reply(raw={"detail": [{"loc": ["body", "n"], "msg": "bad"}]}, status=422),
            Refused,
            "body.n: bad",
        ),
        (Reply(status=403, error="your input was flagged"), Unanswerable, "flagged"),
        (Reply(status=400, code="content_filter", error="filtered by policy"), Unanswerable, "policy"),
        (Reply(raw={"error": {"message": "x", "code": "context_length_exceeded"}}), TooLong, "x"),
        (Reply(status=413, raw="payload"), TooLong, "payload"),
        (Reply(status=402, error="Insufficient balance"), LLMSetupError, "no credit left"),
        (Reply(raw=""), BadResponse, "broken body"),
        (Reply(raw="[" * 100_000), BadResponse, "broken body"),
        (Reply(raw={"choices": []}), BadResponse, "without an answer"),
        (Reply(raw={"choices": [None]}), BadResponse, "without an answer"),
    ],
)
def test_odd_bodies_are_told_apart(
    server: ChatServer, reply: Reply, error: type[LLMError], says: str
) -> None:
    server.script.append(reply)
    with pytest.raises(error) as caught:
        ask(server)
    assert type(caught.value) is error
    assert says in caught.value.message
    assert "<" not in caught.value.message
    assert len(server.requests) == 1


def test_a_server_that_always_streams_is_read(server: ChatServer) -> None:
    events = [{"choices": [{"delta": {"content": part}}]} for part in ("a", "b")]
    done = {"choices": [{"delta": {}, "finish_reason": "length"}], "usage": {"prompt_tokens": 7}}
    lines = [f"data: {json.dumps(event)}\n\n" for event in (*events, done)]
    server.script.append(Reply(raw="".join(lines) + "data: [DONE]\n\n", kind="text/event-stream"))
    answer = ask(server)
    assert (answer.text, answer.finish, answer.prompt_tokens) == ("ab", "length", 7)


BEGINNINGS = ["", ": ping\n\n", "event: message\n", "\r\n\r\nid: 1\r\nretry: 9\r\n", "\ufeff", "\ufeff:\n\n"]


@pytest.mark.parametrize("begins", BEGINNINGS)
def test_a_stream_may_begin_with_anything_that_a_stream_holds(server: ChatServer, begins: str) -> None:
    events = [{"choices": [{"delta": {"content": part}}]} for part in ("a\u2028", "b")]
    lines = [f"{begins}data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
    server.script.append(Reply(raw="".join(lines).replace("\n\n\ufeff", "\n\n") + "data:[DONE]\n\n"))
    assert ask(server).text == "a\u2028b"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_body_may_have_a_byte_order_mark(encoding: str) -> None:
    said = {"choices": [{"message": {"content": "\u00e9"}}]}
    text = body_text(json.dumps(said, ensure_ascii=False).encode(encoding))
    assert json.loads(text) == said


def test_what_a_stream_ends_with_is_the_error(server: ChatServer) -> None:
    server.script.append(Reply(raw=': ping\n\ndata: {"error": {"message": "on fire"}}\n\n'))
    with pytest.raises(LLMError, match=r"500: on fire$"):
        ask(server)


@pytest.mark.parametrize("key", ["x", "e", "token", "max"])
def test_a_dummy_key_changes_nothing_of_what_a_server_says(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.script += [Reply(status=400, error="Unsupported parameter: 'max_tokens'"), Reply(text="fine")]
    assert ask(server).text == "fine"
    assert "max_completion_tokens" in server.requests[1]
    server.script.append(Reply(status=400, error="next, every token is extra"))
    with pytest.raises(Refused, match="next, every token is extra"):
        ask(server)


def test_a_key_is_understood_and_not_shown_not_even_half_of_it(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "max_tokens")
    server.script += [Reply(status=400, error="Unsupported parameter: 'max_tokens'"), Reply(text="fine")]
    assert ask(server).text == "fine"
    server.script.append(Reply(status=418, error="z " * 146 + "max_tokens"))
    with pytest.raises(Refused) as caught:
        ask(server)
    assert "max" not in caught.value.message
