"""From a backbone's name to a fine-tuned model: what the settings name is loaded, trained and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syneg_cli.core import TrainingInstance
from syneg_cli.encoding import join_towers, load_model, new_cross_encoder
from syneg_cli.training.companions import Around, check_kind, check_refresh, make_helpers
from syneg_cli.training.reporting import check_report_to
from syneg_cli.training.settings import CROSS_ENCODER, TrainSettings
from syneg_cli.training.train import TrainResult, train

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer


def fine_tune(
    instances: Sequence[TrainingInstance], settings: TrainSettings, around: Around
) -> tuple[SentenceTransformer | CrossEncoder, TrainResult]:
    """The model, of the kind that the settings name, and what was done.

    Raises:
        BackboneError: a model cannot be found or loaded.
        UsageError: settings that contradict one another, or do not fit the model.
    """
    check_kind(settings)
    check_refresh(settings, around.dataset)
    check_report_to(settings)
    pairs = settings.kind == CROSS_ENCODER
    model, fresh = _new_scorer(settings, around) if pairs else (_new_encoder(settings, around), None)
    documents = _new_encoder(settings, around) if settings.refresh == "adore" else None
    result = train(
        model,
        instances,
        dataset=around.dataset,
        texts=around.texts,
        settings=settings,
        helpers=make_helpers(settings, around, model, documents),
        progress=around.progress,
    )
    joined = join_towers(model, documents) if documents is not None else model
    return joined, replace(result, fresh_head=fresh)


def _new_encoder(settings: TrainSettings, around: Around) -> SentenceTransformer:
    return load_model(settings.backbone, max_length=settings.max_length, progress=around.progress)


def _new_scorer(settings: TrainSettings, around: Around) -> tuple[Any, bool]:
    """(a cross-encoder, which the trainer takes as it takes an encoder; whether its head is a fresh one)."""
    model, fresh = new_cross_encoder(
        settings.backbone, seed=settings.seed, max_length=settings.max_length, progress=around.progress
    )
    if fresh:
        around.progress.note(
            f"train: {settings.backbone} is an encoder, so its head for scores is a fresh one, which knows "
            "nothing but these pairs; `syneg eval --rerank` says whether it helps"
        )
    return model, fresh
