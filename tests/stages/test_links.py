"""Links in the work directory: folders may lie on another disk, and nothing of the user's is written through one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli

WORK = Path(".syneg")


@pytest.mark.parametrize("command", ["mine", "mix", "train", "eval"])
def test_a_lock_that_is_a_link_is_refused(mixed: Cli, command: str) -> None:
    assert mixed("run").code == 0
    notes = Path("notes.txt")
    notes.write_text("three years")
    for lock in (WORK / "locks").iterdir():
        lock.unlink()
        lock.symlink_to(notes.resolve())
    result = mixed(command, "--force")
    assert result.code == 2, result.err
    told = " ".join(result.err.split())
    assert f"is a link to {notes.resolve()}, and no lock of syneg. Remove the link" in told
    assert notes.read_text() == "three years"


@pytest.mark.parametrize("inside", ["photo.jpg", "checkpoint-500/weights"])
def test_checkpoints_that_are_a_link_are_refused(mixed: Cli, inside: str) -> None:
    kept = Path("elsewhere", inside)
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    link = WORK / "tiny/models/.m.checkpoints"
    link.parent.mkdir()
    link.symlink_to(Path("elsewhere").resolve())
    for force in ((), ("--force",)):
        result = mixed("train", *force)
        assert result.code == 2, result.err
        assert "and no checkpoints of syneg" in result.err
        assert [file for file in Path("elsewhere").rglob("*") if file.is_file()] == [kept]
    link.unlink()
    assert mixed("train").code == 0


def test_vectors_that_are_a_link_are_not_pruned(cli: Cli) -> None:
    kept = Path("elsewhere")
    kept.mkdir()
    (kept / "entry.json").write_text("{}")
    np.save(kept / "vectors.npy", np.ones(3))
    (WORK / "embeddings").mkdir(parents=True)
    (WORK / "embeddings" / ("0" * 24)).symlink_to(kept.resolve())
    pruned = cli("cache", "prune-embeddings", "0" * 8, "--yes")
    assert pruned.code == 2
    assert "no entry has a key" in pruned.err
    assert (kept / "entry.json").is_file()
    assert (kept / "vectors.npy").is_file()


@pytest.mark.parametrize("folder", ["locks", "embeddings", "corpora", "tiny", "tiny/models", "tiny/mixed"])
def test_a_folder_may_lie_on_another_disk(mixed: Cli, folder: str) -> None:
    disk = Path("disk").resolve()
    disk.mkdir()
    (disk / "photo.jpg").write_text("mine")
    place = WORK / folder
    if place.exists():
        shutil.copytree(place, disk, dirs_exist_ok=True)
        shutil.rmtree(place)
    place.symlink_to(disk)
    for argv in (("run",), ("run", "--force"), ("status",)):
        result = mixed(*argv)
        assert result.code == 0, result.err
    assert place.is_symlink()
    assert (disk / "photo.jpg").read_text() == "mine"
