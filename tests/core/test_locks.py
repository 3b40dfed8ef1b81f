"""A lock names its holder, and is free as soon as that process is gone, however it went."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from syneg_cli.core import NoProgress, this_process
from syneg_cli.core.locks import locked

HOLD = """
import sys
from pathlib import Path
from syneg_cli.core import NoProgress
from syneg_cli.core.locks import locked

with locked(Path(sys.argv[1]), "x", NoProgress()):
    print("held", flush=True)
    sys.stdin.read()
"""


class Heard(NoProgress):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.something = threading.Event()

    def note(self, message: str) -> None:
        self.said.append(message)
        self.something.set()


def test_the_second_waits_says_for_whom_and_goes_on_when_the_first_is_killed(tmp_path: Path) -> None:
    lock, heard, entered = tmp_path / "locks" / "a.lock", Heard(), threading.Event()
    inside: list[str] = []
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    def second() -> None:
        with locked(lock, "train m", heard):
            inside.append(lock.read_text())
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert heard.something.wait(60)
    assert heard.said == [f"train m: process {holder.pid} is making it; waiting until that is done"]
    assert not entered.is_set()
    holder.kill()
    holder.wait(60)
    assert entered.wait(60)
    thread.join(60)
    assert inside == [f"{this_process()}\n"]
    assert lock.read_text() == "", "nobody holds it"


def test_nobody_waits_for_a_free_lock(tmp_path: Path) -> None:
    heard = Heard()
    for _ in range(2):
        with locked(tmp_path / "a.lock", "x", heard):
            pass
    assert heard.said == []


@pytest.mark.parametrize(
    ("said", "holder"),
    [
        ("", "another process"),
        ("999999999\n", "another process"),
        ("x", "another process"),
        ("PID elsewhere", "process PID on elsewhere"),
        ("PID\n", "process PID"),
        ("PID HERE\n", "process PID"),
        ("999999999 HERE\n", "another process"),
        ("THIS\n", "process PID"),
        ("THIS0\n", "another process"),
        ("elsewhere/b/n:7:3\n", "process 7 on elsewhere"),
        ("elsewhere/b/n:x:3\n", "another process"),
        (f"elsewhere:{'9' * 5000}:3", "another process"),
        (f"{'9' * 5000} elsewhere", "another process"),
        (f"{'9' * 19} HERE", "another process"),
        ("\u00b2", "another process"),
    ],
)
def test_only_a_holder_that_may_be_there_is_named(tmp_path: Path, said: str, holder: str) -> None:
    """A killed holder leaves its number in the file, which may be used again; one on another machine cannot be
    looked for. Earlier lock files hold a number and a host; THIS is this process as it is written down now.
    """
    names = {"PID": str(os.getpid()), "HERE": socket.gethostname(), "THIS": this_process()}
    for name, value in names.items():
        said, holder = said.replace(name, value), holder.replace(name, value)
    lock, heard, inside = tmp_path / "a.lock", Heard(), threading.Event()

    def second() -> None:
        with locked(lock, "x", heard):
            inside.set()

    thread = threading.Thread(target=second)
    with locked(lock, "x", NoProgress()):
        lock.write_text(said)
        thread.start()
        assert heard.something.wait(60)
    assert inside.wait(60)
    thread.join(60)
    assert heard.said == [f"x: {holder} is making it; waiting until that is done"]
