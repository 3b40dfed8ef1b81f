"""Commands in a folder that was deleted under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_app import COMMANDS
from tests.conftest import Cli

GROUPS = {"prompts": ("prompts", "list"), "cache": ("cache", "stats"), "keys": ("keys", "list")}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_gone_is_one_line(
    cli: Cli, tiny: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = tiny.parent / "lost"
    lost.mkdir()
    monkeypatch.chdir(lost)
    lost.rmdir()
    result = cli(*GROUPS.get(command, (command,)), "--json")
    monkeypatch.chdir(tiny)
    assert result.code == 2, result.err
    assert "The current folder is not there any more" in result.err
    assert "unexpected" not in result.err
    assert len(result.err.splitlines()) == 2
    assert "current folder" in str(result.json["error"])
