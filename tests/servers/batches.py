"""A server that takes batches as OpenAI's does, and can be made to end, forget or garble them."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from typing import Any

from tests.servers.chat import Body, ChatServer, Reply, good_reply


class BatchServer(ChatServer):
    """Batches are done when `ready`; they ask nothing of the chat endpoint, whose calls are `requests`."""

    def __init__(self, respond: Callable[[Body, int], Reply] = good_reply) -> None:
        super().__init__(respond)
        self.ready = False
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.more_lines: list[bytes] = []
        """Put between the good lines of an output."""
        self.refuse = 0
        """Status to refuse batches with."""
        self.others = 0
        """Batches of others that are listed before ours."""
        self.kill: int | None = None
        """Process to kill as soon as its batch is made, before it hears of it."""

    async def handle(self, method: str, path: str, raw: bytes) -> tuple[int, bytes, dict[str, str], bool]:
        if path == "/v1/chat/completions":
            return await super().handle(method, path, raw)
        if method == "GET" and path.startswith("/v1/batches?"):
            return 200, json.dumps(self._page(path)).encode(), {}, False
        status, found = self._answer(method, path.partition("?")[0], raw)
        return status, found if isinstance(found, bytes) else json.dumps(found).encode(), {}, False

    def _answer(self, method: str, path: str, raw: bytes) -> tuple[int, Any]:
        if path == "/v1/files":
            name = f"file-{len(self.files)}"
            self.files[name] = raw
            return 200, {"id": name, "object": "file"}
        if match := re.fullmatch(r"/v1/files/out-(\S+)/content", path):
            return 200, b"\n".join(self._lines(match[1]))
        if path == "/v1/batches" and method == "POST":
            return self._make(json.loads(raw))
        return 200, self._state(path.rpartition("/")[2])

    def _page(self, path: str) -> dict[str, Any]:
        """At most a hundred batches, those that come after the one that is named."""
        asked = dict(re.findall(r"[?&](\w+)=([^&]*)", path))
        others = [{"id": f"other-{n}", "object": "batch", "status": "completed"} for n in range(self.others)]
        every = [*others, *(self._state(name) for name in self.batches)]
        start = next((n for n, one in enumerate(every, 1) if one["id"] == asked.get("after")), 0)
        data = every[start : start + int(asked["limit"])]
        return {"object": "list", "data": data, "has_more": start + len(data) < len(every)}

    def _make(self, asked: dict[str, Any]) -> tuple[int, Any]:
        if self.refuse:
            return self.refuse, {"error": {"message": "no batches today"}}
        name = f"batch-{len(self.batches) + 1}"
        self.batches[name] = asked
        if self.kill is not None:
            os.kill(self.kill, signal.SIGKILL)
        return 200, self._state(name)

    def _state(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "batch",
            "status": "completed" if self.ready else "in_progress",
            "output_file_id": f"out-{name}" if self.ready else None,
            "metadata": self.batches[name].get("metadata"),
        }

    def requests_of(self, name: str) -> list[dict[str, Any]]:
        lines = self.files[self.batches[name]["input_file_id"]].split(b"\n")
        return [json.loads(line) for line in lines if line.startswith(b'{"custom_id"')]

    def _lines(self, name: str) -> list[bytes]:
        made: list[bytes] = []
        for number, request in enumerate(self.requests_of(name)):
            message = {"role": "assistant", "content": self.respond(request["body"], number).text}
            body = {
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 50},
            }
            answer = {"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}}
            made.append(json.dumps(answer, ensure_ascii=False).encode())
            made += self.more_lines if number == 0 else []
        return made
