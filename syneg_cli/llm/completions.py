"""A chat completion, as servers write it, taken apart: OpenAI's and Ollama's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from syneg_cli.core import BadResponse, LLMError, printable
from syneg_cli.llm.addresses import OF_OLLAMA, OF_OPENAI
from syneg_cli.llm.base import Answer, Broken, RateLimits, Unreachable

REFUSAL = "refusal"
"""The `finish` of an answer in which the model declines by the protocol's own means."""

STREAM = re.compile(r"\s*(?:data|event|id|retry)?:")
"""How an event stream begins, and no JSON does: with a field, or with a comment that keeps the line open."""

LOADING = ("load", "unload")
"""The `done_reason` of Ollama where it only put the model into memory, or out of it."""


def read_completion(completion: Any, seconds: float, limits: RateLimits | None, endpoint: str) -> Answer:
    """The answer in a completion's JSON.

    Raises:
        Unreachable: this is nothing that a chat server sends.
        BadResponse: it is a completion without an answer.
    """
    if not isinstance(completion, dict) or "choices" not in completion:
        raise Unreachable(
            f"{endpoint} sent something that is no chat completion: {json.dumps(completion)[:80]}",
            hint=OF_OPENAI,
        )
    try:
        choice = completion["choices"][0]
        message = choice.get("message") or {"content": choice.get("text")}
        text, declined = message_text(message), content_text(message.get("refusal"))
    except (LookupError, TypeError, AttributeError):
        raise BadResponse(f"{endpoint} sent a chat completion without an answer.") from None
    usage = completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    finish = str(choice.get("finish_reason") or "stop")
    return Answer(
        text=printable(text or declined),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        finish=REFUSAL if declined and not text else finish,
        seconds=seconds,
        limits=limits,
    )


def read_chat(chat: Any, seconds: float, endpoint: str) -> Answer:
    """The answer in the JSON that Ollama sends.

    Raises:
        Unreachable: this is nothing that an Ollama server sends.
        BadResponse: it is a chat without an answer.
        Broken: it ends before the answer does.
        LLMError: the model was only loaded.
    """
    if not isinstance(chat, dict) or not ("message" in chat or "done" in chat):
        raise Unreachable(
            f"{endpoint} sent something that is no answer of Ollama: {json.dumps(chat)[:80]}",
            hint=OF_OLLAMA,
        )
    message, reason = chat.get("message"), chat.get("done_reason") or "stop"
    if not isinstance(message, dict):
        raise BadResponse(f"{endpoint} sent a chat without an answer.")
    if chat.get("done") is False:
        raise Broken(f"{endpoint} broke off in the middle of an answer.")
    text = message_text(message)
    if reason in LOADING and not text:
        raise LLMError(f"{endpoint} sent no answer, only that the model was loaded ({reason}).")
    return Answer(
        text=printable(text),
        prompt_tokens=_count(chat.get("prompt_eval_count")),
        completion_tokens=_count(chat.get("eval_count")),
        finish=str(reason),
        seconds=seconds,
    )


def message_text(message: Any) -> str:
    """What a message says; where that is nothing, what it would call a tool with.

    Some servers make models keep to a schema by a tool whose arguments are the answer.
    """
    return content_text(message.get("content")) or content_text(_arguments(message.get("tool_calls")))


def _arguments(calls: Any) -> Any:
    call = calls[0] if isinstance(calls, list) and calls else None
    function = call.get("function") if isinstance(call, dict) else None
    return function.get("arguments") if isinstance(function, dict) else None


def content_text(content: Any) -> str:
    """A message's text: as it is, or that of its parts; thoughts and pictures are left out."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "".join(content_text(part) for part in content)
    if isinstance(content, dict):
        kind = content.get("type", "text")
        if kind in ("text", "output_text") and "text" in content:
            return content_text(content["text"])
        if "value" in content:
            return content_text(content["value"])
        if "type" not in content:  # the object that was asked for, parsed already
            return json.dumps(content, ensure_ascii=False)
    return ""


def body_text(content: bytes) -> str:
    """A body as text: UTF-8, UTF-16 or UTF-32 as its first bytes say, without a byte order mark."""
    return content.decode(json.detect_encoding(content), "replace").removeprefix("\ufeff")


def is_stream(body: str) -> bool:
    """Whether a body is an event stream."""
    return STREAM.match(body) is not None


def _payloads(body: str) -> Iterator[str]:
    """The data of each event, or each line of JSON; blank lines, comments and other fields say nothing."""
    for line in re.split(r"[\r\n]+", body):
        data = line.strip().removeprefix("data:").strip()
        if data and not STREAM.match(data):
            yield data


def joined_stream(body: str) -> dict[str, Any]:
    """The completion that an event stream adds up to, from servers that stream whatever is asked.

    Raises:
        ValueError: an event is no JSON, or the stream ends before the answer does.
    """
    text: list[str] = []
    finish = ""
    usage: Any = {}
    for data in _payloads(body):
        if data == "[DONE]":
            finish = finish or "stop"
            continue
        event = json.loads(data)
        if not isinstance(event, dict) or event.get("error"):
            return event if isinstance(event, dict) else {"error": event}
        usage = event.get("usage") or usage
        for choice in (event.get("choices") or [])[:1]:
            text.append(content_text((choice.get("delta") or choice.get("message") or {}).get("content")))
            finish = choice.get("finish_reason") or finish
    if not finish:
        raise ValueError("the stream ends before the answer does")
    return {"choices": [{"message": {"content": "".join(text)}, "finish_reason": finish}], "usage": usage}


def joined_chat(body: str) -> Any:
    """Ollama's answer: one object, or the lines of a stream, which some servers send whatever is asked.

    Raises:
        ValueError: this is neither.
    """
    try:
        return json.loads(body)
    except ValueError:
        parts = [json.loads(data) for data in _payloads(body) if data != "[DONE]"]
        if not parts or not all(isinstance(part, dict) for part in parts):
            raise
    if failed := next((part for part in parts if part.get("error")), None):
        return failed
    messages = [part["message"] for part in parts if isinstance(part.get("message"), dict)]
    return parts[-1] | {"message": {"content": "".join(map(message_text, messages))}}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
