"""Processes that do the same at the same time: one works, the others wait, and all end with the same."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.machine import Fault, run, says, start, wait
from tests.faults.projects import STAGES, Projects, result
from tests.faults.test_kills import MOMENTS
from tests.patience import wait_until

ROUNDS = min(25, MOMENTS or 25)


def together(projects: Projects, stage: str, count: int, folder: Path) -> list[str]:
    """What `count` processes of a stage said; the second is started when the first holds the lock."""
    projects.before(stage, folder)
    first = start(folder, *STAGES[stage])
    wait_until(lambda: held(folder) or not first.is_alive(), "nobody holds the lock")
    others = [start(folder, *STAGES[stage]) for _ in range(count - 1)]
    ended = [wait(process, folder) for process in (first, *others)]
    assert [one.code for one in ended] == [0] * count, [one.said for one in ended]
    assert result(folder) == projects.result(stage)
    return [one.said for one in ended]


def held(folder: Path) -> bool:
    return any(file.read_text() for file in (folder / ".syneg" / "locks").glob("*.lock"))


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["train", "mix"])
def test_two_at_once(projects: Projects, tmp_path: Path, stage: str) -> None:
    said = together(projects, stage, 2, tmp_path / "p")
    assert sum(f"{stage}: up to date" in one for one in said) == 1, said


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("count", [2, 4])
def test_every_stage_in_several_processes(projects: Projects, tmp_path: Path, stage: str, count: int) -> None:
    together(projects, stage, count, tmp_path / "p")


@pytest.mark.slow
@pytest.mark.faults
def test_many_pairs_of_train(projects: Projects, tmp_path: Path) -> None:
    for number in range(ROUNDS):
        said = together(projects, "train", 2, tmp_path / str(number))
        assert sum("train: up to date" in one for one in said) == 1, said
    print(f"pairs of train: {ROUNDS}")


@pytest.mark.slow
def test_the_one_that_waits_goes_on_when_the_other_is_killed(projects: Projects, tmp_path: Path) -> None:
    events = run(projects.before("train", tmp_path / "whole"), *STAGES["train"]).events
    second_checkpoint = next(n for n, event in enumerate(events, start=1) if "checkpoint-2" in event)
    folder = projects.before("train", tmp_path / "p")
    first = start(folder, *STAGES["train"], fault=Fault(stop=second_checkpoint))
    wait_until(lambda: [*folder.glob(".syneg/tiny/models/.m.checkpoints/*/complete")], "no checkpoint")
    second = start(folder, *STAGES["train"])
    wait_until(lambda: "is making it" in says(second, folder), "it does not wait")
    assert first.pid is not None
    first.kill()
    ended = wait(second, folder)
    assert wait(first, folder).code == -signal.SIGKILL
    assert ended.code == 0, ended.said
    assert f"train m: process {first.pid} is making it; waiting until that is done" in ended.said
    assert "going on at step" in ended.said
    assert result(folder) == projects.result("train")
