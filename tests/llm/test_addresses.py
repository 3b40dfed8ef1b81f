"""Addresses, keys and proxies that cannot work, each in one line without its secrets."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import pytest

from syneg_cli.core.errors import LLMError, LLMSetupError, UsageError
from syneg_cli.llm import open_llm
from syneg_cli.llm.base import Broken, TimedOut, Unreachable
from tests.conftest import Cli
from tests.llm.asking import KEY, REQUEST, ask
from tests.patience import PATIENCE
from tests.servers import ChatServer, Reply, nobody


class Proxy(Protocol):
    def __call__(self, url: str, variable: str = ...) -> None: ...


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


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY}é", f"\x1b{KEY}", f"{KEY}\u200b", f"{KEY} x"])
@pytest.mark.parametrize("provider", ["openai", "ollama"])
def test_a_key_that_no_header_can_carry_is_said_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, provider: str, key: str
) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.setenv(variable, key)
    with pytest.raises(UsageError, match=f"{variable} holds a character") as caught:
        open_llm(f"{provider}:m")
    assert KEY not in f"{caught.value.message} {caught.value.hint}"


@pytest.fixture
def proxy(proxies: pytest.MonkeyPatch) -> Proxy:
    """Sets one variable; no other names a proxy."""
    return lambda url, variable="all_proxy": proxies.setenv(variable, url)


@pytest.mark.parametrize("provider", ["openai", "ollama"])
@pytest.mark.parametrize("kind", ["socks5", "ftp"])
def test_a_proxy_of_another_kind_is_said(proxy: Proxy, provider: str, kind: str) -> None:
    if kind == "socks5" and find_spec("socksio"):
        pytest.skip("socksio is installed")
    proxy(f"{kind}://me:secret@proxy.example:1")
    with pytest.raises(LLMSetupError, match=f"The proxy {kind}://proxy.example:1") as caught:
        open_llm(f"{provider}:m", base_url="http://model.example/v1")
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"


FAR = "http://model.example"
AT = {"openai": f"{FAR}/v1", "ollama": FAR}
BOTH = pytest.mark.parametrize("provider", ["openai", "ollama"])


def failing(provider: str, url: str, timeout: float = PATIENCE) -> LLMError:
    """What a call ends with."""

    async def main() -> LLMError:
        llm = open_llm(f"{provider}:m", base_url=url, timeout=timeout)
        with pytest.raises(LLMError) as caught:
            await llm.complete(REQUEST)
        await llm.close()
        return caught.value

    return asyncio.run(main())


@BOTH
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_dead_proxy_is_named_with_its_variable_and_without_its_password(
    proxy: Proxy, provider: str, variable: str
) -> None:
    with nobody() as url:
        proxy(url.replace("http://", "http://me:secret@"), variable)
        error = failing(provider, AT[provider])
    assert isinstance(error, Unreachable)
    assert f"The proxy {url} ({variable}) on the way to {AT[provider]}" in error.message
    assert str(error.hint).startswith(f"Correct or unset {variable}, ")
    assert "NO_PROXY" in str(error.hint)
    assert "secret" not in f"{error.message} {error.hint}"


@BOTH
@pytest.mark.parametrize("excepted", ["127.0.0.1", "http://127.0.0.1", "localhost,127.0.0.1", "*"])
def test_a_server_that_no_proxy_names_is_called_and_blamed_itself(
    server: ChatServer, proxy: Proxy, provider: str, excepted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", excepted)
    with nobody() as url, nobody() as dead_server:
        proxy(url, "ALL_PROXY")
        error = failing(provider, dead_server)
        server.script.append(Reply(status=400, error="it was the server"))
        answered = failing(provider, server.openai_url if provider == "openai" else server.url)
    assert f"answers at {dead_server}" in error.message
    assert "proxy" not in f"{error.message} {error.hint}".lower()
    assert "it was the server" in answered.message


@BOTH
def test_a_proxy_for_other_addresses_is_not_blamed(proxy: Proxy, provider: str) -> None:
    with nobody() as url, nobody() as dead_server:
        proxy(url, "HTTPS_PROXY")
        error = failing(provider, dead_server)
    assert "proxy" not in f"{error.message} {error.hint}".lower()


@BOTH
def test_a_proxy_that_hangs_or_breaks_off_is_named(server: ChatServer, proxy: Proxy, provider: str) -> None:
    proxy(server.url, "HTTP_PROXY")
    server.script.extend([Reply(hang=True), Reply(text="x", cut=True)])
    for kind, timeout in ((TimedOut, 0.3), (Broken, PATIENCE)):
        error = failing(provider, AT[provider], timeout)
        assert type(error) is kind
        assert f"through the proxy {server.url} (HTTP_PROXY)" in error.message


@BOTH
def test_a_page_of_a_proxy_may_be_its_own(server: ChatServer, proxy: Proxy, provider: str) -> None:
    proxy(server.url, "HTTP_PROXY")
    server.script.append(Reply(status=403, raw="<p>Blocked by policy</p>", kind="text/html"))
    error = failing(provider, AT[provider])
    assert "web page (403: Blocked by policy)" in error.message
    assert "may be the proxy's" in str(error.hint)
    assert "HTTP_PROXY" in str(error.hint)


@BOTH
def test_a_proxy_of_no_known_kind_is_said_also_where_it_is_for_other_addresses(
    proxy: Proxy, provider: str
) -> None:
    proxy("ftp://proxy.example:1", "HTTPS_PROXY")
    with pytest.raises(LLMSetupError, match=r"proxy ftp://proxy.example:1 \(HTTPS_PROXY\) cannot be used"):
        open_llm(f"{provider}:m", base_url=AT[provider])


@BOTH
def test_the_command_names_a_dead_proxy_once(cli: Cli, tiny: Path, proxy: Proxy, provider: str) -> None:
    with nobody() as url:
        proxy(url, "HTTP_PROXY")
        result = cli("generate", tiny, "--llm", f"{provider}:m", "--base-url", AT[provider])
    assert result.code == 1
    assert [line for line in result.err.splitlines() if "error: " in line] == [
        line for line in result.err.splitlines() if f"The proxy {url} (HTTP_PROXY)" in line
    ]


def test_a_proxy_that_asks_for_a_password_is_said(server: ChatServer, proxy: Proxy) -> None:
    proxy(server.url)
    server.script.append(Reply(status=407, raw="<p>no</p>"))
    with pytest.raises(LLMSetupError, match=rf"{server.url} \(all_proxy\) asks for a password"):
        ask("http://model.example/v1")
