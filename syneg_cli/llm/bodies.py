"""A server's answer that never ends, or is far too large for one, is cut off at a stated size."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

LARGEST_BODY = 32 * 2**20
"""Bytes: a thousand times what the longest answers take."""


class TooLarge(Exception):
    """More came than an answer can be."""

    def __init__(self) -> None:
        super().__init__(f"more than {LARGEST_BODY // 2**20} MB came for one answer")


def bound_bodies(client: Any) -> None:
    """Make an HTTP client (of httpx or httpx2) stop reading the answer to a call at `LARGEST_BODY`.

    Calls are POSTs; what is fetched, such as the answers of a whole batch, is as long as it is.
    What is read later then raises TooLarge, by itself or as the cause of the client's own error.
    """
    library = sys.modules[type(client).__mro__[-2].__module__.partition(".")[0]]
    streams = _bounded(library.AsyncByteStream)

    async def bound(response: Any) -> None:
        if response.request.method == "POST":
            response.stream = streams(response.stream)

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), bound]}


@lru_cache
def _bounded(base: Any) -> Any:
    """The stream of a library, with an end."""

    class Bounded(base):  # type: ignore[misc]
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            count = 0
            async for part in self.inner:
                count += len(part)
                if count > LARGEST_BODY:
                    raise TooLarge
                yield part

        async def aclose(self) -> None:
            await self.inner.aclose()

    return Bounded
