"""What mines, judges by margin and is measured: a model that runs here, or one behind an API, by its name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, content_hash, read_manifest
from syneg_cli.data import Dataset
from syneg_cli.encoding import ApiEncoder, Encoder, Encodes, Terms, locate, need_cross_encoder, weights_hash
from syneg_cli.llm import Limits, embedding_api
from syneg_cli.stages import language_model
from syneg_cli.stages.consent import check_server
from syneg_cli.stages.session import Session

OF_MODELS_HERE = {"max_length": None, "precision": "auto", "backend": "torch", "trust_remote_code": False}
"""Option of `Encoder.load` that an API has not -> its default."""


def identity(session: Session, name: str) -> str:
    """Which encoder it is, as a hash: of its weights, or of the model and the server that it is asked at."""
    api = embedding_api(name)
    if api is None:
        return weights_hash(name)
    return content_hash([name, language_model.endpoint(session.project.embed.base_url, api[0])])


def weights_of(role: str, model: str | None) -> dict[str, str]:
    """The role -> the hash of a model's weights, where it is a folder, which may be trained again."""
    return {role: weights_hash(model)} if model and Path(model).is_dir() else {}


def settings_of(session: Session, name: str) -> dict[str, Any]:
    """The settings that decide the vectors of an API, by their keys; none for a model that runs here."""
    api, section = embedding_api(name), session.project.embed
    if api is None:
        return {}
    settings = {**section.deciding(), "base_url": language_model.endpoint(section.base_url, api[0])}
    return {f"embed.{key}": value for key, value in settings.items()}


def fetch(session: Session, name: str) -> None:
    """Download a model that is not on this machine; an API has nothing to fetch."""
    if embedding_api(name) is None:
        locate(name, progress=session.progress)


def fetch_scorer(session: Session, name: str) -> None:
    """Download a cross-encoder that is not on this machine.

    Raises:
        UsageError, BackboneError: it is none, by what it says of itself.
    """
    need_cross_encoder(name)
    locate(name, progress=session.progress)


def open_encoder(session: Session, dataset: Dataset, name: str, **options: Any) -> Encodes:
    """An encoder by alias, folder or hub id, or `openai:MODEL`, `ollama:MODEL`.

    Args:
        options: those of `Encoder.load`.

    Raises:
        BackboneError: as `Encoder.load`.
        UsageError: nobody agreed to the server, or an option is for models that run here.
    """
    cache = session.workspace(dataset).embeddings
    api = embedding_api(name)
    if api is None:
        kept = cache if _frozen(name) else None
        return Encoder.load(name, cache=cache, kept=kept, progress=session.progress, **options)
    for option, default in OF_MODELS_HERE.items():
        if options.get(option, default) != default:
            raise UsageError(
                f"--{option.replace('_', '-')} is for models that run here, and {name} does not.",
                hint="Leave it out; [embed] in docs/settings.md has what an API takes.",
            )
    check_server(session, name, "embed.base_url")
    limits, job = Limits.of(session.project.generate), _job(session, dataset, name, api[0])
    locks = session.workspace(dataset).locks
    terms = Terms(limits, lambda: language_model.open_cache(session), job, locks, session.watch)
    return ApiEncoder(name, session.project.embed, terms, cache)


def _frozen(name: str) -> bool:
    """Whether a model was trained here with its first layers frozen; others encode alike whatever is kept."""
    manifest = read_manifest(Path(name)) if Path(name).is_dir() else None
    return bool(manifest and manifest.settings.get("freeze"))


def bills(session: Session, dataset: Dataset, name: str) -> list[dict[str, Any]]:
    """What an API's vectors cost for a data set, over all runs; none of a model that runs here."""
    api = embedding_api(name)
    if api is None:
        return []
    job = _job(session, dataset, name, api[0])
    with language_model.open_cache(session) as answers:
        totals = asdict(answers.totals(job))
    del totals["completion_tokens"]
    return [{"job": job, "model": name, **totals}]


def _job(session: Session, dataset: Dataset, name: str, provider: str) -> str:
    """What the calls for vectors are counted for."""
    endpoint = language_model.endpoint(session.project.embed.base_url, provider)
    return content_hash(["embed", dataset.name, name, endpoint])[:16]
