"""What settings that say "auto", or nothing, come to for a model on its device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.encoding import resolve_precision
from syneg_cli.training.settings import TrainSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

COSINE_TEMPERATURE = 0.05
DOT_TEMPERATURE = 1.0
"""Raw dot products have a scale of their own, so they are taken as logits, as a cross-encoder's scores are;
the paper has cosines only."""


@dataclass(frozen=True)
class Chosen:
    """What "auto" and None came to for a model on its device. `dropout` None is the model's own."""

    device: str
    precision: str
    temperature: float
    dropout: float | None

    @classmethod
    def of(cls, settings: TrainSettings, model: SentenceTransformer) -> Chosen:
        device = model.device.type
        return cls(
            device,
            resolve_precision(settings.precision, device),
            settings.temperature or default_temperature(model),
            0.0 if settings.dropout is None and device == "cpu" else settings.dropout,
        )


def default_temperature(model: SentenceTransformer) -> float:
    return DOT_TEMPERATURE if getattr(model, "similarity_fn_name", "dot") == "dot" else COSINE_TEMPERATURE
