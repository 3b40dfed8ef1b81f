"""`openai:MODEL`: OpenAI, and every server that speaks its chat-completions protocol."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import BadResponse, LLMError, LLMSetupError, RateLimited
from syneg_cli.llm.base import (
    Answer,
    Broken,
    Live,
    RateLimits,
    Refused,
    Request,
    TimedOut,
    Unreachable,
    public_url,
)

if TYPE_CHECKING:
    import openai

OFFICIAL = "https://api.openai.com/v1"
SCHEMA_NAME = "answer"


class OpenAI(Live):
    """One client for all calls. The SDK's own retries are off: the engine retries, and counts.

    Options that a server refuses are left out from then on, one after the other: the JSON
    schema gives way to plain JSON and then to nothing, `seed` is dropped, and `max_tokens`
    and `max_completion_tokens` take each other's place.
    """

    provider = "openai"

    def __init__(self, model: str, *, base_url: str | None, timeout: float) -> None:
        from openai import AsyncOpenAI

        self.model = model
        url = (base_url or os.environ.get("OPENAI_BASE_URL") or OFFICIAL).rstrip("/")
        self.endpoint = public_url(url)
        key = os.environ.get("OPENAI_API_KEY")
        if not key and self.endpoint == OFFICIAL:
            raise LLMSetupError(
                f"openai:{model} needs a key.",
                hint="Set OPENAI_API_KEY, or name an own server with --base-url.",
            )
        self.client = AsyncOpenAI(api_key=key or "none", base_url=url, timeout=timeout, max_retries=0)
        self._key = key
        self.formats = ["json_schema", "json_object", "none"]
        self.sends_seed = True
        self.length_option = "max_completion_tokens" if self.endpoint == OFFICIAL else "max_tokens"

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": self.endpoint}

    async def close(self) -> None:
        await self.client.close()

    async def complete(self, request: Request) -> Answer:
        import openai

        options = self.options(request)
        started = time.perf_counter()
        try:
            raw = await self.client.chat.completions.with_raw_response.create(**options)
            completion = json.loads(raw.content)  # the SDK's own parsing costs a tenth of the call
        except openai.APITimeoutError:
            raise TimedOut(f"{self.endpoint} did not answer in time.") from None
        except openai.APIConnectionError as error:
            raise self._connection(error) from None
        except openai.APIStatusError as error:
            if self._adapt(error, options):
                return await self.complete(request)
            raise self._status(error) from None
        except ValueError as error:
            raise BadResponse(f"{self.endpoint} sent a broken body: {error}.") from None
        return read_completion(
            completion, time.perf_counter() - started, read_limits(raw.headers), self.endpoint
        )

    def options(self, request: Request) -> dict[str, Any]:
        """The body of the call, as far as this server takes it."""
        options: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in request.messages],
            self.length_option: request.max_tokens,
        }
        if request.temperature is not None:
            options["temperature"] = request.temperature
        if request.seed is not None and self.sends_seed:
            options["seed"] = request.seed
        if request.schema is not None and self.formats[0] == "json_schema":
            described = {"name": SCHEMA_NAME, "strict": True, "schema": request.schema}
            options["response_format"] = {"type": "json_schema", "json_schema": described}
        elif request.schema is not None and self.formats[0] == "json_object":
            options["response_format"] = {"type": "json_object"}
        return options

    def _adapt(self, error: openai.APIStatusError, sent: Mapping[str, Any]) -> bool:
        """Whether the server refused an option that can be left out; it is, from now on."""
        if error.status_code not in (400, 422, 501):
            return False
        text = f"{error.body} {error.message}".lower()
        if "response_format" in sent and re.search(
            r"response_format|json_schema|json_object|schema|grammar", text
        ):
            if self.formats[0] == sent["response_format"]["type"]:  # another call may have been first
                self.formats.pop(0)
            return True
        if self.length_option in text and self.length_option in sent:
            other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
            if other[self.length_option] in text or "unsupported" in text or "unknown" in text:
                self.length_option = other[self.length_option]
                return True
        if "seed" in sent and re.search(r"\bseed\b", text):
            self.sends_seed = False
            return True
        return False

    def _connection(self, error: openai.APIConnectionError) -> LLMError:
        import httpx2

        cause = error.__cause__
        if isinstance(cause, httpx2.ConnectError):
            return Unreachable(
                f"Nobody answers at {self.endpoint} ({cause}).",
                hint="Start the server, or correct --base-url / OPENAI_BASE_URL.",
            )
        return Broken(f"The connection to {self.endpoint} broke: {cause or error}.")

    def _status(self, error: openai.APIStatusError) -> LLMError:
        said, code = _message(error, self._key), str(getattr(error, "code", "") or "")
        status = error.status_code
        if status == 401:
            return LLMSetupError(
                f"{self.endpoint} refused the key (401).",
                hint="Set OPENAI_API_KEY to a key that this server accepts.",
            )
        if status == 403:
            return LLMSetupError(
                f"{self.endpoint} denies access (403): {said}", hint="Check the key's rights."
            )
        if status == 404:
            return LLMSetupError(
                f"{self.endpoint} has no model {self.model!r} (404): {said}",
                hint="Correct the model in --llm, or the address in --base-url (it usually ends in /v1).",
            )
        if code == "insufficient_quota":
            return LLMSetupError(
                f"{self.endpoint}: the account has no credit left.", hint="Add credit, then run again."
            )
        if status in (429, 503, 529):
            return RateLimited(
                f"{self.endpoint}: {status}: {said}", retry_after=read_retry_after(error.response.headers)
            )
        if status in (408, 409) or status >= 500:
            return LLMError(f"{self.endpoint}: {status}: {said}")
        return Refused(f"{self.endpoint} refused the request ({status}): {said}")


def read_completion(completion: Any, seconds: float, limits: RateLimits | None, endpoint: str) -> Answer:
    try:
        choice, usage = completion["choices"][0], completion.get("usage") or {}
        text = choice["message"].get("content") or ""
    except (LookupError, TypeError, AttributeError):
        raise BadResponse(f"{endpoint} sent something that is no chat completion.") from None
    return Answer(
        text=text,
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        finish=choice.get("finish_reason") or "stop",
        seconds=seconds,
        limits=limits,
    )


def _message(error: openai.APIStatusError, key: str | None) -> str:
    """What the server said, in one short line; some servers repeat the key, which is taken out."""
    body = error.body
    said = str((body.get("message") if isinstance(body, dict) else None) or error.message)
    return " ".join((said.replace(key, "***") if key else said).split())[:300]


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or a date)."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) / scale)
        except (KeyError, ValueError):
            continue
    if date := headers.get("retry-after"):
        from datetime import datetime, timezone
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, (parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds())
        except (TypeError, ValueError):
            return None
    return None


def read_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The `x-ratelimit-*` headers; None where there are none."""
    names = ("requests", "tokens")
    left = {name: _integer(headers.get(f"x-ratelimit-remaining-{name}")) for name in names}
    if all(value is None for value in left.values()):
        return None
    resets = {name: read_duration(headers.get(f"x-ratelimit-reset-{name}")) for name in names}
    return RateLimits(left["requests"], resets["requests"], left["tokens"], resets["tokens"])


def read_duration(text: str | None) -> float | None:
    """`1s`, `6m0s`, `20ms`, `1.5` -> seconds."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d|)", text or "")
    try:
        return sum(float(number) * units[unit] for number, unit in parts) if parts else None
    except ValueError:
        return None


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> OpenAI:
    return OpenAI(model, base_url=base_url, timeout=timeout)
