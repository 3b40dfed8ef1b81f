"""A chat model as a server on 127.0.0.1, in OpenAI's and Ollama's protocols."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.patience import PATIENCE, wait_until

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """`text` makes a good completion; else `status` and `error` are sent. `cut` sends half the body.

    `raw` is sent as it is, a str as the whole body, anything else as JSON.
    """

    text: str | None = None
    status: int = 200
    error: str = "the server said no"
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hang: bool = False
    cut: bool = False
    finish: str = "stop"
    tokens: tuple[int, int] = (100, 50)
    raw: Any = None
    kind: str = "application/json"


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


def negatives_text(n: int = 2, *, words: int = 40, tag: str = "x") -> str:
    """The JSON that prompts/syneg.txt asks for, with texts that differ from one another."""
    items = [
        {
            "plan": f"leave point {k} open",
            "title": f"Study {tag} {k}",
            "document": " ".join(f"{tag}{k}word{i}" for i in range(words)),
            "reflection": "not relevant",
        }
        for k in range(1, n + 1)
    ]
    return json.dumps({"requirements": ["a"], "negatives": items})


def prompt_of(body: Body) -> str:
    return str(body["messages"][0]["content"])


def good_reply(body: Body, number: int) -> Reply:
    asked = re.search(r"about (\d+) words", prompt_of(body))
    count = re.search(r"Write (\d+) hard negative", prompt_of(body))
    words = int(asked.group(1)) if asked else 40
    return Reply(text=negatives_text(int(count.group(1)) if count else 2, words=words, tag=f"r{number}"))


class ChatServer:
    """Counts what it was asked, and what it would bill (every answer it finished making)."""

    def __init__(self, respond: Callable[[Body, int], Reply] = good_reply, *, latency: float = 0.0) -> None:
        self.respond = respond
        self.latency = latency
        self.script: deque[Reply] = deque()
        self.requests: list[Body] = []
        self.keys: set[str] = set()
        self.answered: Counter[str] = Counter()
        self.billed_tokens = [0, 0]
        self.billed_calls = 0
        self.sent = 0
        """Responses of every kind that left."""
        self.hanging: set[str] = set()
        """Prompts of the requests that will never be answered."""
        self.connections = 0
        self.models = {"m", "gpt-4o-mini", "llama3"}
        self.port = 0
        self._when: dict[int, Callable[[], object]] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server did not start"
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)

    def when(self, more: int, action: Callable[[], object]) -> None:
        """Call `action` as soon as so many more responses left, before anything else is done.

        The count decides the moment, not a clock; it is called in the server's thread.
        """
        self._when[self.sent + more] = action

    def wait_until_left(self) -> None:
        """Wait until every client is gone, and all that it had asked for is counted."""
        wait_until(lambda: self.connections == 0, "every connection is closed")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self.start(0))
        self._ready.set()
        self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.close()

    async def start(self, port: int) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
                headers = dict(re.findall(r"(?m)^([\w-]+): *(.*?)\r?$", head.decode().lower()))
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                self.keys.add(headers.get("authorization", ""))
                status, body, extra, cut = await self.handle(method, path, raw)
                extra = {"content-type": "application/json", **extra}
                body = PACK.get(extra.get("content-encoding", ""), bytes)(body)
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in extra.items()]
                writer.write(
                    "\r\n".join(lines).encode() + b"\r\n\r\n" + (body[: len(body) // 2] if cut else body)
                )
                await writer.drain()
                self.sent += 1
                self._when.pop(self.sent, lambda: None)()
                if cut:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def handle(self, method: str, path: str, raw: bytes) -> tuple[int, bytes, dict[str, str], bool]:
        """Answer one request; subclasses add paths."""
        if method == "GET":
            return self._listed(path)
        body: Body = json.loads(raw)
        self.requests.append(body)
        number = len(self.requests)
        reply = self.script.popleft() if self.script else self.respond(body, number)
        if reply.hang:
            self.hanging.add(prompt_of(body))
            await asyncio.Event().wait()
        if self.latency or reply.delay:
            await asyncio.sleep(self.latency + reply.delay)
        if body["model"] not in self.models:
            reply = Reply(status=404, error=f"model {body['model']!r} not found", code="model_not_found")
        if reply.raw is not None:
            sent = reply.raw if isinstance(reply.raw, str) else json.dumps(reply.raw)
            return reply.status, sent.encode(), {"content-type": reply.kind, **reply.headers}, reply.cut
        if reply.text is None:
            return self._failed(path, reply)
        self._bill(body, reply)
        completion = _ollama(body, reply) if path == "/api/chat" else _openai(body, reply, number)
        return 200, json.dumps(completion).encode(), reply.headers, reply.cut

    def _failed(self, path: str, reply: Reply) -> tuple[int, bytes, dict[str, str], bool]:
        said: Any = {"message": reply.error, "code": reply.code, "type": "error"}
        body = {"error": reply.error if path.startswith("/api/") else said}
        return reply.status, json.dumps(body).encode(), reply.headers, reply.cut

    def _bill(self, body: Body, reply: Reply) -> None:
        self.billed_calls += 1
        self.billed_tokens[0] += reply.tokens[0]
        self.billed_tokens[1] += reply.tokens[1]
        if not reply.cut:
            self.answered[json.dumps(body["messages"])] += 1

    def _listed(self, path: str) -> tuple[int, bytes, dict[str, str], bool]:
        """The models that it has, or what the script says instead."""
        if self.script:
            reply = self.script.popleft()
            return reply.status, str(reply.raw).encode(), {"content-type": reply.kind, **reply.headers}, False
        rows = [{"id": model, "name": model} for model in sorted(self.models)]
        known = {"/v1/models": {"object": "list", "data": rows}, "/api/tags": {"models": rows}}
        return (200 if path in known else 404), json.dumps(known.get(path, {})).encode(), {}, False


@contextmanager
def nobody() -> Iterator[str]:
    """An address where every connection is refused: the port is held, and nobody listens.

    The port of a server that has stopped would not do: another test's server may get it.
    """
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def _openai(body: Body, reply: Reply, number: int) -> Body:
    message = {"role": "assistant", "content": reply.text}
    return {
        "id": f"c{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": reply.finish, "message": message}],
        "usage": {
            "prompt_tokens": reply.tokens[0],
            "completion_tokens": reply.tokens[1],
            "total_tokens": sum(reply.tokens),
        },
    }


def _ollama(body: Body, reply: Reply) -> Body:
    return {
        "model": body["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": reply.text},
        "done": True,
        "done_reason": reply.finish,
        "prompt_eval_count": reply.tokens[0],
        "eval_count": reply.tokens[1],
    }
