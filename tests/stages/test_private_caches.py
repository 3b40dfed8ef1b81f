"""What was paid for is readable by its owner alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from syneg_cli.llm import Cache
from tests.conftest import Cli
from tests.servers import ChatServer


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    old = os.umask(0o000)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_cache_and_what_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "generations.db"
    with Cache(path):
        beside = sorted(file.name for file in path.parent.iterdir())
        assert beside == ["generations.db", "generations.db-shm", "generations.db-wal"]
        assert {mode(file) for file in path.parent.iterdir()} == {0o600}


def test_an_earlier_cache_is_tightened_with_a_note_and_an_export_is_the_users_own(
    cli: Cli, tiny: Path
) -> None:
    with ChatServer() as server:
        at = ("generate", tiny, "--llm", "ollama:m", "--base-url", server.url)
        assert cli(*at).code == 0
        path = Path(".syneg/generations.db")
        path.chmod(0o664)
        said = cli(*at, "--force")
        assert said.code == 0
    assert ".syneg/generations.db could be read by others; now its owner alone can read it" in said.err
    assert mode(path) == 0o600
    assert "could be read" not in cli("cache", "stats").err
    assert cli("cache", "export", "mine.jsonl").code == 0
    assert mode(Path("mine.jsonl")) == 0o666, "as the umask has it"
    path.chmod(0o644)
    assert cli("cache", "list", "--quiet").err == ""
    assert mode(path) == 0o600
