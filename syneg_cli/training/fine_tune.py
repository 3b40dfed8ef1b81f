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
    check_refresh(settings)
    check_report_to(settings)
    name, length = settings.backbone, settings.max_length
    if settings.kind == CROSS_ENCODER:
        return _fine_tune_pairs(instances, settings, around)
    model = load_model(name, max_length=length, progress=around.progress)
    documents = (
        load_model(name, max_length=length, progress=around.progress) if settings.refresh == "adore" else None
    )
    result = train(
        model,
        instances,
        dataset=around.dataset,
        texts=around.texts,
        settings=settings,
        helpers=make_helpers(settings, around, model, documents),
        progress=around.progress,
    )
    return (join_towers(model, documents) if documents is not None else model), result


def _fine_tune_pairs(
    instances: Sequence[TrainingInstance], settings: TrainSettings, around: Around
) -> tuple[CrossEncoder, TrainResult]:
    scorer, fresh = new_cross_encoder(
        settings.backbone, seed=settings.seed, max_length=settings.max_length, progress=around.progress
    )
    model: Any = scorer  # the trainer does with it what it does with an encoder
    if fresh:
        around.progress.note(
            f"train: {settings.backbone} is an encoder, so its head for scores is a fresh one, which knows "
            "nothing but these pairs; `syneg eval --rerank` says whether it helps"
        )
    result = train(
        model,
        instances,
        dataset=around.dataset,
        texts=around.texts,
        settings=settings,
        helpers=make_helpers(settings, around, model, None),
        progress=around.progress,
    )
    return scorer, replace(result, fresh_head=fresh)
