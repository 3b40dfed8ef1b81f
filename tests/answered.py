"""What OpenAI's Batch API and vLLM's `run-batch` make of a file of requests, line by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers import Body, Reply, good_reply

Line = dict[str, Any]


def requests_in(path: Path) -> list[Line]:
    """The requests of a file; whoever reads it may split it at line feeds alone."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def openai_line(key: str, text: str) -> Line:
    """With the fields of https://platform.openai.com/docs/guides/batch."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m-2026",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
    response = {"status_code": 200, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": key, "response": response, "error": None}


def vllm_line(key: str, text: str) -> Line:
    """With the nulls that vLLM writes."""
    line = openai_line(key, text)
    body = line["response"]["body"]
    body["choices"][0] |= {"logprobs": None, "stop_reason": None, "token_ids": None}
    body["choices"][0]["message"] |= {"refusal": None, "reasoning": None, "tool_calls": []}
    body["usage"]["prompt_tokens_details"] = None
    body |= {"service_tier": None, "system_fingerprint": None, "prompt_logprobs": None}
    line["response"]["request_id"] = "vllm-batch-1"
    return line | {"id": "vllm-1"}


def expired_line(key: str) -> Line:
    """A line of OpenAI's file of errors."""
    said = {
        "code": "batch_expired",
        "message": "This request could not be executed before the batch expired.",
    }
    return {"id": "batch_req_1", "custom_id": key, "response": None, "error": said}


def refused_line(key: str) -> Line:
    """What OpenAI's API says of one request."""
    body = {"error": {"message": "the prompt is too long", "type": "invalid_request_error"}}
    response = {"status_code": 400, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": key, "response": response, "error": None}


def vllm_refused_line(key: str) -> Line:
    """vLLM has the reason beside a response without a body."""
    error = {"error": {"message": "maximum context length is 512 tokens", "code": 400}}
    response = {"status_code": 400, "request_id": "vllm-batch-1", "body": None}
    return {"id": "vllm-1", "custom_id": key, "response": response, "error": error}


def answer(
    requests: Path,
    to: Path,
    *,
    line: Callable[[str, str], Line] = openai_line,
    respond: Callable[[Body, int], Reply] = good_reply,
) -> list[Line]:
    """Write an answer to every request of a file; they are returned, too."""
    lines = [
        line(one["custom_id"], str(respond(one["body"], number).text))
        for number, one in enumerate(requests_in(requests))
    ]
    write_lines(to, *lines)
    return lines


def write_lines(to: Path, *lines: Line | str | bytes) -> None:
    """JSON objects, and lines as they are."""
    raw = [line if isinstance(line, bytes) else _text(line).encode() for line in lines]
    to.write_bytes(b"".join(one + b"\n" for one in raw))


def _text(line: Line | str) -> str:
    return line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
