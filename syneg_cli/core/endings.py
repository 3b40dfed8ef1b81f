"""What asks a process to end and leaves it time: Ctrl-C, a scheduler, a terminal that is closed."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress

HANGUP = getattr(signal, "SIGHUP", None)
"""Sent when the terminal is closed, or a connection to it broke; Windows has none."""


def polite_ends() -> list[int]:
    """The signals that end a run as Ctrl-C does: all but those that this process is to ignore (nohup)."""
    known = [signal.SIGINT, signal.SIGTERM, *([HANGUP] if HANGUP is not None else [])]
    return [one for one in known if signal.getsignal(one) is not signal.SIG_IGN]


def keep_through_hangups() -> None:
    """For a process that is about to end: shell and system may each send one, and neither hurries it."""
    if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
        signal.signal(HANGUP, lambda number, frame: leave_terminal(number))


def leave_terminal(number: int) -> None:
    """After a hangup nobody reads the terminal, and writing there would fail: it goes nowhere."""
    if number != HANGUP:
        return
    signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):  # no file, and no pipe that somebody reads
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
