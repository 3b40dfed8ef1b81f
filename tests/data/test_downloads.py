from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from syneg_cli.core.errors import DatasetError
from syneg_cli.core.progress import NoProgress
from syneg_cli.data.downloads import download_folder, keep, kept_folder
from tests.conftest import write_dataset


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "syneg" / "datasets"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
def test_the_folder_is_the_users_cache(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert download_folder() == home
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert download_folder() == tmp_path / ".cache" / "syneg" / "datasets"


def test_it_is_there_whole_or_not_at_all(home: Path) -> None:
    def broken(staging: Path) -> Path:
        write_dataset(staging / "x")
        raise DatasetError("the network is gone")

    with pytest.raises(DatasetError, match="the network is gone"):
        keep("x", broken, NoProgress())
    assert kept_folder("x") is None
    assert [path.name for path in home.iterdir()] in ([], [".x.lock"])


def test_what_a_killed_process_left_is_cleared_away(home: Path) -> None:
    (home / ".x.partial" / "x").mkdir(parents=True)
    (home / ".x.partial" / "x" / "corpus.jsonl").write_text("half", encoding="utf-8")
    assert keep("x", lambda staging: write_dataset(staging / "x"), NoProgress()) == home / "x"
    assert kept_folder("x") == home / "x"
    assert (home / "x" / "corpus.jsonl").read_text(encoding="utf-8") != "half"


def test_two_at_a_time_download_once() -> None:
    notes: list[str] = []
    waiting, calls = threading.Event(), []

    class Notes(NoProgress):
        def note(self, message: str) -> None:
            notes.append(message)
            waiting.set()

    def fetch(staging: Path) -> Path:
        calls.append(staging)
        assert waiting.wait(60), "the other one waits"
        return write_dataset(staging / "x")

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: keep("x", fetch, Notes()), range(2))
    assert first == second
    assert len(calls) == 1
    assert notes == ["Waiting: another process is downloading x"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="cannot be written") as caught:
        keep("x", lambda staging: staging, NoProgress())
    assert "XDG_CACHE_HOME" in str(caught.value.hint)
