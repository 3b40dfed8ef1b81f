"""A command in a terminal of a given size, and what stands on its screen at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pyte

from tests.patience import PATIENCE


@dataclass(frozen=True)
class Shown:
    """`lines` are what is left on the screen, `written` is all that ever was written to it."""

    code: int
    lines: tuple[str, ...]
    written: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def in_terminal(*arguments: object, columns: int = 80, rows: int = 200, **variables: str) -> Shown:
    """Run `syneg ARGUMENTS` in a pseudo-terminal that is as wide, and high enough to hold it all."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    written = b""
    with subprocess.Popen(
        [sys.executable, "-m", "syneg_cli", *map(str, arguments)],
        stdin=there,
        stdout=there,
        stderr=there,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(there)
        while part := _read(here):
            written += part
            stream.feed(part)
        code = process.wait(PATIENCE * 10)
    os.close(here)
    lines = [line.rstrip() for line in screen.display]
    while lines and not lines[-1]:
        lines.pop()
    return Shown(code, tuple(lines), written.decode(errors="replace"))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux, where the other end is closed
        return b""
