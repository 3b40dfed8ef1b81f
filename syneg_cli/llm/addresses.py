"""Where a server is and how it is reached: addresses, keys and proxies, spoken of without their secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

from syneg_cli.core import (
    LLMSetupError,
    Proxy,
    UsageError,
    all_proxies,
    find_key,
    install,
    proxy_for,
    remember_address,
)
from syneg_cli.llm.base import Unreachable

SCHEMES = ("http", "https")
PROXIES = ("http://", "https://", "socks")

OF_OPENAI = "Correct --base-url or OPENAI_BASE_URL: the address usually ends in /v1."
OF_OLLAMA = "Correct --base-url or OLLAMA_HOST: the address of an Ollama server, without a path."
"""What to do where no such server answers."""


def public_url(url: str) -> str:
    """A server's address without user name, password and query, which may hold secrets.

    Raises:
        UsageError: it cannot be read as an address.
    """
    parts = _split(url, "The server's address")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")


def checked_address(url: str, named: str) -> str:
    """The address of a server, if it is one.

    Args:
        named: where it comes from, as people know it.

    Raises:
        UsageError: it has no http:// or https://, no host, or a port that is none.
    """
    url = url.strip()
    remember_address(url)
    parts = _split(url, named)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise UsageError(
            f"{named}: {_shown(url)!r} does not begin with http:// or https:// and a host.",
            hint="A server's address looks like http://localhost:8000/v1.",
        )
    return url


def _split(url: str, named: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError as error:
        why = str(error).partition(" as ")[0] if "@" not in str(error) else "not readable"
        raise UsageError(
            f"{named}: {_shown(url)!r} is no address: {why}.",
            hint="A server's address looks like http://localhost:8000/v1.",
        ) from None
    return parts


def _shown(url: str) -> str:
    """What can be shown of something that may be no address: nothing before an @, no query."""
    return url.rpartition("@")[2].partition("?")[0]


def api_key(variable: str) -> str | None:
    """The key of that name, without blanks and line ends around it; None where there is none.

    Raises:
        UsageError: as `find_key`.
    """
    key = find_key(variable)
    return key.value if key else None


def proxy_between(client: Any, url: str) -> Proxy | None:
    """The proxy by which an httpx client reaches a server: NO_PROXY is read by the client's own rules."""
    way = client._transport_for_url(client.build_request("GET", url).url)
    return None if way is client._transport else proxy_for(url)


def through(proxy: Proxy | None) -> str:
    """What a message adds about the way to a server."""
    return f", through the proxy {proxy}" if proxy else ""


def dead_proxy(proxy: Proxy, endpoint: str, why: str) -> Unreachable:
    """The error where the way to a server ends at its proxy."""
    return Unreachable(
        f"The proxy {proxy} on the way to {endpoint} does not let through ({why}).", hint=proxy.remedy
    )


@contextmanager
def opening_client(endpoint: str) -> Iterator[None]:
    """Around the making of an HTTP client, which reads all proxies of the environment.

    Raises:
        LLMSetupError: a proxy's kind needs a package that is missing, or is unknown.
    """
    try:
        yield
    except ImportError:
        proxy = next((one for _, one in all_proxies() if one.url.startswith("socks")), None)
        raise LLMSetupError(
            f"The proxy {proxy or 'of the environment'} is a SOCKS proxy, which needs the package socksio.",
            hint=f"Run `{install('socksio')}`, or unset {proxy.variable if proxy else 'ALL_PROXY'}.",
        ) from None
    except (ValueError, TypeError) as error:
        proxy = next((one for _, one in all_proxies() if not one.url.startswith(PROXIES)), None)
        proxy = proxy or proxy_for(endpoint)
        if proxy is None:
            raise LLMSetupError(
                f"{endpoint} cannot be called: {type(error).__name__}.", hint="Correct the server's address."
            ) from None
        raise LLMSetupError(f"The proxy {proxy} cannot be used.", hint=proxy.remedy) from None
