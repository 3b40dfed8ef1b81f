"""What happens during training, per step and per source of negatives, as JSONL beside the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from syneg_cli.core import write_text

if TYPE_CHECKING:
    from torch import Tensor

    from syneg_cli.training.objective import Labels

RECORDING = "training.jsonl"


def step_figures(scores: Tensor, labels: Labels, temperature: float) -> dict[str, Any]:
    """Figures of one batch.

    For each source of own negatives: how many, their mean similarity, the share that scores at
    least as high as the positive (violated), the mean loss of a query against these alone, and
    the pull: the mean of the norm over them of dL/ds, which is softmax weight / temperature.

    Args:
        scores: (B, M) similarities, without a graph.
    """
    positive = scores.gather(1, labels["positives"].unsqueeze(1))
    logits = (scores / temperature).masked_fill(labels["mask"], float("-inf"))
    logits.scatter_(1, labels["positives"].unsqueeze(1), positive / temperature)
    pull = logits.softmax(dim=1) / temperature
    figures: dict[str, Any] = {"positive_similarity": positive.mean().item()}
    for source in ("synthetic", "mined"):
        own = labels[source]
        if not own.any():
            continue
        rows = own.any(dim=1)
        against = (scores / temperature).masked_fill(~own, float("-inf"))
        alone = (against.logsumexp(dim=1) - positive.squeeze(1) / temperature)[rows]
        figures[source] = {
            "count": int(own.sum()),
            "similarity": scores[own].mean().item(),
            "violated": (scores >= positive)[own].float().mean().item(),
            "loss": alone.exp().log1p().mean().item(),
            "pull": (pull * own).norm(dim=1)[rows].mean().item(),
        }
    return figures


class Recorder:
    """Appends one line a step; what an interrupted run wrote is kept up to the step it resumes at.

    Args:
        path: the file; without one only the gradient norms are kept, in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.figures: dict[str, Any] = {}
        self.gradient_norms: list[float] = []
        self._file: IO[str] | None = None

    def start(self, step: int) -> None:
        """Open the file, with the lines of the first `step` steps if they are there."""
        if self.path is None:
            return
        kept = [row for row in recorded_lines(self.path) if row["step"] <= step] if step else []
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._file = self.path.open("a", encoding="utf-8")
        self.gradient_norms = [row["gradient_norm"] for row in kept if row.get("gradient_norm") is not None]

    def step(self, step: int, **figures: Any) -> None:
        if figures.get("gradient_norm") is not None:
            self.gradient_norms.append(figures["gradient_norm"])
        if self._file is not None:
            self._file.write(json.dumps({"step": step, **figures, **self.figures}) + "\n")
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def recorded_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a recording; a line cut by a crash is left out."""
    rows: list[dict[str, Any]] = []
    if not path.is_file():
        return rows
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def variance(values: Sequence[float]) -> float:
    """The population variance, the paper's measure of how steady the gradient is (section 5)."""
    if not values:
        return 0.0
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)
