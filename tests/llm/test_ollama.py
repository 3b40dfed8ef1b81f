"""The Ollama provider against a real server on the loopback interface."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.core.errors import BadResponse, LLMError, LLMSetupError, RateLimited, UsageError
from syneg_cli.llm import Answer, Request, Subject, open_llm
from syneg_cli.llm.base import Broken, TimedOut, TooLong, Unreachable
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
        (Reply(status=400, error="context too long"), TooLong),
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
            TooLong,
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


@pytest.mark.parametrize("host", ["localhost:80a", "http://localhost:80a", "[::1"])
def test_a_wrong_host_is_said(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(UsageError, match="OLLAMA_HOST") as caught:
        ask()
    assert "no address" in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "http://127.0.0.1:{}/"])
def test_hosts_as_ollama_names_them(server: ChatServer, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host.format(server.port))
    server.script.append(Reply(text="hi"))
    assert ask().text == "hi"


def test_a_proxy_of_another_kind_does_not_break_the_import(tmp_path: Path) -> None:
    """Ollama's package makes a client when it is imported: in a process of its own, where that is so."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-c", "from syneg_cli.llm import open_llm; open_llm('ollama:m')"]
    found = subprocess.run(
        command,
        env=clean | {"ALL_PROXY": "ftp://proxy.example:1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        check=False,
    )
    assert "LLMSetupError: The proxy ftp://proxy.example:1 (ALL_PROXY) cannot be used" in found.stderr


@pytest.mark.parametrize("begins", ["", ": ping\n\n", "\ufeff", "event: message\r\ndata: ", "\n\n"])
@pytest.mark.parametrize("parts", [("all",), ("al", "l")])
def test_a_body_may_begin_as_streams_do(server: ChatServer, begins: str, parts: tuple[str, ...]) -> None:
    lines = [json.dumps({"message": {"content": part}, "done": part == parts[-1]}) for part in parts]
    server.script.append(Reply(raw=begins + "\n\n".join(lines)))
    assert ask().text == "all"
