"""`ollama:MODEL`: a model that an Ollama server runs (OLLAMA_HOST)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import BadResponse, LLMError, LLMSetupError, printable
from syneg_cli.llm.addresses import (
    api_key,
    checked_address,
    of_proxy,
    opening_client,
    proxy_of,
    public_url,
)
from syneg_cli.llm.base import Answer, Broken, Live, Request, TimedOut, Unanswerable, Unreachable
from syneg_cli.llm.options import Forms, Options
from syneg_cli.llm.refusals import Refusal, error_of, is_page, read_refusal

if TYPE_CHECKING:
    import httpx

CONTEXT_MARGIN = 256
CONTEXT_STEP = 2048
"""Tokens: Ollama loads the model anew for each other context size."""

OPTION_STATUSES = (400, 422, 500, 501)
FORMAT = "format"


class Ollama(Live):
    """`format` carries the schema; a server too old for it gets plain JSON, then nothing.

    Ollama cuts prompts that outgrow its context without saying so, so `num_ctx` is asked for
    by the prompt's length (3 characters a token, at the safe end) plus the answer's bound, in
    steps of `CONTEXT_STEP`.
    """

    provider = "ollama"
    free = True

    def __init__(self, model: str, *, base_url: str | None, timeout: float) -> None:
        from ollama import AsyncClient

        self.model = model
        host = base_url or os.environ.get("OLLAMA_HOST")
        named = "--base-url" if base_url else "OLLAMA_HOST"
        if host and "://" in host:  # Ollama's own names of servers may lack it
            host = checked_address(host, named)
        self._key = api_key("OLLAMA_API_KEY")
        headers = {"authorization": f"Bearer {self._key}"} if self._key else None
        hooks = {"response": [self._look]}
        with opening_client(host or "http://127.0.0.1"):
            self.client = AsyncClient(host=host, timeout=timeout, headers=headers, event_hooks=hooks)
        self.endpoint = public_url(str(self.client._client.base_url))
        self.taken = Options({FORMAT: ("schema", "json", "")}, {FORMAT: r"format|schema|grammar"})

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": self.endpoint}

    async def close(self) -> None:
        await self.client.close()

    async def complete(self, request: Request) -> Answer:
        started, forms = time.perf_counter(), self.taken.forms
        while True:
            try:
                response = await self._send(request, forms)
                break
            except _RefusalError as error:
                next_forms = self._next(request, forms, error.refusal)
                if next_forms is None:
                    raise self._error(error.refusal) from None
                forms = next_forms
        self.taken.accept(forms)
        return Answer(
            text=printable(response.message.content or ""),
            prompt_tokens=response.prompt_eval_count or 0,
            completion_tokens=response.eval_count or 0,
            finish=response.done_reason or "stop",
            seconds=time.perf_counter() - started,
        )

    async def _send(self, request: Request, forms: Forms) -> Any:
        import httpx
        import ollama

        try:
            return await self.client.chat(
                model=self.model,
                messages=[{"role": role, "content": text} for role, text in request.messages],
                format=self._format(request, forms),
                options=_options(request),
                stream=False,
            )
        except ollama.ResponseError as error:  # what `_look` passed by
            raise LLMError(f"{self.endpoint}: {error.error}") from None
        except ConnectionError:
            raise self._unreachable() from None
        except httpx.TimeoutException:
            raise TimedOut(f"{self.endpoint} did not answer in time.") from None
        except httpx.ProxyError:
            raise self._unreachable() from None
        except httpx.HTTPError as error:
            raise Broken(f"The connection to {self.endpoint} broke: {error}.") from None
        except (ValueError, TypeError) as error:
            why = " ".join(str(error).split())[:100]
            raise BadResponse(f"{self.endpoint} sent a broken body: {why}.") from None

    async def _look(self, response: httpx.Response) -> None:
        """Stop at what is no answer, before the client takes it for one."""
        if response.is_redirect:
            return
        await response.aread()
        status, body = response.status_code, response.text
        if status >= 400 or is_page(body) or body.lstrip().startswith('{"error"'):
            raise _RefusalError(read_refusal(status, body, response.headers, secret=self._key))

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
        said = (refusal.said.lower(), refusal.words)
        return self.taken.without(forms, said, [FORMAT] if request.schema is not None else [])

    def _unreachable(self) -> Unreachable:
        if proxy := proxy_of(self.endpoint):
            return Unreachable(
                f"The proxy {proxy} on the way to {self.endpoint} does not let through.", hint=of_proxy(proxy)
            )
        return Unreachable(
            f"No Ollama server answers at {self.endpoint}.",
            hint="Start one with `ollama serve`, or correct OLLAMA_HOST.",
        )

    def _error(self, refusal: Refusal) -> LLMError:
        status, said = refusal.status, refusal.said
        if status in (401, 403) and not refusal.page:
            return LLMSetupError(f"{self.endpoint} refused the key ({status}).", hint="Check OLLAMA_API_KEY.")
        if status == 404 and not refusal.page:
            return LLMSetupError(
                f"{self.endpoint} has no model {self.model!r}: {said}",
                hint=f"Fetch it with `ollama pull {self.model}`, or correct --llm.",
            )
        return error_of(refusal, self.endpoint)


class _RefusalError(Exception):
    """Carries a refusal through Ollama's client."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.said)
        self.refusal = refusal


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
