"""Files that markitdown makes Markdown of, in a process of its own: a parser that hangs, or takes all memory,
costs its file and not the import.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

MOST_MEMORY = 6 * 2**30
"""Bytes of address space; that of the libraries is about 1 GB."""

READY = b"ready\n"
STARTS_IN = 300.0
"""Seconds that loading markitdown may take, on a busy machine."""

CHILD = "from syneg_cli.data.imports.converting import serve; serve(float(__import__('sys').argv[1]))"
PACKAGES = Path(__file__).parents[3]


class Converter:
    """Converts file by file, each within `seconds`; a process is started for the first one.

    It ends with the `with` block, or when whoever uses it is gone.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: Queue[bytes]

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def convert(self, path: Path, converter: str) -> dict[str, Any]:
        """`{"markdown": ..., "title": ...}`, or `{"error": ...}`: the name of what went wrong in the parser.

        Args:
            converter: the name of one of markitdown's.

        Raises:
            TimeoutError: it took longer.
            MemoryError: it took more memory.
            ChildProcessError: the process broke off.
        """
        try:
            if self._process is None:
                self._start()
            asked = self._process
            assert asked is not None
            assert asked.stdin is not None
            asked.stdin.write(json.dumps([str(path.absolute()), converter]).encode() + b"\n")
            asked.stdin.flush()
            line = self._next(self.seconds)
        except BaseException as error:  # also Ctrl-C: what it would answer is nobody's any more
            self._end()
            if isinstance(error, BrokenPipeError):
                raise ChildProcessError from None
            raise
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error") == MemoryError.__name__:
            self._end()
            raise MemoryError
        return answer

    def _start(self) -> None:
        known = os.environ.get("PYTHONPATH")
        paths = os.pathsep.join(filter(None, (str(PACKAGES), known)))
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(self.seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": paths},
        )
        self._lines = Queue()
        Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        try:
            self._next(STARTS_IN)
        except (TimeoutError, ChildProcessError):  # before it was given anything: no file is to blame
            raise ImportError from None

    def _next(self, seconds: float) -> bytes:
        try:
            line = self._lines.get(timeout=seconds)
        except Empty:
            raise TimeoutError from None
        if not line:
            raise ChildProcessError
        return line

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _read(lines: Any, into: Queue[bytes]) -> None:
    """Every line, and b"" where there are no more; nobody may be left to hear it."""
    with contextlib.suppress(OSError, ValueError):
        for line in lines:
            into.put(line)
    into.put(b"")


def serve(seconds: float) -> None:
    """The other process: a request a line on stdin, an answer a line on stdout, and nothing else there."""
    import faulthandler

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # parsers print
    from markitdown import MarkItDown, converters

    _bound_memory()
    answers.write(READY)
    answers.flush()
    for line in sys.stdin.buffer:
        # Ends itself, should the other process be gone by then.
        faulthandler.dump_traceback_later(seconds + 5, exit=True)
        answers.write(json.dumps(_answer(MarkItDown, converters, *json.loads(line))).encode() + b"\n")
        answers.flush()
        faulthandler.cancel_dump_traceback_later()


def _answer(markitdown: Any, converters: Any, path: str, converter: str) -> dict[str, Any]:
    try:
        reader = markitdown(enable_builtins=False, enable_plugins=False)
        reader.register_converter(getattr(converters, converter)())
        made = reader.convert_local(path)
    except Exception as error:  # of any of a dozen parsers
        return {"error": _kind(error)}
    return {"markdown": made.markdown, "title": made.title or ""}


def _kind(error: Exception) -> str:
    """The parser's own error: markitdown wraps it."""
    for attempt in getattr(error, "attempts", None) or ():
        if attempt.exc_info:
            return str(attempt.exc_info[0].__name__)
    return type(error).__name__


def _bound_memory() -> None:
    """Where the system can: what would need more is an error of its own instead of a full machine."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except (ImportError, OSError, ValueError):
        return
