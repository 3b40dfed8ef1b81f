"""Redirects: what is sent to a server holds texts and a key, and goes to no address that nobody named."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from syneg_cli.core import LLMSetupError, UsageError
from syneg_cli.llm.addresses import public_url

PLAIN = ("accept", "accept-encoding", "host", "user-agent")
"""Headers that say nothing of who asks."""


def refuse_redirects(client: Any, endpoint: str) -> None:
    """Make an HTTP client (of httpx or httpx2) raise LLMSetupError where a call would be sent on.

    Calls are POSTs. What is fetched, such as the answers of a batch, may lie elsewhere, and is fetched
    there without a key; httpx itself takes only `Authorization` away, and not the keys of other headers.
    """

    async def look(response: Any) -> None:
        if not 300 <= response.status_code < 400:
            return
        asked, headers = str(response.request.url), response.request.headers
        if response.request.method != "GET" or not response.has_redirect_location:
            raise redirected(response, endpoint)
        if _origin(urljoin(asked, response.headers["location"])) != _origin(asked):
            for name in [name for name in headers if name.lower() not in PLAIN]:
                del headers[name]

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), look]}


def redirected(response: Any, endpoint: str) -> LLMSetupError:
    """The error of an answer that names another address, or that only says that there is one."""
    location = response.headers.get("location", "")
    asked = urlsplit(str(response.request.url)).path
    try:
        target = public_url(urljoin(str(response.request.url), location)) if location else ""
    except (UsageError, ValueError):
        target = ""
    where = f"to {target} " if target else ""
    base = target.removesuffix(asked.removeprefix(urlsplit(endpoint).path.rstrip("/")))
    return LLMSetupError(
        f"{endpoint} redirects {where}({response.status_code}), which is not followed: your texts and your "
        "key would go there.",
        hint=f"If you trust it, name it: --base-url {base or 'ADDRESS'}.",
    )


def _origin(url: str) -> tuple[str, str]:
    """(scheme, host and port), as far as an address has them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()
