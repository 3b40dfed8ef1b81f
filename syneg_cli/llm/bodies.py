"""A server's answer that never ends, or is far too large for one, is cut off at a stated size."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

LARGEST_BODY = 32 * 2**20
"""Bytes: a thousand times what the longest answers take."""


class TooLarge(Exception):
    """More came than an answer can be."""

    def __init__(self) -> None:
        super().__init__(f"more than {LARGEST_BODY // 2**20} MB came for one answer")


def bound_bodies(client: Any) -> None:
    """Make an HTTP client (of httpx or httpx2) stop reading a body at `LARGEST_BODY`.

    What is read later then raises TooLarge, by itself or as the cause of the client's own error.
    """
    client.event_hooks["response"] = [*client.event_hooks.get("response", []), _bounded]
    client.event_hooks = client.event_hooks  # the client reads them where they are assigned


async def _bounded(response: Any) -> None:
    inner = response.stream
    base = sys.modules[type(response).__module__.partition(".")[0]].AsyncByteStream

    class Bounded(base):  # type: ignore[misc, valid-type]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            count = 0
            async for part in inner:
                count += len(part)
                if count > LARGEST_BODY:
                    raise TooLarge
                yield part

        async def aclose(self) -> None:
            await inner.aclose()

    response.stream = Bounded()
