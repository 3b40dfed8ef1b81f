"""Data sets whose results would lie among what all data sets of a work directory share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli, write_dataset

NAMES = ["corpora", "embeddings", "locks", "generations.db", "generations.db-wal", "Locks"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["mine", "status", "init"])
def test_a_data_set_that_is_called_as_a_folder_of_the_work_directory(
    cli: Cli, tmp_path: Path, name: str, command: str
) -> None:
    folder = write_dataset(tmp_path / name)
    result = cli(command, folder, *(("--miner", "bm25") if command == "mine" else ()))
    assert result.code == 2, result.out
    assert f"A data set cannot be called {name!r}" in result.err
    assert "Give its folder another name." in result.err
    assert not [*Path().iterdir()], "nothing is made"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["{}", "./{}/", "elsewhere/../{}"])
def test_no_import_is_put_there(cli: Cli, name: str, way: str) -> None:
    Path("note.txt").write_text("Vitamin D raises bone density.")
    result = cli("import", "note.txt", "--output", way.format(name))
    assert result.code == 2, result.out
    assert f"A data set cannot be called {name!r}" in result.err
    assert not Path(name).exists()
