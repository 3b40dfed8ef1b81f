"""Nothing that is in flight is lost when a terminal closes, and notes that nobody reads stop no work."""

from __future__ import annotations

import errno
import io
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from syneg_cli.cli.output import PlainConsole, print_line
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.pauses import Pauses
from tests.conftest import Cli
from tests.patience import PATIENCE
from tests.servers import Body, ChatServer, Reply, good_reply


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows knows no terminal that closes")
@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_closes_loses_no_call_in_flight(tiny: Path, tmp_path: Path, ignored: bool) -> None:
    """And where that is ignored, as under nohup, all goes on."""
    started: list[subprocess.Popen[bytes]] = []

    def respond(body: Body, number: int) -> Reply:
        if number == 2:
            started[0].send_signal(signal.SIGHUP)
        return Reply(text=good_reply(body, number).text, delay=0.5)

    with ChatServer(respond) as server:
        options = ("--llm", "openai:m", "--base-url", server.openai_url, "--concurrency", "2")
        command = [sys.executable, "-m", "syneg_cli", "generate", str(tiny), *options]
        command += ["--set", "dataset.dev_fraction=0"]
        if ignored:
            command = ["nohup", *command]
        started.append(subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE))
        _, said = started[0].communicate(timeout=PATIENCE)
        asked = len(server.requests)
    with Cache(tmp_path / ".syneg/generations.db") as cache:
        assert len(list(cache.rows())) == asked == (3 if ignored else 2)
        assert not cache.file.select("SELECT * FROM claims")
    assert started[0].returncode == (0 if ignored else 130), said


class Gone(io.StringIO):
    """A stream whose reader is gone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError(errno.EIO, "the terminal is gone"), OSError(errno.ENOSPC, "full")],
)
def test_notes_that_nobody_reads_stop_no_work(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    notes = PlainConsole(stderr=True)
    monkeypatch.setattr(sys, "stderr", Gone(error))
    print_line(notes, "3 in flight")
    assert notes.quiet, "nothing more is said"
    results = PlainConsole()
    monkeypatch.setattr(sys, "stdout", Gone(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    with pytest.raises(OSError, match="No space"):
        print_line(results, "a result that is not written is an error")


def test_a_file_that_is_held_for_long_loses_no_answer(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A viewer of databases may hold it for longer than SQLite waits: what came waits, and it is said."""
    monkeypatch.setattr("syneg_cli.llm.cache_file.BUSY_SECONDS", 0.01)
    monkeypatch.setattr("syneg_cli.llm.recording.AGAIN_SECONDS", 0.01)
    held: list[sqlite3.Connection] = []

    def respond(body: Body, number: int) -> Reply:
        if number == 2:
            held.append(
                sqlite3.connect(".syneg/generations.db", check_same_thread=False, isolation_level=None)
            )
            held[0].execute("BEGIN IMMEDIATE")
        return Reply(text=good_reply(body, number).text)

    def told(self: Pauses, what: str, message: str) -> None:
        if what == "held":
            said.append(message)
            held[0].close()

    said: list[str] = []
    monkeypatch.setattr(Pauses, "tell_once", told)
    with ChatServer(respond) as server:
        options = ("--llm", "openai:m", "--base-url", server.openai_url, "--concurrency", 1)
        done = cli("generate", tiny, *options, "--set", "dataset.dev_fraction=0", "--json")
        assert done.code == 0, done.err
        assert len(server.requests) == 3
    assert "is held by another process" in said[0]
    assert done.json["answered"] == 3


def test_a_key_that_a_server_repeats_is_in_no_answer(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-of-this-server-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)

    def respond(body: Body, number: int) -> Reply:
        text = str(good_reply(body, number).text)
        return Reply(text=text.replace("leave point", f"with Bearer {key}"), finish=key)

    with ChatServer(respond) as server:
        options = ("--llm", "openai:m", "--base-url", server.openai_url)
        done = cli("generate", tiny, *options, "--set", "dataset.dev_fraction=0")
    assert done.code == 0, done.err
    files = [file.read_bytes() for file in Path(".syneg").rglob("*") if file.is_file()]
    assert any(b"with Bearer ***" in text for text in files)
    assert not any(key.encode() in text for text in files)
