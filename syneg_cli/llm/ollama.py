"""`ollama:MODEL`: a model that an Ollama server runs (OLLAMA_HOST)."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import BadResponse, LLMError, LLMSetupError
from syneg_cli.llm.addresses import (
    OF_OLLAMA,
    api_key,
    checked_address,
    dead_proxy,
    opening_client,
    proxy_between,
    public_url,
    through,
)
from syneg_cli.llm.base import Answer, Broken, Live, Request, TimedOut, Unanswerable, Unreachable
from syneg_cli.llm.bodies import TooLarge, bound_bodies
from syneg_cli.llm.completions import body_text, joined_chat, read_chat
from syneg_cli.llm.options import Forms, Options
from syneg_cli.llm.redirects import refuse_redirects
from syneg_cli.llm.refusals import Refusal, error_of, is_page, read_refusal

if TYPE_CHECKING:
    import httpx

CONTEXT_MARGIN = 256
CONTEXT_STEP = 2048
"""Tokens: Ollama loads the model anew for each other context size."""

OPTION_STATUSES = (400, 422, 500, 501)
FORMAT = "format"

UNABLE = re.compile(r"does not support (?:chat|generat|embed)|more system memory|unknown model architecture")
"""What Ollama says, in lower case, of a model that no call will ever get an answer from."""


class Ollama(Live):
    """`format` carries the schema; a server too old for it gets plain JSON, then nothing.

    Ollama cuts prompts that outgrow its context without saying so, so `num_ctx` is asked for
    by the prompt's length (3 characters a token, at the safe end) plus the answer's bound, in
    steps of `CONTEXT_STEP`.
    """

    provider = "ollama"
    free = True
    path = "/api/chat"
    named = "--llm"
    """The flag that names the model."""

    def __init__(self, model: str, *, base_url: str | None, timeout: float) -> None:
        self.model = model
        host = base_url or os.environ.get("OLLAMA_HOST")
        named = "--base-url" if base_url else "OLLAMA_HOST"
        if host:
            address = checked_address(host if "://" in host else f"http://{host}", named)
            host = address if "://" in host else host  # Ollama's own names of servers may lack it
        self._key = api_key("OLLAMA_API_KEY")
        headers = {"authorization": f"Bearer {self._key}"} if self._key else None
        with opening_client(host or "http://127.0.0.1"):
            from ollama import AsyncClient  # makes a client of its own when it is imported

            self.client = AsyncClient(host=host, timeout=timeout, headers=headers)
        bound_bodies(self.client._client)
        self.endpoint = public_url(str(self.client._client.base_url))
        refuse_redirects(self.client._client, self.endpoint)
        self.taken = Options({FORMAT: ("schema", "json", "")}, {FORMAT: r"format|schema|grammar"})

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": self.endpoint}

    async def close(self) -> None:
        await self.client.close()

    async def complete(self, request: Request) -> Answer:
        started, forms = time.perf_counter(), self.taken.forms
        while True:
            chat = await self._send(request, forms)
            if not isinstance(chat, Refusal):
                break
            next_forms = self._next(request, forms, chat)
            if next_forms is None:
                raise self._error(chat)
            forms = next_forms
        answer = read_chat(chat, time.perf_counter() - started, self.endpoint)
        self.taken.accept(forms)
        return answer

    async def _send(self, request: Request, forms: Forms) -> Any:
        """The body's JSON, or a `Refusal`, of one call.

        The client's own reading of answers would refuse what can be used (a count as text, a stream).
        """
        import httpx

        try:
            response = await self.client._client.post(self.path, json=self._body(request, forms))
        except httpx.HTTPError as error:
            raise self._connection(error) from None
        except TooLarge as error:
            raise BadResponse(f"{self.endpoint} does not stop: {error}.") from None
        status, body = response.status_code, body_text(response.content)
        if status >= 400 or is_page(body):
            return read_refusal(status, body, response.headers)
        try:
            chat = joined_chat(body)
        except (ValueError, RecursionError) as error:
            raise BadResponse(f"{self.endpoint} sent a broken body: {error}.") from None
        if isinstance(chat, dict) and chat.get("error"):  # with the status of a good answer
            return read_refusal(200, json.dumps(chat), response.headers)
        return chat

    def _body(self, request: Request, forms: Forms) -> dict[str, Any]:
        asked = self._format(request, forms)
        return {
            "model": self.model,
            "messages": [{"role": role, "content": text} for role, text in request.messages],
            "options": _options(request),
            "stream": False,
            **({"format": asked} if asked is not None else {}),
        }

    def _format(self, request: Request, forms: Forms) -> Any:
        if request.schema is None or not forms[FORMAT]:
            return None
        return dict(request.schema) if forms[FORMAT] == "schema" else "json"

    def _next(self, request: Request, forms: Forms, refusal: Refusal) -> Forms | None:
        """The forms to ask in again; None where the refusal is not about the format."""
        if refusal.status not in OPTION_STATUSES or isinstance(self._error(refusal), Unanswerable):
            return None
        known = self.taken.further(forms, self.taken.forms)  # another call may have found out already
        if self._format(request, known) != self._format(request, forms):
            return known
        said = (refusal.sentence, refusal.words)
        return self.taken.without(forms, said, [FORMAT] if request.schema is not None else [])

    def _connection(self, error: httpx.HTTPError) -> LLMError:
        import httpx

        proxy = proxy_between(self.client._client, self.endpoint)
        why = str(error)
        if isinstance(error, httpx.TimeoutException):
            return TimedOut(f"{self.endpoint} did not answer in time{through(proxy)}.")
        if proxy and isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
            return dead_proxy(proxy, self.endpoint, why)
        if isinstance(error, httpx.ConnectError):
            return Unreachable(
                f"No Ollama server answers at {self.endpoint} ({why}).",
                hint="Start one with `ollama serve`, or correct OLLAMA_HOST.",
            )
        return Broken(f"The connection to {self.endpoint} broke{through(proxy)}: {why}.")

    def _error(self, refusal: Refusal) -> LLMError:
        status, said = refusal.status, refusal.said
        if status in (401, 403) and not refusal.page:
            return LLMSetupError(f"{self.endpoint} refused the key ({status}).", hint="Check OLLAMA_API_KEY.")
        if status == 404 and not refusal.page and "model" in refusal.words:
            return LLMSetupError(
                f"{self.endpoint} has no model {self.model!r}: {said}",
                hint=f"Fetch it with `ollama pull {self.model}`, or correct {self.named}.",
            )
        if status in (404, 405) and not refusal.page:
            return Unreachable(
                f"{self.endpoint} is no Ollama server ({status}: {said[:80]}).", hint=OF_OLLAMA
            )
        if UNABLE.search(refusal.words):
            return LLMSetupError(
                f"{self.endpoint} cannot run {self.model!r}: {said}",
                hint=f"Name another model with {self.named}.",
            )
        return error_of(refusal, self.endpoint, address=OF_OLLAMA)


def _options(request: Request) -> dict[str, Any]:
    characters = sum(len(text) for _, text in request.messages)
    needed = characters // 3 + request.max_tokens + CONTEXT_MARGIN
    options: dict[str, Any] = {
        "num_predict": request.max_tokens,
        "num_ctx": -(-needed // CONTEXT_STEP) * CONTEXT_STEP,
    }
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.seed is not None:
        options["seed"] = request.seed
    return options


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> Ollama:
    return Ollama(model, base_url=base_url, timeout=timeout)
