"""A server that sends on elsewhere: nothing of ours goes there, and the new address is named."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.errors import LLMSetupError
from syneg_cli.llm import open_llm
from tests.conftest import Cli
from tests.llm.asking import ask
from tests.servers import ChatServer, EmbedServer, Reply

PLACES = {"openai": "/v1/chat/completions", "ollama": "/api/chat", "embed": "/v1/embeddings"}
KEY = "sk-test-0123456789"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)


def to(address: str, status: int = 307) -> Reply:
    return Reply(status=status, raw="", headers={"location": address})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", ["openai", "ollama", "embed"])
def test_texts_and_keys_are_not_sent_on(kind: str, status: int, tiny: Path, cli: Cli) -> None:
    with EmbedServer() as other, EmbedServer() as server:
        server.script.extend([to(f"{other.url}{PLACES[kind]}?token=secret", status)] * 99)
        named: tuple[object, ...]
        if kind == "embed":
            named = ("eval", tiny, "--backbone", "openai:m", "--base-url", server.openai_url)
        else:
            url = server.openai_url if kind == "openai" else server.url
            named = ("generate", tiny, "--llm", f"{kind}:m", "--base-url", url, "--concurrency", 1)
        result = cli(*named)
        base = other.url if kind == "ollama" else other.openai_url
        assert len(server.requests) == 1, "asked once, and no more"
        assert not other.requests
        assert not other.keys
    assert result.code == 1, result.err
    assert result.err.count("error: ") == 1
    assert f"redirects to {other.url}{PLACES[kind]} ({status}), which is not followed" in result.err
    assert f"--base-url {base}." in result.err
    assert "secret" not in result.err


@pytest.mark.parametrize("location", ["", "/v1/chat/completions", "http://[", "//"])
def test_a_loop_and_an_address_that_is_none_cost_one_request(location: str) -> None:
    with ChatServer() as server:
        server.script.extend([to(location) if location else Reply(status=307, raw="")] * 99)
        with pytest.raises(LLMSetupError, match=r"redirects .*\(307\), which is not followed"):
            ask(server)
        assert len(server.requests) == 1


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_doctor_names_the_address(provider: str, cli: Cli) -> None:
    with ChatServer() as other, ChatServer() as server:
        url, elsewhere = (
            (server.openai_url, other.openai_url) if provider == "openai" else (server.url, other.url)
        )
        path = "/models" if provider == "openai" else "/api/tags"
        server.script.append(to(f"{elsewhere}{path}", 308))
        result = cli(
            "doctor", "--set", f"generate.llm={provider}:m", "--set", f"generate.base_url={url}", "--json"
        )
        assert not other.keys
    checks: Any = result.json["checks"]
    check = next(one for one in checks if one["name"] == "language model")
    assert check["state"] == "problem", check
    assert "is not followed" in check["said"]
    assert f"--base-url {elsewhere}." in check["remedy"]


def test_a_batch_that_lies_elsewhere_is_fetched_without_a_key() -> None:
    class Elsewhere(ChatServer):
        def _listed(self, path: str) -> tuple[int, bytes, dict[str, str], bool]:
            return 200, b"the answers", {}, False

    async def fetch(url: str) -> Any:
        llm: Any = open_llm("openai:m", base_url=url, timeout=9)
        try:
            llm.client._client.headers["x-key"] = KEY
            return await llm.api(llm.client.files.content("f"))
        finally:
            await llm.close()

    with Elsewhere() as other, ChatServer() as server:
        server.script.append(to(f"{other.url}/f", 302))
        assert asyncio.run(fetch(server.openai_url)).content == b"the answers"
        assert server.keys == {f"bearer {KEY}"}
        assert other.keys == {""}
