"""kill -9 between any two changes of a file: what a rerun ends with is what an undisturbed run makes."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.faults.machine import Fault, run
from tests.faults.projects import OTHERWISE, STAGES, Projects, leftovers, result

MOMENTS = int(os.environ.get("FAULTS", "50"))
"""Of a stage, evenly spaced over its events; 0 takes every one."""


def moments(events: list[str], most: int = MOMENTS) -> list[int]:
    step = max(1.0, len(events) / most) if most else 1.0
    return sorted({1 + int(number * step) for number in range(int(len(events) / step))})


def last_rename(events: list[str]) -> int:
    """The number of the event in which the result itself takes its place, or of the last one."""
    renames = [number for number, event in enumerate(events, start=1) if event.startswith("os.rename")]
    return renames[-1] if renames else len(events)


def killed_and_run_again(projects: Projects, stage: str, moment: int, folder: Path) -> None:
    projects.before(stage, folder)
    killed = run(folder, *STAGES[stage], fault=Fault(kill=moment))
    assert killed.code == -signal.SIGKILL, killed.said
    again = run(folder, *STAGES[stage])
    assert again.code == 0, again.said
    assert result(folder) == projects.result(stage), f"killed at event {moment}"
    assert not [name for name in leftovers(folder) if name.startswith((".m.", ".bm25.", ".hybrid."))]
    shutil.rmtree(folder)


def undisturbed(projects: Projects, stage: str, folder: Path) -> list[str]:
    """The events of a stage."""
    ended = run(projects.before(stage, folder), *STAGES[stage])
    assert ended.code == 0, ended.said
    assert result(folder) == projects.result(stage), "two runs make the same"
    return ended.events


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_before_the_result_is_in_its_place(projects: Projects, tmp_path: Path, stage: str) -> None:
    """The quick half: the manifest is there, and what it is about is not."""
    events = undisturbed(projects, stage, tmp_path / "whole")
    killed_and_run_again(projects, stage, last_rename(events), tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_gets_its_name_before_it_is_on_the_disk(
    projects: Projects, tmp_path: Path, stage: str
) -> None:
    """What a power cut could undo: a name is given to what was synced, and then the name is."""
    events = undisturbed(projects, stage, tmp_path / "p")
    renamed = [n for n, event in enumerate(events) if event.startswith("os.rename")]
    assert renamed
    for number in renamed:
        source = events[number].removeprefix("os.rename ")
        assert f"fsync {source}" in events[:number], source
        folder = source.rpartition("/")[0]
        targets = (folder, folder.rpartition("/")[0])  # beside the source, or where its hidden folder is
        assert any(f"fsync {target}" in events[number:] for target in targets), source


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("stage", STAGES)
def test_a_kill_at_any_moment(projects: Projects, tmp_path: Path, stage: str) -> None:
    events = undisturbed(projects, stage, tmp_path / "whole")
    chosen = moments(events)
    for moment in chosen:
        killed_and_run_again(projects, stage, moment, tmp_path / str(moment))
    print(f"kill -9 of {stage}: {len(chosen)} of {len(events)} moments")


def replaced_half(projects: Projects, stage: str, moment: int, folder: Path) -> None:
    """A result that another takes the place of is the old one or the new one, and never one for the other."""
    projects.after(stage, folder)
    killed = run(folder, *STAGES[stage], *OTHERWISE[stage], fault=Fault(kill=moment))
    assert killed.code == -signal.SIGKILL, killed.said
    if stage == "train":
        assert (folder / ".syneg/tiny/models/m/model.safetensors").is_file(), "the old model or the new one"
    back = run(folder, *STAGES[stage])
    assert back.code == 0, back.said
    assert "was changed since" not in back.said
    assert result(folder) == projects.result(stage), f"killed at event {moment}"
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("stage", OTHERWISE)
def test_a_kill_while_a_result_takes_the_place_of_another(
    projects: Projects, tmp_path: Path, stage: str
) -> None:
    ended = run(projects.after(stage, tmp_path / "whole"), *STAGES[stage], *OTHERWISE[stage])
    assert ended.code == 0, ended.said
    assert result(tmp_path / "whole") != projects.result(stage)
    replaced_half(projects, stage, last_rename(ended.events), tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("stage", OTHERWISE)
def test_a_kill_at_any_moment_of_a_replacement(projects: Projects, tmp_path: Path, stage: str) -> None:
    ended = run(projects.after(stage, tmp_path / "whole"), *STAGES[stage], *OTHERWISE[stage])
    chosen = moments(ended.events)
    for moment in chosen:
        replaced_half(projects, stage, moment, tmp_path / str(moment))
    print(f"kill -9 of {stage} over an earlier result: {len(chosen)} of {len(ended.events)} moments")


@pytest.mark.slow
def test_a_run_killed_between_its_two_evaluations_measures_the_backbone(
    projects: Projects, tmp_path: Path
) -> None:
    folder = projects.after("train", tmp_path / "p")
    whole = run(folder, "eval")
    assert whole.code == 0, whole.said
    second = next(n for n, event in enumerate(whole.events, start=1) if "eval-backbone" in event)
    folder = projects.after("train", tmp_path / "q")
    assert run(folder, "eval", fault=Fault(kill=second)).code == -signal.SIGKILL
    assert (folder / ".syneg/tiny/eval/m-test.json").is_file()
    assert not (folder / ".syneg/tiny/eval/backbone-test.json").exists()
    again = run(folder, "run")
    assert again.code == 0, again.said
    assert (folder / ".syneg/tiny/eval/backbone-test.json").is_file()
