"""`openai:MODEL`: OpenAI, and every server that speaks its chat-completions protocol."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from syneg_cli.core import BadResponse, LLMError, LLMSetupError
from syneg_cli.llm.addresses import (
    OF_OPENAI,
    api_key,
    checked_address,
    dead_proxy,
    opening_client,
    proxy_between,
    public_url,
    through,
)
from syneg_cli.llm.base import (
    Answer,
    Broken,
    Live,
    RateLimits,
    Request,
    TimedOut,
    Unanswerable,
    Unreachable,
)
from syneg_cli.llm.bodies import TooLarge, bound_bodies, library_of
from syneg_cli.llm.completions import body_text, is_stream, joined_stream, read_completion
from syneg_cli.llm.options import Forms, Options
from syneg_cli.llm.redirects import refuse_redirects
from syneg_cli.llm.refusals import Refusal, error_of, is_page, read_refusal

if TYPE_CHECKING:
    import openai
    from openai import AsyncOpenAI

T = TypeVar("T")

OFFICIAL = "https://api.openai.com/v1"
SCHEMA_NAME = "answer"
FORMAT, LENGTH, SEED, TEMPERATURE = "response_format", "length", "seed", "temperature"
NAMES = {
    FORMAT: r"response_format|json_schema|json_object|schema|grammar",
    LENGTH: r"\bmax_(?:completion_)?tokens\b",
    SEED: r"\bseed\b",
    TEMPERATURE: r"\btemperature\b",
}
LIMIT = re.compile(r"too (?:large|high|big)|at most|less than|maximum|range|exceed|greater than|<=|\u2264")
"""What servers say of a length that they would take if it were smaller."""

OPTION_STATUSES = (400, 422, 501)


class OpenAI(Live):
    """One client for all calls. The SDK's own retries are off: the engine retries, and counts.

    Options that a server refuses are sent in their next form: the JSON schema gives way to
    plain JSON and then to nothing, `max_tokens` and `max_completion_tokens` take each other's
    place and then go, `seed` and `temperature` are dropped.
    """

    provider = "openai"
    named = "--llm"
    """The flag that names the model."""

    def __init__(self, model: str, *, base_url: str | None, timeout: float) -> None:
        from openai import AsyncOpenAI

        self.model = model
        url = address(base_url)
        self.endpoint = public_url(url)
        self._key = api_key("OPENAI_API_KEY")
        with opening_client(url):
            self._client = AsyncOpenAI(
                api_key=self._key or "none", base_url=url, timeout=timeout, max_retries=0
            )
        bound_bodies(self._client._client)
        self._response = library_of(self._client._client).Response
        refuse_redirects(self._client._client, self.endpoint)
        lengths = ("max_tokens", "max_completion_tokens")
        if self.endpoint == OFFICIAL:
            lengths = ("max_completion_tokens", "max_tokens")
        ladders = {
            FORMAT: ("json_schema", "json_object", ""),
            LENGTH: (*lengths, ""),
            SEED: ("seed", ""),
            TEMPERATURE: ("temperature", ""),
        }
        self.taken = Options(ladders, NAMES)

    @property
    def client(self) -> AsyncOpenAI:
        """What asks the server; estimates and answers of the cache do without it, and without a key.

        Raises:
            LLMSetupError: OpenAI itself would be asked, and there is no key.
        """
        if not self._key and self.endpoint == OFFICIAL:
            raise LLMSetupError(
                f"openai:{self.model} needs a key.",
                hint="`syneg keys set OPENAI_API_KEY` keeps one; --base-url names a server of your own.",
            )
        return self._client

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": self.endpoint}

    async def close(self) -> None:
        await self._client.close()

    async def complete(self, request: Request) -> Answer:
        started, forms, refused = time.perf_counter(), self.taken.forms, None
        while True:
            if self.bounded and not forms[LENGTH]:
                raise self._unbounded(refused)
            options = self.options(request, forms)
            completion, headers = await self._send(options)
            if not isinstance(completion, Refusal):
                break
            refused = completion
            next_forms = self._next(request, options, forms, refused)
            if next_forms is None:
                raise self._error(refused)
            forms = next_forms
        answer = read_completion(
            completion, time.perf_counter() - started, read_limits(headers), self.endpoint
        )
        self._accept(forms, refused)
        return answer

    async def api(self, call: Awaitable[T]) -> T:
        """Another call of the client, with its errors as ours."""
        import openai

        try:
            return await call
        except (openai.APIConnectionError, TooLarge) as error:
            raise self._connection(error) from None
        except openai.APIStatusError as error:
            said = error.response.text
            refusal = read_refusal(error.status_code, said, error.response.headers)
            raise self._error(refusal) from None

    def _create(self, body: dict[str, Any]) -> Awaitable[Any]:
        """Send a body as it is, and get the answer as it is: the SDK would look at every field of both."""
        return self.client.post("/chat/completions", cast_to=self._response, body=body)

    async def _send(self, options: dict[str, Any]) -> tuple[Any, Mapping[str, str]]:
        """(the body's JSON or a `Refusal`, headers) of one call."""
        import openai

        try:
            raw = await self._create(options)
            status, content, headers = 200, raw.content, raw.headers
        except (openai.APIConnectionError, TooLarge) as error:
            raise self._connection(error) from None
        except openai.APIStatusError as error:
            status, content, headers = error.status_code, error.response.content, error.response.headers
        body = body_text(content)
        if status >= 400 or is_page(body):
            return read_refusal(status, body, headers), headers
        try:
            # The SDK's own parsing costs a tenth of the call.
            completion = joined_stream(body) if is_stream(body) else json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadResponse(f"{self.endpoint} sent a broken body: {error}.") from None
        return self._checked(completion, headers), headers

    def _checked(self, completion: Any, headers: Mapping[str, str]) -> Any:
        """A completion, or the error that a server sends with the status of a good answer."""
        if not isinstance(completion, dict):
            return completion
        inner = completion.get("choices")
        first = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else {}
        failed = completion.get("error") or (not first.get("message") and first.get("error"))
        if not failed and not inner and completion.get("object") == "error":
            failed = completion
        if not failed:
            return completion
        return read_refusal(200, json.dumps({"error": failed}), headers)

    def options(self, request: Request, forms: Forms | None = None) -> dict[str, Any]:
        """The body of the call, as far as this server takes it."""
        forms = forms or self.taken.forms
        options: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in request.messages],
        }
        if forms[LENGTH]:
            options[forms[LENGTH]] = request.max_tokens
        if request.temperature is not None and forms[TEMPERATURE]:
            options["temperature"] = request.temperature
        if request.seed is not None and forms[SEED]:
            options["seed"] = request.seed
        if request.schema is not None and forms[FORMAT] == "json_schema":
            described = {"name": SCHEMA_NAME, "strict": True, "schema": request.schema}
            options[FORMAT] = {"type": "json_schema", "json_schema": described}
        elif request.schema is not None and forms[FORMAT]:
            options[FORMAT] = {"type": forms[FORMAT]}
        return options

    def _next(
        self, request: Request, sent: Mapping[str, Any], forms: Forms, refusal: Refusal
    ) -> Forms | None:
        """The forms to ask in again; None where the refusal is about no option."""
        if refusal.status not in OPTION_STATUSES or isinstance(self._error(refusal), Unanswerable):
            return None
        known = self.taken.further(forms, self.taken.forms)  # another call may have found out already
        if self.options(request, known) != sent:
            return known
        had = [option for option in (FORMAT, SEED, TEMPERATURE) if option in sent]
        if forms[LENGTH] and not LIMIT.search(refusal.sentence):
            had.append(LENGTH)
        return self.taken.without(forms, (refusal.sentence, refusal.words), had)

    def _accept(self, forms: Forms, refused: Refusal | None) -> None:
        said = f" It said: {refused.said}" if refused else ""
        for option in self.taken.accept(forms):
            if option == TEMPERATURE:
                self.tell(
                    f"{self.endpoint} takes no temperature for {self.model}: "
                    f"its answers come at the server's own.{said}"
                )
            if option == LENGTH:
                self.tell(
                    f"{self.endpoint} takes no bound on an answer's length: "
                    f"--max-tokens bounds nothing.{said}"
                )

    def _unbounded(self, refused: Refusal | None) -> LLMSetupError:
        said = f" It said: {refused.said}" if refused else ""
        return LLMSetupError(
            f"{self.endpoint} takes no bound on an answer's length, so that nobody knows what a call "
            f"costs at most, and --max-cost cannot be kept.{said}",
            hint="Leave --max-cost out; --max-calls bounds how many calls are sent.",
        )

    def _connection(self, error: openai.APIConnectionError | TooLarge) -> LLMError:
        import openai

        cause = error if isinstance(error, TooLarge) else error.__cause__
        if isinstance(cause, LLMError):  # of a redirect
            return cause
        if isinstance(cause, TooLarge):
            return BadResponse(f"{self.endpoint} does not stop: {cause}.")
        lost = type(cause).__name__  # of httpx or of httpx2, as the version of the SDK has it
        why = str(cause or error)
        proxy = proxy_between(self.client._client, str(self.client.base_url))
        if isinstance(error, openai.APITimeoutError):
            return TimedOut(f"{self.endpoint} did not answer in time{through(proxy)}.")
        if proxy and lost in ("ConnectError", "ProxyError"):
            return dead_proxy(proxy, self.endpoint, why)
        if lost == "ConnectError":
            return Unreachable(
                f"Nobody answers at {self.endpoint} ({why}).",
                hint="Start the server, or correct --base-url / OPENAI_BASE_URL.",
            )
        return Broken(f"The connection to {self.endpoint} broke{through(proxy)}: {why}.")

    def _error(self, refusal: Refusal) -> LLMError:
        common, status, said = (
            error_of(refusal, self.endpoint, address=OF_OPENAI),
            refusal.status,
            refusal.said,
        )
        if isinstance(common, (Unanswerable, LLMSetupError)):
            return common
        if status == 401:
            return LLMSetupError(
                f"{self.endpoint} refused the key (401).",
                hint="Set OPENAI_API_KEY to a key that this server accepts.",
            )
        if status == 403:
            return LLMSetupError(
                f"{self.endpoint} denies access (403): {said}", hint="Check the key's rights."
            )
        if status in (404, 405):
            return LLMSetupError(
                f"{self.endpoint} has no model {self.model!r} ({status}): {said}",
                hint=f"Correct the model in {self.named}, or the address in --base-url "
                "(it usually ends in /v1).",
            )
        return common


def address(base_url: str | None) -> str:
    """Where the server is: as it is given, as OPENAI_BASE_URL says, or OpenAI's own.

    Raises:
        UsageError: that is no address.
    """
    own = base_url or os.environ.get("OPENAI_BASE_URL")
    named = "--base-url" if base_url else "OPENAI_BASE_URL"
    return checked_address(own, named).rstrip("/") if own else OFFICIAL


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
        seconds = sum(float(number) * units[unit] for number, unit in parts) if parts else None
    except ValueError:
        return None
    return seconds if seconds is None or math.isfinite(seconds) else None


def _integer(text: str | None) -> int | None:
    """None for what is no count: a header says nothing then, and never spoils the answer under it."""
    return int(text) if text is not None and re.fullmatch(r"\s*[0-9]{1,18}\s*", text) else None


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> OpenAI:
    return OpenAI(model, base_url=base_url, timeout=timeout)
