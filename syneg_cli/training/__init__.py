"""Contrastive fine-tuning: losses, batches, trainer, checkpoints, ANCE, ADORE, the model card."""

from syneg_cli.training.checkpoints import checkpoint_folder, drop_checkpoints
from syneg_cli.training.companions import Around, check_kind, check_refresh
from syneg_cli.training.fine_tune import fine_tune
from syneg_cli.training.model_card import CardFacts, card_hash, model_card, with_metrics
from syneg_cli.training.model_folder import CARD, save_model
from syneg_cli.training.recorder import RECORDING, recorded_lines, variance
from syneg_cli.training.reporting import LOGS
from syneg_cli.training.settings import CROSS_ENCODER, TrainSettings
from syneg_cli.training.train import TrainResult

__all__ = [
    "CARD",
    "CROSS_ENCODER",
    "LOGS",
    "RECORDING",
    "Around",
    "CardFacts",
    "TrainResult",
    "TrainSettings",
    "card_hash",
    "check_kind",
    "check_refresh",
    "checkpoint_folder",
    "drop_checkpoints",
    "fine_tune",
    "model_card",
    "recorded_lines",
    "save_model",
    "variance",
    "with_metrics",
]
