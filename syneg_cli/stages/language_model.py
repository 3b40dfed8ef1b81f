"""What the stages that call a language model have in common: the model, the cache, the limits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, Workspace, near, read_manifest, tighten
from syneg_cli.data import Dataset
from syneg_cli.llm import LLM, Cache, Engine, Limits, Stats, open_llm, public_url, settled_price
from syneg_cli.stages.consent import check_server
from syneg_cli.stages.project import ENDPOINTS
from syneg_cli.stages.session import Session

LLM_HINT = (
    "Name one: `--llm openai:gpt-4o-mini`, `--llm ollama:llama3`, `--llm hf:FOLDER`, `--llm replay:FILE`, "
    "or set llm in [generate] of syneg.toml."
)


def cache_path(session: Session) -> Path:
    """The generation cache: the project's own, or a shared one that [generate] names."""
    named = session.project.generate.cache
    return session.resolved.path(named) if named else Workspace(session.work_dir, "").generations


def open_cache(session: Session) -> Cache:
    """The generation cache. What is in it was paid for: its owner alone can read it."""
    path = cache_path(session)
    cache = Cache(path)  # first, because a file of another program is not ours to change
    if tighten(path.with_name(f"{path.name}{ending}") for ending in ("", "-wal", "-shm")):
        session.progress.note(f"{near(path)} could be read by others; now its owner alone can read it")
    return cache


def llm_spec(session: Session, stage: str) -> str:
    """The model that [generate] names.

    Raises:
        UsageError: it names none.
    """
    spec = session.project.generate.llm
    if not spec:
        raise UsageError(f"{stage}: no LLM is named.", hint=LLM_HINT)
    return spec


def remembering_queries(session: Session, dataset: Dataset) -> Session:
    """The session with the model and server that wrote the queries there are, where no model is named now."""
    manifest = read_manifest(session.workspace(dataset).queries(session.project.queries.name))
    last = manifest.settings if manifest else {}
    if session.project.generate.llm or not last.get("llm"):
        return remembering(session, dataset)
    server = {"base_url": last["endpoint"]} if last.get("endpoint") else {}
    return _with(session, llm=last["llm"], **server)


def remembering(session: Session, dataset: Dataset) -> Session:
    """The session with the model and server of the last `generate`, where no model is named now.

    `run` and `status` without flags go on with what was done, instead of asking again which model it was.
    """
    last = _last(session, dataset).get("llm")
    if session.project.generate.llm or not last:
        return same_server(session, dataset)
    return same_server(_with(session, llm=last), dataset)


def same_server(session: Session, dataset: Dataset) -> Session:
    """The session with the server that the last `generate` asked, where none is named for the same model.

    So another shell, without the variable that named it, neither asks another server nor finds
    what is there stale.
    """
    section, last = session.project.generate, _last(session, dataset)
    variable = ENDPOINTS.get((section.llm or "").partition(":")[0], "")
    server = last.get("endpoint")
    named = section.base_url or os.environ.get(variable)
    if named or not variable or not server or last.get("llm") != section.llm:
        return session
    session.progress.note(f"{section.llm} is asked at {server}, as in the last run; --base-url names another")
    return _with(session, base_url=server)


def _last(session: Session, dataset: Dataset) -> Mapping[str, Any]:
    """The settings of the last `generate`; none where there is none."""
    manifest = read_manifest(session.workspace(dataset).synthetic(session.project.generate.name))
    return manifest.settings if manifest else {}


def _with(session: Session, **generate: str) -> Session:
    """The session with other settings in [generate]."""
    section = session.project.generate.model_copy(update=generate)
    project = session.project.model_copy(update={"generate": section})
    return replace(session, resolved=replace(session.resolved, project=project))


@contextmanager
def asking(session: Session, what: str) -> Iterator[None]:
    """Around many calls: if they are interrupted, what becomes of the answers."""
    try:
        yield
    except KeyboardInterrupt:
        session.progress.note(f"{what}: the answers that came are stored; the same command asks for the rest")
        raise


def open_model(session: Session, spec: str) -> LLM:
    section = session.project.generate
    check_server(session, spec)
    llm = open_llm(spec, base_url=section.base_url, timeout=section.timeout, folder=session.resolved.folder)
    llm.tell = session.progress.warn
    return llm


def open_engine(
    session: Session, llm: LLM, cache: Cache, *, job: str, again: bool = False, unsent: str = ""
) -> Engine:
    """What asks the model, within the limits of [generate].

    Args:
        job: what totals and caps are counted for, over all runs.
        again: ask again where only a bad answer is stored.
        unsent: why nothing is sent and the cache alone answers; "" where the model is asked.
    """
    section = session.project.generate
    return Engine(
        llm,
        cache,
        price=settled_price(section, llm),
        job=job,
        limits=replace(Limits.of(section), beside=session.beside),
        again=again,
        unsent=unsent,
    )


def used(judged: Sequence[Stats]) -> dict[str, Any] | None:
    """What a judge took in this run; None where none was asked."""
    if not judged:
        return None
    keys = ("calls", "from_cache", "prompt_tokens", "completion_tokens", "saved_usd")
    used = {key: sum(getattr(stats, key) for stats in judged) for key in keys}
    priced = not any(stats.unpriced for stats in judged)
    return used | {"cost_usd": sum(stats.cost_usd for stats in judged) if priced else None}


def bill(session: Session, job: str, section: str, prompt: str) -> dict[str, Any]:
    """Who is asked for a job, the LLM of a section, and what its calls cost over all runs."""
    with open_cache(session) as answers:
        totals = asdict(answers.totals(job))
    return {"job": job, "llm": llm_spec(session, section), "prompt": prompt, **totals}


def endpoint(base_url: str | None, provider: str) -> str | None:
    """The server that would be asked, without secrets, so that another one makes a result stale."""
    variable = ENDPOINTS.get(provider)
    url = (base_url or os.environ.get(variable)) if variable else None
    return public_url(url) if url else None


def stored_answers(session: Session) -> Cache:
    """The generation cache, where there is one.

    Raises:
        UsageError: nothing was ever asked.
    """
    path = cache_path(session)
    if not path.is_file():
        raise UsageError(
            f"There is no cache at {path} yet.", hint="`syneg generate` makes it; --cache names another."
        )
    return open_cache(session)
