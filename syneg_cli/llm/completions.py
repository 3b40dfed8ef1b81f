"""A chat completion, as servers write it, taken apart."""

from __future__ import annotations

import json
from typing import Any

from syneg_cli.core import BadResponse, printable
from syneg_cli.llm.base import Answer, RateLimits, Unreachable

REFUSAL = "refusal"
"""The `finish` of an answer in which the model declines by the protocol's own means."""


def read_completion(completion: Any, seconds: float, limits: RateLimits | None, endpoint: str) -> Answer:
    """The answer in a completion's JSON.

    Raises:
        Unreachable: this is nothing that a chat server sends.
        BadResponse: it is a completion without an answer.
    """
    if not isinstance(completion, dict) or "choices" not in completion:
        raise Unreachable(
            f"{endpoint} sent something that is no chat completion: {json.dumps(completion)[:80]}",
            hint="Correct --base-url or OPENAI_BASE_URL: the address usually ends in /v1.",
        )
    try:
        choice = completion["choices"][0]
        message = choice.get("message") or {"content": choice.get("text")}
        text, declined = content_text(message.get("content")), content_text(message.get("refusal"))
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


def joined_stream(body: str) -> dict[str, Any]:
    """The completion that an event stream adds up to, from servers that stream whatever is asked.

    Raises:
        ValueError: an event is no JSON.
    """
    text: list[str] = []
    finish: str = "stop"
    usage: Any = {}
    for line in body.splitlines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data in ("", "[DONE]"):
            continue
        event = json.loads(data)
        if not isinstance(event, dict) or event.get("error"):
            return {"error": event}
        usage = event.get("usage") or usage
        for choice in (event.get("choices") or [])[:1]:
            text.append(content_text((choice.get("delta") or choice.get("message") or {}).get("content")))
            finish = choice.get("finish_reason") or finish
    return {"choices": [{"message": {"content": "".join(text)}, "finish_reason": finish}], "usage": usage}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
