"""Answers on a disk that can only be read: those that are still in the log beside the file are read, too."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syneg_cli.core import SynegError
from syneg_cli.llm import Cache, look_at
from tests.conftest import Cli
from tests.rights import unwritable
from tests.servers import ChatServer


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A cache as `kill -9` leaves it: what it holds is in its log, and no index is there."""
    whole, path = tmp_path / "whole" / "g.db", tmp_path / "disk" / "g.db"
    path.parent.mkdir()
    with Cache(whole) as cache:
        cache.claim("k", job="j")
        for ending in ("", "-wal"):
            shutil.copy(f"{whole}{ending}", f"{path}{ending}")
    assert path.with_name("g.db-wal").stat().st_size
    return path


@contextmanager
def in_tmp(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder


def test_answers_in_the_log_are_read(killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in killed.parent.iterdir()}
    with in_tmp(tmp_path / "t", monkeypatch) as own:
        with unwritable(killed.parent):
            assert look_at(killed) == ("ok", 0)
            with Cache(killed) as cache:
                assert cache.file.read_only
                assert cache.file.select("SELECT key FROM claims") == [("k",)]
                assert [folder.stat().st_mode & 0o077 for folder in own.iterdir()] == [0]
                with pytest.raises(SynegError, match="may not write there"):
                    cache.claim("other", job="j")
        assert not [*own.iterdir()], "no copy stays"
    assert {file.name: file.read_bytes() for file in killed.parent.iterdir()} == before


def test_a_cache_that_another_process_writes_to_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "disk" / "g.db"
    with Cache(path) as writing:
        writing.claim("k", job="j")
        with unwritable(path.parent), Cache(path) as cache:
            assert cache.file.connection.copy is None
            assert cache.file.select("SELECT key FROM claims") == [("k",)]
        writing.claim("other", job="j")


def test_a_log_that_cannot_be_copied_is_said(
    killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = r"without its log g\.db-wal.*a copy fails: Permission"
    with (
        in_tmp(tmp_path / "t", monkeypatch) as own,
        unwritable(own),
        unwritable(killed.parent),
        pytest.raises(SynegError, match=said) as caught,
    ):
        Cache(killed)
    assert "TMPDIR" in str(caught.value.hint)


def test_a_command_shows_what_is_there(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        asked = (
            "generate",
            tiny,
            "--llm",
            "openai:m",
            "--base-url",
            server.openai_url,
            "--set",
            "generate.n=2",
        )
        assert cli(*asked).code == 0
    held = sqlite3.connect(".syneg/generations.db")  # so that closing it does not empty the log
    held.execute("UPDATE answers SET cost_usd = 1")
    held.commit()
    Path(".syneg/generations.db-shm").unlink()
    with unwritable(Path(".syneg")):
        shown = cli("cache", "stats", "--json")
    held.close()
    assert shown.code == 0, shown.err
    assert "3.0" in shown.out
