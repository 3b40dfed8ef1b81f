"""What servers say instead of an answer: read once, for all protocols, and told apart."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syneg_cli.core import LLMError, LLMSetupError, RateLimited, masked, printable, proxy_of
from syneg_cli.llm.base import Refused, TooLong, Unanswerable, Unreachable

LONGEST = 300
"""Characters of what a server said that are shown."""

TOO_LONG = re.compile(
    r"(?:maximum|available|model'?s?) context|context[ _-]?(?:length|window|size)|reduce the length"
    r"|(?:prompt|inputs?|messages?|request|content)(?: \w+)? (?:is|are|was) too (?:long|large)"
    r"|(?:prompt|input|context|request) too (?:long|large)|too many (?:input |prompt )?tokens"
    r"|(?:maximum|exceeds?\w*)(?: the)? (?:allowed )?(?:input|prompt) (?:length|token)"
    r"|string_above_max_length"
)
FILTERED = re.compile(
    r"content[ _-]?(?:filter|policy|management)|responsible ?ai|moderation|flagged|usage polic"
    r"|data_inspection_failed|inappropriate content|(?:prompt|request|input|content) (?:was|is) blocked"
)
"""Both of lower-case text."""

OF_THE_TEXT = (400, 403, 413, 422, 451, 500)
"""Statuses under which servers say that they do not take a text."""

CODES = {
    "insufficient_quota": 402,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "content_filter": 400,
}
"""Words that stand for a status where HTTP says 200."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`said` is one line for people, without the key; the rest is to be understood, and never shown.

    `sentence` is that line as the server wrote it, `words` all that it sent, both in lower case.
    """

    status: int
    said: str
    sentence: str
    words: str
    code: str = ""
    page: bool = False
    retry_after: float | None = None


def read_refusal(status: int, body: str, headers: Mapping[str, str] | None = None) -> Refusal:
    """Take an error apart: JSON of any shape, plain text, or a web page.

    Args:
        status: HTTP's; where that is a good one, the error's own number or word decides.
    """
    wait = read_retry_after(headers or {})
    if is_page(body):
        line = page_text(body)
        return Refusal(status, _shown(line), line.lower(), line.lower(), page=True, retry_after=wait)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = body
    line, code = _sentence(value), _code(value)
    if status < 400:
        status = int(code) if code.isdigit() and 400 <= int(code) < 600 else CODES.get(code, 500)
    words = f"{line} {value}".lower()
    return Refusal(status, _shown(line), line.lower(), words, code, retry_after=wait)


def _shown(line: str) -> str:
    return printable(masked(line)[:LONGEST])  # masked before it is cut: half a key is none


def _error(value: Any) -> Any:
    """The part of a JSON body that says what is wrong."""
    if isinstance(value, list) and value:
        value = value[0]
    return (value.get("error") or value) if isinstance(value, dict) else value


def _sentence(value: Any) -> str:
    error = _error(value)
    said = error
    if isinstance(error, dict):
        named = (error.get(name) for name in ("message", "detail", "msg", "error"))
        said = next((part for part in named if part), error)
        behind = error.get("metadata")
        if isinstance(behind, dict) and behind.get("raw"):  # what the provider behind a router said
            said = f"{said}: {behind['raw']}"
    if isinstance(said, list):  # FastAPI: which field, and what about it
        said = "; ".join(_field(part) for part in said)
    return _one_line(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))


def _field(part: Any) -> str:
    if not isinstance(part, dict):
        return str(part)
    place = part.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where}: {part.get('msg') or part}" if where else str(part.get("msg") or part)


def _code(value: Any) -> str:
    error = _error(value)
    if not isinstance(error, dict):
        return ""
    code = error.get("code") or error.get("status") or error.get("type") or ""
    return str(code).lower()


def is_page(body: str) -> bool:
    """Whether this is HTML (or XML), which no model server answers with."""
    return body[:1000].lstrip("\ufeff \t\r\n").startswith("<")


def page_text(body: str) -> str:
    """What a web page says, in one line without its tags."""
    text = re.sub(r"(?is)<(script|style)\b.*?(?:</\1>|\Z)", " ", body[:100_000])
    return _one_line(html.unescape(re.sub(r"<[^<>]*>", " ", text)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def error_of(refusal: Refusal, endpoint: str, *, address: str) -> LLMError:
    """What follows from a refusal, whoever sent it. Keys and models are the providers' own matter.

    Args:
        endpoint: the server as people know it.
        address: what to do where it is no such server.
    """
    status, said = refusal.status, refusal.said
    proxy = proxy_of(endpoint)
    if status == 407:
        return LLMSetupError(
            f"The proxy {proxy or f'of {endpoint}'} asks for a password (407).",
            hint=proxy.remedy if proxy else None,
        )
    if status in (402,) or refusal.code == "insufficient_quota":
        return LLMSetupError(
            f"{endpoint}: the account has no credit left: {said}", hint="Add credit, then run again."
        )
    if refusal.page and status < 500 and status not in (408, 429):
        return Unreachable(
            f"{endpoint} sent a web page ({status}: {said[:80]}), not an answer.",
            hint=f"{address} The page may be the proxy's. {proxy.remedy}" if proxy else address,
        )
    if status in OF_THE_TEXT and TOO_LONG.search(refusal.words):
        return TooLong(f"{endpoint} does not take this text ({status}): {said}")
    if status in OF_THE_TEXT and FILTERED.search(refusal.words):
        return Unanswerable(f"{endpoint} does not take this text ({status}): {said}")
    if status == 413:
        return TooLong(f"{endpoint} does not take so long a text ({status}): {said}")
    if status in (429, 503, 529):
        return RateLimited(f"{endpoint}: {status}: {said}", retry_after=refusal.retry_after)
    if status in (408, 409) or status >= 500:
        return LLMError(f"{endpoint}: {status}: {said}")
    return Refused(f"{endpoint} refused the request ({status}): {said}")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or a date)."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    if date := headers.get("retry-after"):
        from datetime import datetime, timezone
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, (parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds())
        except (TypeError, ValueError, OverflowError):
            return None
    return None
