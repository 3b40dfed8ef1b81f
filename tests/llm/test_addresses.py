"""Addresses, keys and proxies that cannot work, each in one line without its secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from syneg_cli.core.errors import LLMSetupError, UsageError
from syneg_cli.llm import open_llm
from syneg_cli.llm.base import Unreachable
from tests.llm.asking import KEY, REQUEST, ask
from tests.patience import PATIENCE
from tests.servers import ChatServer, Reply, nobody


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "http://", "ftp://host/v1", "http://[::1/v1", "http://h:80a"]
)
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_what_is_no_address_is_said_so(provider: str, url: str) -> None:
    if provider == "ollama" and "://" not in url:
        pytest.skip("Ollama's servers are named so")
    with pytest.raises(UsageError, match=r"http://|no address") as caught:
        open_llm(f"{provider}:m", base_url=url)
    assert "--base-url" in caught.value.message


def test_a_key_with_a_line_end_is_taken_without_it(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\r\n")
    ask(server)
    assert server.keys == {f"bearer {KEY}"}


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY}é", f"\x1b{KEY}", f"{KEY}\u200b"])
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_a_key_that_no_header_can_carry_is_said_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, provider: str, key: str
) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.setenv(variable, key)
    with pytest.raises(LLMSetupError, match=f"{variable} holds a character") as caught:
        open_llm(f"{provider}:m")
    assert KEY not in f"{caught.value.message} {caught.value.hint}"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return lambda url: monkeypatch.setenv("all_proxy", url)


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize("kind", ["socks5", "ftp"])
def test_a_proxy_of_another_kind_is_said(proxy: Callable[[str], None], provider: str, kind: str) -> None:
    if kind == "socks5" and find_spec("socksio"):
        pytest.skip("socksio is installed")
    proxy(f"{kind}://me:secret@proxy.example:1")
    with pytest.raises(LLMSetupError, match=f"The proxy {kind}://proxy.example:1") as caught:
        open_llm(f"{provider}:m", base_url="http://model.example/v1")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_a_dead_proxy_is_named_without_its_password(
    server: ChatServer, proxy: Callable[[str], None], provider: str
) -> None:
    with nobody() as url:
        proxy(url.replace("http://", "http://me:secret@"))

        async def main() -> None:
            llm = open_llm(f"{provider}:m", base_url=server.openai_url, timeout=PATIENCE)
            with pytest.raises(Unreachable, match=f"The proxy {url}") as caught:
                await llm.complete(REQUEST)
            assert "NO_PROXY" in str(caught.value.hint)
            assert "secret" not in f"{caught.value.message} {caught.value.hint}"
            await llm.close()

        asyncio.run(main())
    assert not server.requests


def test_a_proxy_that_asks_for_a_password_is_said(server: ChatServer, proxy: Callable[[str], None]) -> None:
    proxy(server.url)
    server.script.append(Reply(status=407, raw="<p>no</p>"))
    with pytest.raises(LLMSetupError, match=f"The proxy {server.url} asks for a password"):
        ask("http://model.example/v1")
