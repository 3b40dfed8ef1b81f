"""A project on a disk that can only be read: what is up to date is read, and what would be written is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.rights import unwritable

WORK = Path(".syneg")


@pytest.fixture
def whole(mixed: Cli) -> Cli:
    """A project in which everything is up to date."""
    for command in (("run",), ("report",)):
        done = mixed(*command)
        assert done.code == 0, done.err
    return mixed


def test_what_is_up_to_date_is_read(whole: Cli, tmp_path: Path) -> None:
    before = contents()
    with unwritable(Path()):
        for command in (
            ("mine",),
            ("mix",),
            ("train",),
            ("eval",),
            ("run",),
            ("status",),
            ("cache", "embeddings"),
            ("report", "--output", tmp_path / "elsewhere"),
            ("export", "--format", "flagembedding", "--output", tmp_path / "t.jsonl"),
            ("prompts", "check"),
        ):
            result = whole(*command)
            assert result.code == 0, (command, result.err)
            if command in (("mine",), ("mix",), ("train",)):
                assert "up to date, nothing to do" in result.err
    assert contents() == before


def contents() -> dict[Path, bytes]:
    """What is in every file. When vectors were last used is noted as the time of a file, where that can be."""
    return {file: file.read_bytes() if file.is_file() else b"" for file in WORK.rglob("*")}


@pytest.mark.parametrize(
    "command",
    [
        ("mine", "--depth", 1),
        ("mix", "--seed", 5),
        ("train", "--lr", 0.5),
        ("eval", "--split", "test", "--force"),
        ("run", "--force"),
        ("mine", "--miner", "random"),
    ],
)
def test_what_has_to_be_made_is_one_line_that_says_so(whole: Cli, command: tuple[object, ...]) -> None:
    with unwritable(Path()):
        result = whole(*command)
    assert result.code == 2, result.err
    told = " ".join(result.err.split())
    assert told.count("error: ") == 1
    assert "has to be made (" in told
    assert ".syneg/locks cannot be written (Permission denied)" in told
    assert "--work-dir" in told


def test_a_report_that_cannot_be_written_names_the_folder(whole: Cli) -> None:
    with unwritable(Path()):
        result = whole("report")
    assert result.code == 2
    assert "report" in result.err
    assert "Permission denied" in result.err


def test_a_work_directory_that_cannot_be_made(mixed: Cli) -> None:
    shutil.rmtree(WORK)
    with unwritable(Path()):
        result = mixed("mine")
    assert result.code == 2
    assert "Permission denied" in result.err
    assert "unexpected" not in result.err
