"""The Ollama provider against a real server on the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from syneg_cli.core.errors import BadResponse, LLMError, LLMSetupError, RateLimited
from syneg_cli.llm import Answer, Request, Subject, open_llm
from syneg_cli.llm.base import Broken, TimedOut, Unanswerable, Unreachable
from syneg_cli.llm.ollama import _options
from tests.patience import PATIENCE
from tests.servers import ChatServer, Reply, nobody

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
REQUEST = Request(
    Subject("q1", "d1", "syneg"), (("user", "hello"),), schema=SCHEMA, temperature=0.5, seed=3, max_tokens=64
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    with ChatServer() as running:
        monkeypatch.setenv("OLLAMA_HOST", running.url)
        yield running


def ask(model: str = "llama3", *, timeout: float = PATIENCE, calls: int = 1) -> Answer:
    async def main() -> Answer:
        llm = open_llm(f"ollama:{model}", timeout=timeout)
        try:
            for _ in range(calls):
                answer = await llm.complete(REQUEST)
            return answer
        finally:
            await llm.close()

    return asyncio.run(main())


def test_a_call_sends_everything_and_counts_the_usage(server: ChatServer) -> None:
    server.script.append(Reply(text="hi", tokens=(12, 34)))
    answer = ask()
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens, answer.finish) == (
        "hi",
        12,
        34,
        "stop",
    )
    body = server.requests[0]
    assert body["stream"] is False
    assert body["format"] == SCHEMA
    assert body["options"] == {"num_predict": 64, "num_ctx": 2048, "temperature": 0.5, "seed": 3}


def test_a_refused_schema_falls_back_and_is_not_tried_again(server: ChatServer) -> None:
    server.script.extend([Reply(status=400, error="invalid format"), Reply(status=500, error="bad format")])
    ask(calls=2)
    assert [body.get("format") for body in server.requests] == [SCHEMA, "json", None, None]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=401), LLMSetupError),
        (Reply(status=503), RateLimited),
        (Reply(status=500), LLMError),
        (Reply(status=400, error="context too long"), Unanswerable),
        (Reply(text="x", cut=True), Broken),
    ],
)
def test_failures_are_told_apart(server: ChatServer, reply: Reply, error: type[LLMError]) -> None:
    server.script.append(reply)
    with pytest.raises(error) as caught:
        ask()
    assert type(caught.value) is error


def test_an_unknown_model_says_how_to_get_it(server: ChatServer) -> None:
    with pytest.raises(LLMSetupError, match="no model 'nope'") as caught:
        ask("nope")
    assert "ollama pull nope" in str(caught.value.hint)


def test_no_server_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody() as url:
        monkeypatch.setenv("OLLAMA_HOST", url)
        with pytest.raises(Unreachable, match="No Ollama server") as caught:
            ask()
    assert "ollama serve" in str(caught.value.hint)


def test_a_server_that_hangs_times_out(server: ChatServer) -> None:
    """A short limit: on a slower machine it strikes all the more certainly."""
    server.script.append(Reply(hang=True))
    with pytest.raises(TimedOut):
        ask(timeout=0.3)


PAGE = "<html><title>Home</title></html>"


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(raw=PAGE, kind="text/html"), Unreachable, "web page (200: Home)"),
        (Reply(raw=PAGE, status=404, kind="text/html"), Unreachable, "web page (404"),
        (Reply(raw=PAGE, status=502, kind="text/html"), LLMError, "502: Home"),
        (Reply(raw={"error": "model runner has stopped"}), LLMError, "model runner has stopped"),
        (Reply(raw={"status": "ok"}), Unreachable, "no answer of Ollama"),
        (Reply(raw=[]), Unreachable, "no answer of Ollama"),
        (Reply(raw={"message": None, "done": True}), BadResponse, "without an answer"),
        (Reply(raw="404 page not found", status=404), Unreachable, "is no Ollama server"),
        (Reply(raw=""), BadResponse, "broken body"),
        (
            Reply(status=500, error="the input exceeds the available context size"),
            Unanswerable,
            "context size",
        ),
    ],
)
def test_odd_bodies_are_told_apart(
    server: ChatServer, reply: Reply, error: type[LLMError], says: str
) -> None:
    server.script.append(reply)
    with pytest.raises(error) as caught:
        ask()
    assert type(caught.value) is error
    assert says in caught.value.message
    assert len(server.requests) == 1


def test_a_wave_of_calls_meets_a_server_without_schemas(server: ChatServer) -> None:
    server.respond = lambda body, number: (
        Reply(status=400, error="invalid format") if body.get("format") else Reply(text="hi")
    )

    async def main() -> list[Answer]:
        llm = open_llm("ollama:llama3", timeout=PATIENCE)
        wave = await asyncio.gather(*(llm.complete(REQUEST) for _ in range(8)))
        await llm.complete(REQUEST)
        await llm.close()
        return wave

    assert [answer.text for answer in asyncio.run(main())] == ["hi"] * 8
    assert len(server.requests) <= 25


def test_a_key_with_a_line_end_is_taken_without_it(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret-key\n")
    ask()
    assert server.keys == {"bearer secret-key"}


@pytest.mark.parametrize(("characters", "context"), [(3, 2048), (3 * 1728, 2048), (3 * 1729, 4096)])
def test_the_context_grows_in_steps(characters: int, context: int) -> None:
    """1728 tokens of prompt, 64 of answer and 256 of margin are 2048."""
    asked = _options(replace(REQUEST, messages=(("user", "x" * characters),)))
    assert asked["num_ctx"] == context
