"""The OpenAI provider against a real server on the loopback interface."""

from __future__ import annotations

import asyncio

import pytest

from syneg_cli.core.errors import LLMError, LLMSetupError, RateLimited
from syneg_cli.llm import Request, Subject, open_llm
from syneg_cli.llm.addresses import public_url
from syneg_cli.llm.base import Broken, RateLimits, TimedOut, TooLong, Unreachable
from syneg_cli.llm.openai import read_duration, read_limits
from syneg_cli.llm.refusals import read_retry_after
from tests.llm.asking import KEY, REQUEST, SCHEMA, ask
from tests.servers import ChatServer, Reply, nobody


def test_a_call_sends_everything_and_counts_the_usage(server: ChatServer) -> None:
    server.script.append(Reply(text="hi", tokens=(12, 34), finish="length"))
    answer = ask(server)
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("hi", 12, 34)
    assert answer.finish == "length"
    body = server.requests[0]
    assert body["messages"] == [{"role": "user", "content": "hello"}]
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.5, 3, 4096)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert not body.get("stream")
    assert server.keys == {f"bearer {KEY}"}


def test_what_is_not_set_is_not_sent(server: ChatServer) -> None:
    ask(server, Request(Subject("q", "d", "p"), (("user", "x"),)))
    assert not {"temperature", "seed", "response_format"} & set(server.requests[0])


def test_a_refused_schema_falls_back_and_is_not_tried_again(server: ChatServer) -> None:
    no = Reply(status=400, error="response_format json_schema is not supported")
    server.script.extend([no, no])
    assert ask(server, calls=2).text
    kinds = [body.get("response_format", {}).get("type") for body in server.requests]
    assert kinds == ["json_schema", "json_object", None, None]


def test_a_refused_max_tokens_becomes_max_completion_tokens(server: ChatServer) -> None:
    server.script.append(
        Reply(status=400, error="Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
    )
    ask(server)
    assert server.requests[1]["max_completion_tokens"] == 4096
    assert "max_tokens" not in server.requests[1]


def test_a_refused_seed_is_left_out(server: ChatServer) -> None:
    server.script.append(Reply(status=400, error="unknown field seed"))
    ask(server)
    assert "seed" not in server.requests[1]


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(status=401, error=f"bad key {KEY}"), LLMSetupError, "refused the key"),
        (Reply(status=403, error=f"no rights for {KEY}"), LLMSetupError, "denies access"),
        (Reply(status=429, code="insufficient_quota"), LLMSetupError, "no credit left"),
        (Reply(status=429, headers={"retry-after": "7"}), RateLimited, "429"),
        (Reply(status=503), RateLimited, "503"),
        (Reply(status=500), LLMError, "500"),
        (Reply(status=400, error="prompt too long"), TooLong, "prompt too long"),
        (Reply(text="x", cut=True), Broken, "broke"),
    ],
)
def test_failures_are_told_apart_and_never_show_the_key(
    server: ChatServer, reply: Reply, error: type[LLMError], says: str
) -> None:
    server.script.append(reply)
    with pytest.raises(error) as caught:
        ask(server)
    assert type(caught.value) is error
    assert says in caught.value.message
    assert KEY not in f"{caught.value.message} {caught.value.hint}"
    assert len(server.requests) == 1, "the SDK must not retry by itself"


def test_the_servers_wish_to_wait_is_read(server: ChatServer) -> None:
    server.script.append(Reply(status=429, headers={"retry-after": "7"}))
    with pytest.raises(RateLimited) as caught:
        ask(server)
    assert caught.value.retry_after == 7


def test_an_unknown_model_is_one_error_that_says_what_to_do(server: ChatServer) -> None:
    with pytest.raises(LLMSetupError, match="no model 'nope'") as caught:
        ask(server, model="nope")
    assert "--llm" in str(caught.value.hint)


def test_no_server_is_one_error_that_says_what_to_do() -> None:
    with nobody() as url, pytest.raises(Unreachable, match="Nobody answers") as caught:
        ask(f"{url}/v1")
    assert "--base-url" in str(caught.value.hint)


def test_a_server_that_hangs_times_out(server: ChatServer) -> None:
    """A short limit: on a slower machine it strikes all the more certainly."""
    server.script.append(Reply(hang=True))
    with pytest.raises(TimedOut, match="did not answer in time"):
        ask(server, timeout=0.3)


def test_no_key_for_openai_itself_is_said_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    llm = open_llm("openai:gpt-4o-mini")
    with pytest.raises(LLMSetupError, match="needs a key"):
        asyncio.run(llm.complete(REQUEST))


def test_headers_are_read() -> None:
    assert read_retry_after({"retry-after-ms": "250"}) == 0.25
    assert read_retry_after({"retry-after": "2"}) == 2
    assert read_retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert read_retry_after({"retry-after": "soon"}) is None
    assert read_duration("6m0s") == 360
    assert read_duration("20ms") == pytest.approx(0.02)
    assert read_duration("1h1m1.5s") == 3661.5
    assert read_duration(None) is None
    limits = read_limits({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"})
    assert limits is not None
    assert (limits.requests, limits.requests_reset, limits.tokens) == (0, 2, None)
    assert read_limits({}) is None


def test_secrets_in_an_address_are_no_part_of_it() -> None:
    assert public_url("http://me:secret@host:1/v1?key=secret") == "http://host:1/v1"


@pytest.mark.parametrize("left", ["\u00b2", "9" * 5000, "-1", "1e3", ""])
def test_a_header_that_is_no_number_spoils_no_answer(left: str) -> None:
    headers = {"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": "9" * 400 + "s"}
    assert read_limits(headers) is None
    assert read_limits({**headers, "x-ratelimit-remaining-tokens": " 0 "}) == RateLimits(None, None, 0, None)


@pytest.mark.parametrize(
    "wait",
    [
        "inf",
        "1e400",
        "-inf",
        "nan",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 1 Jan 2024 0:0:0 +99999999",
    ],
)
def test_a_pause_that_is_no_number_is_none(wait: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        assert read_retry_after({name: wait}) is None
