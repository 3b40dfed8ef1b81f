"""A disk that is full, cannot be written, or loses a file in the middle: one message, and a rerun is whole."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.faults.machine import Fault, run
from tests.faults.projects import STAGES, Projects, result
from tests.faults.test_kills import MOMENTS, moments

SIZES = (1, 64, 256, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 262_144)
"""Bytes that a file may have at most."""


def fails_in_one_line(projects: Projects, stage: str, fault: Fault, folder: Path) -> bool:
    """Whether the command failed; then it said why in a line, and a rerun ends as if nothing had been."""
    projects.before(stage, folder)
    ended = run(folder, *STAGES[stage], fault=fault)
    assert "Traceback" not in ended.said, ended.said
    assert "unexpected" not in ended.said, ended.said
    assert (ended.code == 0) != ("error:" in ended.said), ended.said
    assert ended.code in (0, 1, 2), ended.said
    again = run(folder, *STAGES[stage])
    assert again.code == 0, again.said
    assert result(folder) == projects.result(stage)
    shutil.rmtree(folder)
    return ended.code != 0


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["mix", "mine dense", "train"])
def test_a_full_disk(projects: Projects, tmp_path: Path, stage: str) -> None:
    events = run(projects.before(stage, tmp_path / "whole"), *STAGES[stage]).events
    assert fails_in_one_line(projects, stage, Fault(full=len(events) // 2), tmp_path / "cut")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_is_full_from_some_moment_on(projects: Projects, tmp_path: Path, stage: str) -> None:
    events = run(projects.before(stage, tmp_path / "whole"), *STAGES[stage]).events
    chosen = moments(events, MOMENTS // 4)
    failed = [fails_in_one_line(projects, stage, Fault(full=n), tmp_path / str(n)) for n in chosen]
    assert any(failed)
    print(f"full disk in {stage}: {len(chosen)} moments, {sum(failed)} failed")


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "generate"])  # that is SQLite's
def test_files_that_cannot_grow(projects: Projects, tmp_path: Path, stage: str) -> None:
    failed = [fails_in_one_line(projects, stage, Fault(largest=n), tmp_path / str(n)) for n in SIZES]
    print(f"{len(SIZES)} largest sizes in {stage}: {sum(failed)} failed")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("stage", ["mix", "train"])
def test_a_folder_that_cannot_be_written(projects: Projects, tmp_path: Path, stage: str) -> None:
    folder = projects.before(stage, tmp_path / "p")
    shut = folder / ".syneg" / "tiny"
    shut.chmod(0o500)
    try:
        ended = run(folder, *STAGES[stage])
    finally:
        shut.chmod(0o700)
    assert ended.code in (1, 2)
    assert "Permission denied" in ended.said
    assert "Training" not in ended.said, "it is found before the work is done"
    assert run(folder, *STAGES[stage]).code == 0
    assert result(folder) == projects.result(stage)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "lost", "maker"),
    [
        ("mix", "tiny/mined/bm25.jsonl", "mine bm25"),
        ("train", "tiny/mixed/hybrid.jsonl", "mix"),
        ("eval", "tiny/models/m/model.safetensors", "train"),
    ],
)
def test_a_file_that_is_deleted_in_mid_run(
    projects: Projects, tmp_path: Path, stage: str, lost: str, maker: str
) -> None:
    folder = projects.before(stage, tmp_path / "p")
    ended = run(folder, *STAGES[stage], fault=Fault(gone=(1, lost)))
    assert "Traceback" not in ended.said
    assert "unexpected" not in ended.said, ended.said
    assert run(folder, *STAGES[maker]).code == 0
    again = run(folder, *STAGES[stage])
    assert again.code == 0, again.said
    assert result(folder) == projects.result(stage)
