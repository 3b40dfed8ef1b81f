"""What the commands that call a language model have in common: the model, the cache, the limits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core.errors import UsageError

if TYPE_CHECKING:
    from syneg_cli.cli.commands.options import Session
    from syneg_cli.llm.base import LLM
    from syneg_cli.llm.cache import Cache
    from syneg_cli.llm.engine import Engine, Limits
    from syneg_cli.llm.prices import Price

LLM_HINT = (
    "Name one: `--llm openai:gpt-4o-mini`, `--llm ollama:llama3`, `--llm hf:FOLDER`, `--llm replay:FILE`, "
    "or set llm in [generate] of syneg.toml."
)


def cache_path(session: Session) -> Path:
    """The generation cache: the project's own, or a shared one that [generate] names."""
    named = session.project.generate.cache
    return session.resolved.path(named) if named else session.work_dir / "generations.db"


def open_cache(session: Session) -> Cache:
    from syneg_cli.llm.cache import Cache

    return Cache(cache_path(session))


def llm_spec(session: Session, stage: str) -> str:
    """The model that [generate] names.

    Raises:
        UsageError: it names none.
    """
    spec = session.project.generate.llm
    if not spec:
        raise UsageError(f"{stage}: no LLM is named.", hint=LLM_HINT)
    return spec


def open_model(session: Session, spec: str) -> LLM:
    from syneg_cli.llm import open_llm

    section = session.project.generate
    return open_llm(spec, base_url=section.base_url, timeout=section.timeout, folder=session.resolved.folder)


def price(session: Session, llm: LLM) -> Price | None:
    """The model's price, checked against the cap that may need it."""
    from syneg_cli.llm.budget import check_cap
    from syneg_cli.llm.prices import price_of

    section = session.project.generate
    if len(section.price) == 1:
        raise UsageError("price in [generate] needs two numbers: dollars per million tokens in, and out.")
    found = price_of(llm, section.price)
    check_cap(section.max_cost, found, session.project.generate.llm or llm.model)
    return found


def limits(session: Session) -> Limits:
    from syneg_cli.llm.engine import Limits

    section = session.project.generate
    return Limits(
        concurrency=section.concurrency,
        rpm=section.rpm,
        tpm=section.tpm,
        timeout=section.timeout,
        attempts=section.attempts,
        max_cost=section.max_cost,
        max_calls=section.max_calls,
    )


def open_engine(session: Session, llm: LLM, cache: Cache, *, job: str, again: bool = False) -> Engine:
    from syneg_cli.llm.engine import Engine

    return Engine(llm, cache, price=price(session, llm), job=job, limits=limits(session), again=again)


def endpoint(base_url: str | None, provider: str) -> str | None:
    """The server that would be asked, without secrets, so that another one makes a result stale."""
    from syneg_cli.llm.base import public_url

    variable = {"openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_HOST"}.get(provider)
    url = (base_url or os.environ.get(variable)) if variable else None
    return public_url(url) if url else None
