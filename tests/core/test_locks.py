"""A lock names its holder, and is free as soon as that process is gone, however it went."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from syneg_cli.core import NoProgress
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
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    def second() -> None:
        with locked(lock, "train m", heard):
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
    assert lock.read_text().strip() == str(os.getpid())


def test_nobody_waits_for_a_free_lock(tmp_path: Path) -> None:
    heard = Heard()
    for _ in range(2):
        with locked(tmp_path / "a.lock", "x", heard):
            pass
    assert heard.said == []
