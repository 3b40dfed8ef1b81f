"""A run stopped at any step and started again ends with the same weights, bit for bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from syneg_cli.core.progress import Advance, NoProgress
from syneg_cli.core.records import NegativeRef, TrainingInstance
from syneg_cli.data.dataset import Dataset, load_dataset
from syneg_cli.encoding.loading import load_model
from syneg_cli.mixing.texts import Texts
from syneg_cli.training.ance import Ance
from syneg_cli.training.checkpoints import Best, folder_for, last
from syneg_cli.training.recorder import FILE, read
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.train import Helpers, TrainResult, train

INSTANCES = [
    TrainingInstance(query, positive, tuple((NegativeRef("dense", d),) for d in negatives))
    for query, positive, negatives in [
        ("q1", "d1", ("d2", "d6")),
        ("q2", "d3", ("d4", "d5")),
        ("q4", "d2", ("d1", "d6")),
    ]
]
SETTINGS = TrainSettings(epochs=3, batch_size=2, lr=1e-3, precision="fp32", dropout=0.1, accumulation=1)
STEPS = 6


class StopAt(NoProgress):
    """Interrupts the run, as Ctrl-C would, after so many steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        def advance(n: int) -> None:
            self.left -= n
            if self.left < 0:
                raise KeyboardInterrupt

        yield advance


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def run(
    data: Dataset, model: Path, scratch: Path, stop: int = 99, ance: int | None = None
) -> tuple[torch.Tensor, TrainResult]:
    """`ance`: batches between two refreshes of the negatives."""
    loaded = load_model(str(model))
    refresh = Ance(loaded, data, depth=4, every=ance, precision="fp32", scratch=scratch) if ance else None
    result = train(
        loaded,
        INSTANCES,
        dataset=data,
        texts=Texts(),
        settings=SETTINGS,
        helpers=Helpers(scratch=scratch, save=1, record=scratch, refresh=refresh),
        progress=StopAt(stop),
    )
    return torch.cat([p.detach().flatten() for p in loaded.parameters()]), result


@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(
    step: int, data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    whole, _ = run(data, tiny_model, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(data, tiny_model, tmp_path / "cut", stop=step)
    resumed, result = run(data, tiny_model, tmp_path / "cut")
    assert result.resumed_at == step
    assert torch.equal(whole, resumed)
    recorded = [(row["step"], row["loss"], row["gradient_norm"]) for row in read(tmp_path / "cut" / FILE)]
    assert recorded == [(r["step"], r["loss"], r["gradient_norm"]) for r in read(tmp_path / "whole" / FILE)]
    assert [row[0] for row in recorded] == list(range(1, STEPS + 1))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("every", [1, 2, 4])
def test_negatives_mined_between_steps_are_the_same_after_a_stop(
    every: int, step: int, data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    plain, _ = run(data, tiny_model, tmp_path / "plain")
    whole, _ = run(data, tiny_model, tmp_path / "whole", ance=every)
    with pytest.raises(KeyboardInterrupt):
        run(data, tiny_model, tmp_path / "cut", stop=step, ance=every)
    resumed, result = run(data, tiny_model, tmp_path / "cut", ance=every)
    assert result.resumed_at == step
    assert torch.equal(whole, resumed)
    assert not torch.equal(whole, plain)


def test_kill_minus_nine_loses_no_complete_checkpoint(
    data: Dataset, tiny: Path, tiny_model: Path, tmp_path: Path
) -> None:
    whole, _ = run(data, tiny_model, tmp_path / "whole")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, {root!r});"
        "from tests.training.test_resume import *;"
        "data = load_dataset({tiny!r}, cache=Path({cache!r}), dev_fraction=0);"
        "run(data, Path({model!r}), Path({scratch!r}))"
    ).format(
        root=str(Path(__file__).parents[2]),
        tiny=str(tiny),
        cache=str(tmp_path / "cache"),
        model=str(tiny_model),
        scratch=str(tmp_path / "cut"),
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while last_or_none(tmp_path / "cut") is None and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resumed, result = run(data, tiny_model, tmp_path / "cut")
    assert result.resumed_at >= 1
    assert torch.equal(whole, resumed)


def last_or_none(folder: Path) -> Path | None:
    """Like `last`, without tidying up behind a run that is alive."""
    return next((p for p in folder.glob("checkpoint-*") if (p / "complete").is_file()), None)


def test_a_half_written_checkpoint_is_not_used(tmp_path: Path) -> None:
    for step, is_complete in ((2, True), (10, True), (11, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if is_complete:
            (tmp_path / f"checkpoint-{step}" / "complete").touch()
    assert last(tmp_path) == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-11").exists()


def test_another_plan_starts_from_nothing(tmp_path: Path) -> None:
    model = tmp_path / "m"
    folder = folder_for(model, {"lr": 1})
    (folder / "checkpoint-3").mkdir()
    assert folder_for(model, {"lr": 1}) == folder
    assert (folder / "checkpoint-3").exists()
    folder_for(model, {"lr": 2})
    assert not (folder / "checkpoint-3").exists()


def test_the_best_epoch_survives(tmp_path: Path) -> None:
    best = Best(tmp_path)
    for epoch, score in enumerate([0.3, 0.5, 0.4], start=1):
        best.offer(epoch, score, partial(lambda value: {"w": torch.tensor([value])}, score))
    assert (best.epoch, best.stale_for) == (2, 1)
    again = Best(tmp_path)
    again.load()
    assert (again.epoch, again.history, again.stale_for) == (2, [0.3, 0.5, 0.4], 1)
    assert again.weights is not None
    assert again.weights["w"].item() == pytest.approx(0.5)
    shutil.rmtree(tmp_path)
