"""The curves of a run for other tools: whether the tool is there, and where its logs stay."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, did_you_mean, install
from syneg_cli.training.settings import TrainSettings

LOGS = "logs"
"""Beside the weights of a model."""

TRACKIO: dict[str, Any] = {"project": "syneg", "trackio_space_id": None}
"""Without a Space: some versions of transformers would publish the curves on the hub, unasked."""

PACKAGES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "trackio": ("trackio",),
    "mlflow": ("mlflow",),
    "comet_ml": ("comet_ml",),
    "clearml": ("clearml",),
    "codecarbon": ("codecarbon",),
    "dvclive": ("dvclive",),
    "swanlab": ("swanlab",),
}
"""What `report_to` can name -> packages, one of which it needs."""


def check_report_to(settings: TrainSettings) -> None:
    """Raises UsageError where `report_to` names no tool, or one that is not installed."""
    tool = settings.report_to
    if tool in ("none", "all"):
        return
    if tool not in PACKAGES:
        raise UsageError(
            f"report_to: there is no {tool!r}.{did_you_mean(tool, list(PACKAGES))}",
            hint=f"Choose none, {', '.join(PACKAGES)}.",
        )
    packages = PACKAGES[tool]
    if not any(find_spec(package) for package in packages):
        raise UsageError(
            f"report_to: {packages[0]} is not installed.",
            hint=f"Run `{install(packages[0])}`, or set report_to to none.",
        )


def keep_logs(trainer: Any, folder: Path) -> None:
    """Have TensorBoard's logs written to `logs` in a folder, unless TENSORBOARD_LOGGING_DIR names another."""
    for callback in trainer.callback_handler.callbacks:
        if getattr(callback, "logging_dir", "none here") is None:
            callback.logging_dir = str(folder / LOGS)
