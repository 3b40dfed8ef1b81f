"""Where an interrupted training run goes on: complete checkpoints only, of the same plan only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import (
    NoProgress,
    Progress,
    atomic_path,
    check_no_link,
    content_hash,
    file_hash,
    sync,
    write_text,
)

if TYPE_CHECKING:
    from torch import Tensor

MARK = "complete"
PLAN = "plan.json"
BEST = "best.json"


def checkpoint_folder(model: Path, plan: Mapping[str, Any], *, tidy: bool = True) -> Path:
    """The checkpoint folder of a model; emptied if another plan left it.

    Args:
        plan: inputs and settings; a checkpoint is gone on from only where they are the same.
        tidy: do that; of several processes one does, and the others wait.

    Raises:
        UsageError: it is a link.
    """
    folder = _folder_of(model)
    if not tidy:
        return folder
    check_no_link(folder, "checkpoints")
    digest = content_hash(plan)
    mark = folder / PLAN
    if folder.is_dir() and (not mark.is_file() or mark.read_bytes() != digest.encode()):
        shutil.rmtree(folder)
    if not mark.is_file():
        write_text(mark, digest)
    return folder


def drop_checkpoints(model: Path) -> None:
    """Nothing is gone on from any more."""
    shutil.rmtree(_folder_of(model), ignore_errors=True)


def _folder_of(model: Path) -> Path:
    return model.with_name(f".{model.name}.checkpoints")


def complete(folder: Path, step: int) -> None:
    """Mark a checkpoint as written to its end, with the hash of each file, when all of them are on disk."""
    checkpoint = folder / f"checkpoint-{step}"
    if not checkpoint.is_dir():
        return
    hashes = {}
    for file in _files(checkpoint):
        sync(file)
        hashes[file.relative_to(checkpoint).as_posix()] = file_hash(file)
    sync(checkpoint)
    for file in folder.iterdir():  # what is recorded so far
        if file.is_file():
            sync(file)
    write_text(checkpoint / MARK, json.dumps(hashes))


def last(folder: Path, progress: Progress | None = None) -> Path | None:
    """The newest checkpoint that is complete and as it was written; those that are not are removed.

    Args:
        progress: is told of damaged ones; one that a crash left half-written is none.
    """
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        marked = (checkpoint / MARK).is_file()
        if marked and _as_written(checkpoint):
            return checkpoint
        if marked:
            (progress or NoProgress()).warn(
                f"train: the checkpoint of step {step_of(checkpoint)} is damaged; going on without it"
            )
        shutil.rmtree(checkpoint, ignore_errors=True)
    return None


def _as_written(checkpoint: Path) -> bool:
    try:
        hashes = json.loads((checkpoint / MARK).read_text(encoding="utf-8"))
        if not isinstance(hashes, dict):  # of an earlier version, which kept none
            return isinstance(hashes, int)
        return {
            file.relative_to(checkpoint).as_posix(): file_hash(file) for file in _files(checkpoint)
        } == hashes
    except (OSError, ValueError):
        return False


def _files(checkpoint: Path) -> list[Path]:
    every = (file for file in checkpoint.rglob("*") if file.is_file())
    return sorted(file for file in every if not file.name.startswith((".", MARK)))


def step_of(checkpoint: Path | None) -> int:
    number = checkpoint.name.rpartition("-")[2] if checkpoint else ""
    return int(number) if number.isdecimal() else 0


def epochs_of(checkpoint: Path) -> float:
    """How many epochs were done at a checkpoint that is as it was written."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return float(state["epoch"] or 0)


class Best:
    """The best epoch so far by dev score, with its weights; kept on disk where there is a folder."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.history: list[float] = []
        self.epoch: int | None = None
        self.weights: dict[str, Tensor] | None = None
        self._hash = ""

    @property
    def stale_for(self) -> int:
        """Epochs since the best one."""
        return len(self.history) - self.epoch if self.epoch else 0

    def offer(self, epoch: int, score: float, weights: Callable[[], dict[str, Tensor]]) -> None:
        self.history = [*self.history[: epoch - 1], score]
        better = score >= max(self.history) and (self.epoch is None or score > self.history[self.epoch - 1])
        if better:
            self.epoch, self.weights = epoch, weights()
        if self.folder:
            self._save(self.folder, better)

    def load(self, epochs: int) -> bool:
        """What an interrupted run had found in its first `epochs` epochs; False if that is lost.

        A better one that came later will come again. The score of the last may be missing.
        """
        from safetensors.torch import load_file

        try:
            file = self.folder / BEST if self.folder else None
            kept = (
                json.loads(file.read_text(encoding="utf-8")) if file and file.is_file() else {"history": []}
            )
            self.history, epoch = [float(score) for score in kept["history"]][:epochs], kept.get("epoch")
            if self.folder and epoch and epoch <= epochs:
                weights = self.folder / f"best-{epoch}.safetensors"
                if file_hash(weights) != kept["weights"]:
                    return False
                self.epoch, self.weights, self._hash = epoch, load_file(weights), kept["weights"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        return len(self.history) >= epochs - 1

    def _save(self, folder: Path, better: bool) -> None:
        """Weights have their epoch in their name, so that the file that names them is always right."""
        from safetensors.torch import save_file

        weights = folder / f"best-{self.epoch}.safetensors"
        if better and self.weights is not None:
            with atomic_path(weights) as temporary:
                save_file({name: value.contiguous() for name, value in self.weights.items()}, temporary)
            self._hash = file_hash(weights)
        kept = {"history": self.history, "epoch": self.epoch, "weights": self._hash}
        write_text(folder / BEST, json.dumps(kept))
        for older in folder.glob("best-*.safetensors"):
            if older != weights:
                older.unlink()
