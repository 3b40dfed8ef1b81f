"""What is kept of a training run while it runs: progress, recording, and the best epoch by dev."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import Progress, say, uncounted
from syneg_cli.training import parameters
from syneg_cli.training.checkpoints import Best
from syneg_cli.training.recorder import RECORDING, Recorder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Watch:
    """The progress line, the recording, and the choice of the best epoch by dev. Left, it is closed.

    Args:
        between: what is done between steps and takes long, for people.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        progress: Progress,
        *,
        dev: Callable[[], float] | None = None,
        patience: int = 0,
        scratch: Path | None = None,
        record: Path | None = None,
        between: str = "",
    ) -> None:
        self.between = between
        self.model, self.progress, self.dev, self.patience = model, progress, dev, patience
        self.recorder = Recorder(record / RECORDING if record else None)
        self.best = Best(scratch)
        self.resumed_at = 0
        self.advance: Callable[[int], None] = lambda steps: None
        self._line = ExitStack()

    def __enter__(self) -> Watch:
        self._line.enter_context(self.progress.task("Preparing the training", None))
        return self

    def __exit__(self, *raised: Any) -> None:
        self._line.__exit__(*raised)
        self.recorder.close()

    def start(self, steps: int, done: int) -> None:
        self.recorder.start(done)
        if done:
            self.progress.note(f"train: going on at step {done} of {steps}")
        self._line.close()
        self.advance = self._line.enter_context(self.progress.task("Training", steps, "steps"))
        if self.between:
            uncounted(self.advance, self.between)
        self.advance(done)

    def log(self, step: int, logs: dict[str, Any]) -> None:
        if "loss" in logs:
            norm = float(logs["grad_norm"]) if "grad_norm" in logs else None
            say(self.advance, f"loss {logs['loss']:.4f}")
            self.recorder.step(step, loss=logs["loss"], gradient_norm=norm, lr=logs.get("learning_rate"))

    def can_go_on(self, epochs: int) -> bool:
        """Whether what was measured in the first epochs is there, as far as it decides."""
        return self.dev is None or self.best.load(epochs)

    def lacks(self, epochs: float) -> bool:
        """Whether a run was stopped between an epoch's last step and its measurement."""
        return self.dev is not None and len(self.best.history) < epochs == round(epochs)

    def measure(self, epoch: int) -> bool:
        """Measure on dev after an epoch; True if training should stop."""
        if self.dev is None:
            return False
        was_training = self.model.training
        score = self.dev()
        self.model.train(was_training)
        self.progress.note(f"train: epoch {epoch}: dev nDCG@10 {score:.4f}")
        self.best.offer(epoch, score, partial(parameters.weights_of, self.model))
        return bool(self.patience) and self.best.stale_for >= self.patience

    def keep_best(self) -> None:
        """Put the best epoch's weights back."""
        if self.best.weights is not None and self.best.stale_for:
            self.model.load_state_dict(self.best.weights)
