"""Language models by name: `PROVIDER:MODEL`. A new provider is one file and one line here."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from syneg_cli.core import UsageError, did_you_mean
from syneg_cli.llm.base import LLM

PROVIDERS = {
    "openai": "syneg_cli.llm.openai",
    "ollama": "syneg_cli.llm.ollama",
    "hf": "syneg_cli.llm.hf",
    "replay": "syneg_cli.llm.replay",
}
"""Name -> module with `open(model, base_url, timeout, folder) -> LLM`, imported when it is used."""

HINT = "Examples: openai:gpt-4o-mini, ollama:llama3, hf:Qwen/Qwen3-4B, replay:answers.jsonl."


def split_spec(spec: str) -> tuple[str, str]:
    """`openai:gpt-4o-mini` -> its two parts.

    Raises:
        UsageError: there is no such provider, or no model is named.
    """
    provider, colon, model = spec.partition(":")
    if provider not in PROVIDERS:
        known = list(PROVIDERS)
        problem = (
            f"no provider {provider!r}.{did_you_mean(provider, known)}"
            if colon
            else (f"{spec!r} names no provider; they are {', '.join(known)}.")
        )
        raise UsageError(f"--llm: {problem}", hint=HINT)
    if not model:
        raise UsageError(f"--llm {spec}: no model is named.", hint=HINT)
    return provider, model


def open_llm(
    spec: str, *, base_url: str | None = None, timeout: float = 120.0, folder: Path | None = None
) -> LLM:
    """The model that `PROVIDER:MODEL` names. Nothing is sent yet.

    Args:
        base_url: the server, for the providers that have one.
        timeout: seconds that one call may take.
        folder: what relative paths in `spec` are also tried against (the project file's).

    Raises:
        UsageError: the name is wrong.
        LLMSetupError: something it needs is missing: a key, a file, a model.
    """
    provider, model = split_spec(spec)
    module = import_module(PROVIDERS[provider])
    return cast(LLM, module.open(model, base_url=base_url, timeout=timeout, folder=folder))
