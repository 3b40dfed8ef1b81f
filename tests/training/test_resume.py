"""A run stopped at any step and started again ends with the same weights, bit for bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
import torch

from syneg_cli.core.progress import Advance, NoProgress
from syneg_cli.core.records import NegativeRef, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding import load_cross_encoder
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.mining.bm25 import words_of
from syneg_cli.mixing.texts import Texts
from syneg_cli.training import checkpoints
from syneg_cli.training.ance import Ance
from syneg_cli.training.checkpoints import Best, checkpoint_folder, last
from syneg_cli.training.companions import Helpers
from syneg_cli.training.recorder import RECORDING, recorded_lines
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.teachers import Guide, Nearness, Reading, Scorer, Teacher, Vectors, Words
from syneg_cli.training.train import TrainResult, train
from tests.conftest import write_dataset

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

    said: tuple[str, ...] = ()

    def note(self, message: str) -> None:
        self.said += (message,)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_in(tmp_path_factory.mktemp("resume"))


def open_in(folder: Path) -> Dataset:
    return load_dataset(str(write_dataset(folder / "tiny")), cache=folder / "cache", dev_fraction=0)


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


@pytest.mark.parametrize(
    ("save", "told"),
    [
        (1, "train: the same command goes on at step 2"),
        (
            9,
            "train: there is no checkpoint yet; there is one every 9 steps: the same command begins this "
            "training anew",
        ),
    ],
)
def test_an_interrupted_run_says_where_it_goes_on(
    data: Dataset, tiny_model: Path, tmp_path: Path, save: int, told: str
) -> None:
    stop, scratch = StopAt(2), tmp_path / "scratch"
    with pytest.raises(KeyboardInterrupt):
        train(
            load_model(str(tiny_model)),
            INSTANCES,
            dataset=data,
            texts=Texts(),
            settings=SETTINGS,
            helpers=Helpers(scratch=scratch, save=save, record=scratch),
            progress=stop,
        )
    assert stop.said == (told,)


def recorded(scratch: Path) -> list[tuple[object, ...]]:
    return [(row["step"], row["loss"], row["gradient_norm"]) for row in recorded_lines(scratch / RECORDING)]


@dataclass(frozen=True)
class Whole:
    """A run that nobody stopped."""

    weights: torch.Tensor
    recorded: list[tuple[object, ...]]


@pytest.fixture(scope="module")
def whole(
    data: Dataset, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int | None], Whole]:
    """The run without a stop, made once for each `ance`."""

    @cache
    def made(ance: int | None) -> Whole:
        scratch = tmp_path_factory.mktemp("whole")
        weights, _ = run(data, tiny_model, scratch, ance=ance)
        return Whole(weights, recorded(scratch))

    return made


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_an_interrupted_run_ends_with_the_same_bits(
    step: int,
    data: Dataset,
    whole: Callable[[int | None], Whole],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tiny_model, tmp_path, stop=step)
    resumed, result = run(data, tiny_model, tmp_path)
    assert result.resumed_at == step
    assert torch.equal(whole(None).weights, resumed)
    assert recorded(tmp_path) == whole(None).recorded
    assert [row[0] for row in recorded(tmp_path)] == list(range(1, STEPS + 1))


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("who", ["guide", "cross-encoder", "words"])
def test_what_others_say_of_a_batch_is_the_same_after_a_stop(
    who: str, step: int, data: Dataset, tiny_model: Path, tiny_cross_encoder: Path, tmp_path: Path
) -> None:
    """They remember what they computed; a run that is gone on with has texts beside others than before."""

    def tuned(scratch: Path, stop: int = 99) -> torch.Tensor:
        loaded = load_model(str(tiny_model))
        vectors = Vectors(Encoder.load(str(tiny_model), precision="fp32"), data, Texts())
        words = Words(words_of(data, NoProgress()), data, Texts(), 10.0)
        read = Reading(load_cross_encoder(str(tiny_cross_encoder)), data, Texts())
        teachers: dict[str, list[Scorer]] = {
            "cross-encoder": [read],
            "words": [Nearness(vectors, 0.05), words],
        }
        train(
            loaded,
            INSTANCES,
            dataset=data,
            texts=Texts(),
            settings=SETTINGS.model_copy(update={"distil": 5.0}),
            helpers=Helpers(
                scratch=scratch,
                save=1,
                record=scratch,
                guide=Guide(vectors) if who == "guide" else None,
                guide_margin=-0.05,
                teacher=Teacher(teachers[who]) if who in teachers else None,
            ),
            progress=StopAt(stop),
        )
        return torch.cat([p.detach().flatten() for p in loaded.parameters()])

    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "stopped", step)
    assert torch.equal(tuned(tmp_path / "stopped"), tuned(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("every", [1, 2, 4])
def test_negatives_mined_between_steps_are_the_same_after_a_stop(
    every: int,
    step: int,
    data: Dataset,
    whole: Callable[[int | None], Whole],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tiny_model, tmp_path, stop=step, ance=every)
    resumed, result = run(data, tiny_model, tmp_path, ance=every)
    assert result.resumed_at == step
    assert torch.equal(whole(every).weights, resumed)
    assert not torch.equal(whole(every).weights, whole(None).weights)


def die_while_writing(fatal: int) -> None:
    """From now on, this process kills itself when it writes a file of the fatal step's checkpoint."""
    save = torch.save

    def deadly(value: object, file: object, *more: object, **options: object) -> None:
        if f"checkpoint-{fatal}" in str(file):
            os.kill(os.getpid(), signal.SIGKILL)
        save(value, file, *more, **options)  # type: ignore[arg-type]

    torch.save = deadly  # type: ignore[assignment]


def die_before_marking(fatal: int) -> None:
    """From now on, this process kills itself when the fatal step's checkpoint is written, but not yet marked."""
    complete = checkpoints.complete

    def deadly(folder: Path, step: int) -> None:
        if step == fatal:
            assert (folder / f"checkpoint-{step}").is_dir()
            os.kill(os.getpid(), signal.SIGKILL)
        complete(folder, step)

    checkpoints.complete = deadly


@pytest.mark.slow
@pytest.mark.parametrize("death", [die_while_writing, die_before_marking])
def test_kill_minus_nine_loses_no_complete_checkpoint(
    death: Callable[[int], None],
    data: Dataset,
    whole: Callable[[int | None], Whole],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, {root!r});"
        "from tests.training import test_resume as t; t.{death}(3);"
        "t.run(t.open_in(Path({folder!r})), Path({model!r}), Path({scratch!r}))"
    ).format(
        root=str(Path(__file__).parents[2]),
        death=death.__name__,
        folder=str(tmp_path),
        model=str(tiny_model),
        scratch=str(tmp_path / "cut"),
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert (tmp_path / "cut" / "checkpoint-3").is_dir()
    resumed, result = run(data, tiny_model, tmp_path / "cut")
    assert result.resumed_at == 2
    assert torch.equal(whole(None).weights, resumed)


def test_a_half_written_checkpoint_is_not_used(tmp_path: Path) -> None:
    for step, is_complete in ((2, True), (10, True), (11, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if is_complete:
            checkpoints.complete(tmp_path, step)
    assert last(tmp_path) == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-11").exists()


def test_another_plan_starts_from_nothing(tmp_path: Path) -> None:
    model = tmp_path / "m"
    folder = checkpoint_folder(model, {"lr": 1})
    (folder / "checkpoint-3").mkdir()
    assert checkpoint_folder(model, {"lr": 1}) == folder
    assert (folder / "checkpoint-3").exists()
    checkpoint_folder(model, {"lr": 2})
    assert not (folder / "checkpoint-3").exists()


def test_the_best_epoch_survives(tmp_path: Path) -> None:
    best = Best(tmp_path)
    for epoch, score in enumerate([0.3, 0.5, 0.4], start=1):
        best.offer(epoch, score, partial(lambda value: {"w": torch.tensor([value])}, score))
    assert (best.epoch, best.stale_for) == (2, 1)
    again = Best(tmp_path)
    assert again.load(3)
    assert (again.epoch, again.history, again.stale_for) == (2, [0.3, 0.5, 0.4], 1)
    assert again.weights is not None
    assert again.weights["w"].item() == pytest.approx(0.5)
    shutil.rmtree(tmp_path)
