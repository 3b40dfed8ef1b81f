"""A command in a process of its own, in which something goes wrong at a chosen moment.

A moment is an event, not a time: the n-th change that Python makes to files below the current
folder (a file opened for writing or brought to the disk, a name made, moved or removed). Python tells
its own hooks of each before it happens, whichever library asked for it, so nothing in syneg knows of this.
"""

from __future__ import annotations

import errno
import io
import json
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

NAMES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "faiss",
    "bm25s",
    "pyarrow",
    "datasets",
    "matplotlib",
)
"""Loaded once, by the process that all others are forked from."""


@dataclass(frozen=True)
class Fault:
    """`kill`: -9 before that event. `stop`: sleep there. `full`: from that event on, nothing can be written.

    `largest`: no file can grow beyond so many bytes. `gone`: (event, what is then deleted).
    """

    kill: int = 0
    stop: int = 0
    full: int = 0
    largest: int = 0
    gone: tuple[int, str] = (0, "")


@dataclass(frozen=True)
class Ended:
    """How a command ended; `events` is empty if it was killed."""

    code: int
    said: str
    events: list[str] = field(default_factory=list)


def context() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.faults.loaded"])
    return made


def start(folder: Path, *argv: object, fault: Fault | None = None) -> BaseProcess:
    """Start `syneg ARGV` in a folder."""
    words = [str(word) for word in argv]
    process = context().Process(
        target=_command, args=(str(folder), words, fault or Fault(), dict(os.environ))
    )
    process.start()
    return process


def wait(process: BaseProcess, folder: Path) -> Ended:
    process.join(PATIENCE)
    assert process.exitcode is not None, "it hangs"
    said, events = folder / f"said.{process.pid}", folder / f"events.{process.pid}"
    found = json.loads(events.read_text()) if events.is_file() else []
    ended = Ended(process.exitcode, said.read_text(errors="replace"), found)
    for file in (said, events):
        file.unlink(missing_ok=True)
    return ended


def says(process: BaseProcess, folder: Path) -> str:
    """What a running command has said so far."""
    said = folder / f"said.{process.pid}"
    return said.read_text(errors="replace") if said.is_file() else ""


def run(folder: Path, *argv: object, fault: Fault | None = None) -> Ended:
    return wait(start(folder, *argv, fault=fault), folder)


def _command(folder: str, argv: list[str], fault: Fault, environ: dict[str, str]) -> None:
    from syneg_cli.cli.app import main

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin.close()
    place = Path(f"said.{os.getpid()}")
    said = os.open(place, os.O_CREAT | os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(said, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if fault.largest:  # which would hold for that file, too
        sys.stdout = sys.stderr = io.StringIO()
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.largest, resource.RLIM_INFINITY))
    events: list[str] = []
    stop = _listen(Path(folder) / ".syneg", events, fault)
    code = main(argv)
    stop()
    if isinstance(sys.stdout, io.StringIO):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        os.write(said, sys.stdout.getvalue().encode())
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f"events.{os.getpid()}").write_text(json.dumps(events))
    os._exit(code)


def _listen(root: Path, events: list[str], fault: Fault) -> Callable[[], None]:
    """From now on every change below `root` is an event; returns what ends that."""
    top, listening, fsync = str(root), [True], os.fsync

    def happens(what: str, path: Any, folder: int = -1) -> None:
        place = _place(path, folder)
        made_before = what == "os.mkdir" and os.path.isdir(place)  # noqa: PTH112
        if not listening or made_before or not place.startswith(top):
            return
        events.append(f"{what} {place.removeprefix(top)}")
        if len(events) == fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if len(events) == fault.stop:
            os.kill(os.getpid(), signal.SIGSTOP)
        if len(events) == fault.gone[0]:
            listening.clear()
            (root / fault.gone[1]).unlink()
            listening.append(True)
        removes = what in ("os.remove", "os.rmdir")
        if fault.full and len(events) >= fault.full and not removes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
            happens("open", args[0])
        elif event in NAMES:
            at = args[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
            happens(event, args[0], at)

    def synced(descriptor: int) -> None:
        happens("fsync", f"/proc/self/fd/{descriptor}")
        fsync(descriptor)

    os.fsync = synced  # type: ignore[assignment]
    sys.addaudithook(hook)
    return listening.clear


def _place(path: Any, folder: int) -> str:
    if isinstance(path, int):
        path = f"/proc/self/fd/{path}"
    text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    if text.startswith("/proc/self/fd/"):
        return os.readlink(text) if os.path.exists(text) else ""  # noqa: PTH110, PTH115
    base = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else os.getcwd()  # noqa: PTH109, PTH115
    return os.path.normpath(os.path.join(base, text))  # noqa: PTH118
