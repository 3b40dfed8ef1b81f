"""A server's answer that never ends, or is far too large for one, is cut off at a stated size."""

from __future__ import annotations

import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

LARGEST_BODY = 32 * 2**20
"""Bytes: a thousand times what the longest answers take."""

GROWTH = 100
"""What is longer than one answer (a batch's file) becomes at most so many times what came, when unpacked."""

PIECE = 2**18
"""Bytes that are unpacked at a time."""

PACKED = ("gzip", "deflate")
EITHER, BARE = 47, -15
"""Window bits of zlib: for gzip and zlib's own format; for deflate without a head, as some send it."""


class TooLarge(Exception):
    """More came than an answer can be."""

    def __init__(self) -> None:
        super().__init__(f"more than {LARGEST_BODY // 2**20} MB came for one answer")


def bound_bodies(client: Any) -> None:
    """Make an HTTP client (of httpx or httpx2) stop reading the answer to a call at `LARGEST_BODY`.

    Calls are POSTs; what is fetched, such as the answers of a whole batch, is as long as it is, but
    does not become more than `GROWTH` times that. Bodies are unpacked here, a piece at a time: the
    client would unpack all that came at one moment, a thousand times as much, before anyone can look.
    What is read later then raises TooLarge, by itself or as the cause of the client's own error.
    """
    streams = _bounded(library_of(client))
    client.headers["accept-encoding"] = ", ".join(PACKED)

    async def bound(response: Any) -> None:
        packed = response.headers.pop("content-encoding", "").strip().lower() in PACKED
        response.stream = streams(response.stream, packed, response.request.method == "POST")

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), bound]}


def library_of(client: Any) -> Any:
    """The module of an HTTP client: httpx or httpx2, as the version of the SDK has it."""
    return sys.modules[type(client).__mro__[-2].__module__.partition(".")[0]]


@lru_cache
def _bounded(library: Any) -> Any:
    """The stream of a library, unpacked, with an end."""

    class Bounded(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, inner: Any, packed: bool, one: bool) -> None:
            self.inner, self.packed, self.one = inner, packed, one

        async def __aiter__(self) -> AsyncIterator[bytes]:
            came = made = 0
            unpacked = Unpacking() if self.packed else None
            async for part in self.inner:
                came += len(part)
                if self.one and came > LARGEST_BODY:
                    raise TooLarge
                if unpacked is None:
                    yield part
                    continue
                most = LARGEST_BODY if self.one else max(LARGEST_BODY, GROWTH * came)
                try:
                    for piece in unpacked(part):
                        made += len(piece)
                        if made > most:
                            raise TooLarge
                        yield piece
                except zlib.error as error:
                    raise library.DecodingError(str(error)) from None

        async def aclose(self) -> None:
            await self.inner.aclose()

    return Bounded


class Unpacking:
    """Gives what packed parts hold, in pieces of at most `PIECE` bytes.

    Raises:
        zlib.error: they are not packed so.
    """

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(EITHER)
        self._begun = False

    def __call__(self, part: bytes) -> Iterator[bytes]:
        piece = b""
        while part or len(piece) == PIECE:  # a full piece may not have been all
            try:
                piece = self._inflate.decompress(part, PIECE)
            except zlib.error:
                if self._begun:
                    raise
                self._inflate = zlib.decompressobj(BARE)
                piece = self._inflate.decompress(part, PIECE)
            self._begun = True
            part = self._inflate.unconsumed_tail
            yield piece
