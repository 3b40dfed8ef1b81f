"""Where an interrupted training run goes on: complete checkpoints only, of the same plan only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import content_hash, write_text

if TYPE_CHECKING:
    from torch import Tensor

MARK = "complete"
PLAN = "plan.json"


def checkpoint_folder(model: Path, plan: Mapping[str, Any], *, tidy: bool = True) -> Path:
    """The checkpoint folder of a model; emptied if another plan left it.

    Args:
        plan: inputs and settings; a checkpoint is gone on from only where they are the same.
        tidy: do that; of several processes one does, and the others wait.
    """
    folder = model.with_name(f".{model.name}.checkpoints")
    if not tidy:
        return folder
    digest = content_hash(plan)
    mark = folder / PLAN
    if folder.is_dir() and (not mark.is_file() or mark.read_text(encoding="utf-8") != digest):
        shutil.rmtree(folder)
    if not mark.is_file():
        write_text(mark, digest)
    return folder


def complete(folder: Path, step: int) -> None:
    """Mark a checkpoint as written to its end; called after everything in it is on disk."""
    checkpoint = folder / f"checkpoint-{step}"
    if checkpoint.is_dir():
        write_text(checkpoint / MARK, str(step))


def last(folder: Path) -> Path | None:
    """The newest complete checkpoint; what a crash left half-written is removed."""
    found: list[Path] = []
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / MARK).is_file():
            found.append(checkpoint)
        else:
            shutil.rmtree(checkpoint, ignore_errors=True)
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


class Best:
    """The best epoch so far by dev score, with its weights; kept on disk where there is a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.history: list[float] = []
        self.epoch: int | None = None
        self.weights: dict[str, Tensor] | None = None

    @property
    def stale_for(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - self.epoch if self.epoch else 0

    def offer(self, epoch: int, score: float, weights: Callable[[], dict[str, Tensor]]) -> None:
        self.history = [*self.history[: epoch - 1], score]
        if score >= max(self.history) and (self.epoch is None or score > self.history[self.epoch - 1]):
            self.epoch, self.weights = epoch, weights()
            self._save()
        if self.folder:
            write_text(self.folder / "best.json", json.dumps({"history": self.history, "epoch": self.epoch}))

    def load(self) -> None:
        """What an interrupted run had found."""
        from safetensors.torch import load_file

        if self.folder and (self.folder / "best.json").is_file():
            kept = json.loads((self.folder / "best.json").read_text(encoding="utf-8"))
            self.history, self.epoch = kept["history"], kept["epoch"]
            self.weights = load_file(self.folder / "best.safetensors")

    def _save(self) -> None:
        from safetensors.torch import save_file

        if self.folder and self.weights is not None:
            temporary = self.folder / ".best.safetensors"
            save_file({name: value.contiguous() for name, value in self.weights.items()}, temporary)
            temporary.replace(self.folder / "best.safetensors")
