"""Whether a model can be asked: servers list theirs, which costs nothing; one of this machine is loaded."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from syneg_cli.core import LLMError
from syneg_cli.llm.providers import open_llm
from syneg_cli.llm.redirects import redirected
from syneg_cli.llm.refusals import read_refusal

SECONDS = 5.0
PLACES = {"openai": "models", "ollama": "api/tags"}
"""Provider -> where its servers list models."""


def served_models(spec: str, *, base_url: str | None = None, seconds: float = SECONDS) -> list[str]:
    """The names of the models that a server has; empty where it lists them in no way that is known.

    Raises:
        UsageError, LLMError: as `open_llm`; the server does not answer, or refuses.
    """
    return asyncio.run(_ask(spec, base_url, seconds))


def loads_here(spec: str, *, folder: Path | None = None) -> bool:
    """Read what a model that needs no server is made of; False where that would have to be fetched.

    Raises:
        UsageError, LLMError: as `open_llm`; what is on this machine cannot be read.
    """
    llm: Any = open_llm(spec, folder=folder)
    return bool(llm.load_here()) if llm.provider == "hf" else True


async def _ask(spec: str, base_url: str | None, seconds: float) -> list[str]:
    llm: Any = open_llm(spec, base_url=base_url, timeout=seconds)
    try:
        address, client = llm.client.base_url if llm.provider == "openai" else "", llm.client._client
        headers = llm.client.auth_headers if llm.provider == "openai" else {}
        try:
            answer = await client.get(
                f"{address}{PLACES[llm.provider]}", headers=headers, timeout=seconds, follow_redirects=False
            )
        except LLMError:  # of a redirect
            raise
        except Exception as error:  # of httpx, or of httpx2: as the SDK has it
            raise LLMError(
                f"{llm.endpoint} does not answer within {seconds:g} s ({type(error).__name__}).",
                hint="Start the server, or correct --base-url, OPENAI_BASE_URL or OLLAMA_HOST.",
            ) from None
    finally:
        await llm.close()
    if 300 <= answer.status_code < 400:
        raise redirected(answer, llm.endpoint)
    if answer.status_code >= 400:
        refusal = read_refusal(answer.status_code, answer.text, answer.headers)
        hint = "Check the key: `syneg keys list`." if answer.status_code in (401, 403) else None
        raise LLMError(f"{llm.endpoint} refuses ({answer.status_code}): {refusal.said}", hint=hint)
    return _names(answer.text)


def _names(body: str) -> list[str]:
    try:
        listed = json.loads(body)
        rows = listed.get("data") or listed.get("models") or []
        return [str(row.get("id") or row.get("name")) for row in rows]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return []
