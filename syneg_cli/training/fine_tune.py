"""From a backbone's name to a fine-tuned model: what the settings name is loaded, trained and joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syneg_cli.core import TrainingInstance
from syneg_cli.encoding import join_towers, load_model
from syneg_cli.training.companions import Around, check_refresh, make_helpers
from syneg_cli.training.reporting import check_report_to
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.train import TrainResult, train

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def fine_tune(
    instances: Sequence[TrainingInstance], settings: TrainSettings, around: Around
) -> tuple[SentenceTransformer, TrainResult]:
    """The model, and what was done.

    Raises:
        BackboneError: a model cannot be found or loaded.
        UsageError: settings that contradict one another, or do not fit the model.
    """
    check_refresh(settings)
    check_report_to(settings)
    name, length = settings.backbone, settings.max_length
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
