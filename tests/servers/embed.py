"""An embedding model as a server on 127.0.0.1: OpenAI's /v1/embeddings and Ollama's /api/embed.

A vector counts the words of its text, each in the dimension that its hash names: so what is near to
what can be told by hand.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from tests.servers.chat import Body, ChatServer, Reply, good_reply

DIMENSIONS = 4096
Change = Callable[[dict[str, Any], Body], Any]
"""(a good answer, what was asked) -> what is sent instead."""


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    found = [0.0] * dimensions
    for word in words(text):
        found[crc32(word.encode()) % dimensions] += 1.0
    return found


def tokens(texts: Sequence[str]) -> int:
    return sum(len(words(text)) for text in texts)


@dataclass(frozen=True)
class Embedded(Reply):
    """A good answer; `change` makes it an odd one."""

    change: Change | None = None


class EmbedServer(ChatServer):
    """Embeds whatever is asked, unless the script says something else.

    Args:
        most: how many texts it takes in one request.
        longest: how many words it takes in one text.
        change: what becomes of every answer.
    """

    def __init__(
        self,
        respond: Callable[[Body, int], Reply] = good_reply,
        *,
        most: int = 2048,
        longest: int = 8191,
        change: Change | None = None,
        takes_base64: bool = True,
        latency: float = 0.0,
    ) -> None:
        super().__init__(respond, latency=latency)
        self.most, self.longest, self.change, self.takes_base64 = most, longest, change, takes_base64
        self.models |= {"text-embedding-3-small", "nomic-embed-text"}
        self.embedded: Counter[str] = Counter()
        """Text -> how often its vector was paid for."""

    async def handle(self, method: str, path: str, raw: bytes) -> tuple[int, bytes, dict[str, str], bool]:
        if method == "GET" or path not in ("/v1/embeddings", "/api/embed"):
            return await super().handle(method, path, raw)
        body: Body = json.loads(raw)
        if self.script and not isinstance(self.script[0], Embedded):
            return await super().handle(method, path, raw)
        self.requests.append(body)
        if body["model"] not in self.models:
            said = f"model {body['model']!r} not found, try pulling it first"
            return self._failed(path, Reply(status=404, error=said))
        reply = self.script.popleft() if self.script else Embedded()
        if self.latency or reply.delay:
            await asyncio.sleep(self.latency + reply.delay)
        texts = body["input"]
        if refusal := self._refusal(texts):
            return self._failed(path, refusal)
        self.billed_calls += 1
        self.billed_tokens[0] += tokens(texts)
        self.embedded.update(texts)
        answer = self._ollama(body) if path == "/api/embed" else self._openai(body)
        change = (reply.change if isinstance(reply, Embedded) else None) or self.change
        sent = change(answer, body) if change else answer
        return 200, json.dumps(sent).encode(), reply.headers, reply.cut

    def __enter__(self) -> EmbedServer:
        super().__enter__()
        return self

    def _refusal(self, texts: Sequence[str]) -> Reply | None:
        if len(texts) > self.most:
            said = f"batch size {len(texts)} > maximum allowed batch size {self.most}"
            return Reply(status=422, error=said)
        if any(len(words(text)) > self.longest for text in texts):
            said = f"This model's maximum context length is {self.longest} tokens."
            return Reply(status=400, error=said)
        if "" in texts:
            return Reply(status=400, error="'$.input' is invalid.")
        return None

    def _openai(self, body: Body) -> Body:
        size = body.get("dimensions", DIMENSIONS)
        rows: list[Any] = [vector(text, size) for text in body["input"]]
        if body.get("encoding_format") == "base64" and self.takes_base64:
            rows = [base64.b64encode(struct.pack(f"<{size}f", *row)).decode() for row in rows]
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
        used = tokens(body["input"])
        return {
            "object": "list",
            "data": data,
            "model": body["model"],
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }

    def _ollama(self, body: Body) -> Body:
        size = body.get("dimensions", DIMENSIONS)
        return {
            "model": body["model"],
            "embeddings": [vector(text, size) for text in body["input"]],
            "prompt_eval_count": tokens(body["input"]),
        }
