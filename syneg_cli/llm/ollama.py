"""`ollama:MODEL`: a model that an Ollama server runs (OLLAMA_HOST)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import BadResponse, LLMError, LLMSetupError, RateLimited
from syneg_cli.llm.base import Answer, Broken, Live, Refused, Request, TimedOut, Unreachable, public_url

if TYPE_CHECKING:
    import ollama

CONTEXT_MARGIN = 256


class Ollama(Live):
    """`format` carries the schema; a server too old for it gets plain JSON, then nothing.

    Ollama cuts prompts that outgrow its context without saying so, so `num_ctx` is asked for
    by the prompt's length (3 characters a token, at the safe end) plus the answer's bound.
    """

    provider = "ollama"
    free = True

    def __init__(self, model: str, *, base_url: str | None, timeout: float) -> None:
        from ollama import AsyncClient

        self.model = model
        self.client = AsyncClient(host=base_url or os.environ.get("OLLAMA_HOST"), timeout=timeout)
        self.endpoint = public_url(str(self.client._client.base_url))
        self.formats = ["schema", "json", "none"]

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": self.endpoint}

    async def close(self) -> None:
        await self.client.close()

    async def complete(self, request: Request) -> Answer:
        import httpx
        import ollama

        used = self.formats[0]
        started = time.perf_counter()
        try:
            response = await self.client.chat(
                model=self.model,
                messages=[{"role": role, "content": text} for role, text in request.messages],
                format=self._format(request, used),
                options=_options(request),
                stream=False,
            )
        except ollama.ResponseError as error:
            if self._adapt(error, used, request):
                return await self.complete(request)
            raise self._status(error) from None
        except ConnectionError:
            raise self._unreachable() from None
        except httpx.TimeoutException:
            raise TimedOut(f"{self.endpoint} did not answer in time.") from None
        except httpx.HTTPError as error:
            raise Broken(f"The connection to {self.endpoint} broke: {error}.") from None
        except ValueError as error:
            raise BadResponse(f"{self.endpoint} sent a broken body: {error}.") from None
        return Answer(
            text=response.message.content or "",
            prompt_tokens=response.prompt_eval_count or 0,
            completion_tokens=response.eval_count or 0,
            finish=response.done_reason or "stop",
            seconds=time.perf_counter() - started,
        )

    def _format(self, request: Request, used: str) -> Any:
        if request.schema is None or used == "none":
            return None
        return dict(request.schema) if used == "schema" else "json"

    def _adapt(self, error: ollama.ResponseError, used: str, request: Request) -> bool:
        refused = request.schema is not None and used != "none" and error.status_code in (400, 422, 500, 501)
        if not refused or not any(word in error.error.lower() for word in ("format", "schema", "grammar")):
            return False
        if self.formats[0] == used:  # another call may have been first
            self.formats.pop(0)
        return True

    def _unreachable(self) -> Unreachable:
        return Unreachable(
            f"No Ollama server answers at {self.endpoint}.",
            hint="Start one with `ollama serve`, or correct OLLAMA_HOST.",
        )

    def _status(self, error: ollama.ResponseError) -> LLMError:
        said, status = " ".join(str(error.error).split())[:300], error.status_code
        if status in (401, 403):
            return LLMSetupError(f"{self.endpoint} refused the key ({status}).", hint="Check OLLAMA_API_KEY.")
        if status == 404:
            return LLMSetupError(
                f"{self.endpoint} has no model {self.model!r}: {said}",
                hint=f"Fetch it with `ollama pull {self.model}`, or correct --llm.",
            )
        if status in (429, 503):
            return RateLimited(f"{self.endpoint}: {status}: {said}")
        if status >= 500 or status < 0:
            return LLMError(f"{self.endpoint}: {status}: {said}")
        return Refused(f"{self.endpoint} refused the request ({status}): {said}")


def _options(request: Request) -> dict[str, Any]:
    characters = sum(len(text) for _, text in request.messages)
    options: dict[str, Any] = {
        "num_predict": request.max_tokens,
        "num_ctx": characters // 3 + request.max_tokens + CONTEXT_MARGIN,
    }
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.seed is not None:
        options["seed"] = request.seed
    return options


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> Ollama:
    return Ollama(model, base_url=base_url, timeout=timeout)
