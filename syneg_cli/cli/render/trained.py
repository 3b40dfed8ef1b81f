"""What `syneg train` shows."""

from __future__ import annotations

from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.core import counted, duration
from syneg_cli.training import TrainResult


def trained(result: TrainResult) -> tuple[Any, ...]:
    rows = [(epoch, f"{loss:.4f}") for epoch, loss in enumerate(result.losses, start=1)]
    dropout = "the model's own dropout" if result.dropout is None else f"dropout {result.dropout}"
    temperature = [] if result.temperature is None else [f"temperature {result.temperature}"]
    facts = [result.precision, *temperature, dropout]
    took = f"{counted(result.steps, 'step')} in {duration(result.seconds)} on {result.device}"
    return table("train", ["epoch", "mean loss"], rows), ", ".join([took, *facts])
