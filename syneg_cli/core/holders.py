"""Which process holds something: known by its machine, its container and its start, not by its number alone.

A number is used again, and containers share names of hosts; so a process is written down as
`machine:number:start`, and whether it still runs is known where it is of this very machine.
"""

from __future__ import annotations

import os
import socket
import time
from functools import lru_cache
from pathlib import Path

_STARTED = time.time_ns()
"""In place of the start where the system does not tell it."""

LONGEST_NUMBER = 20
"""Digits."""


@lru_cache(maxsize=1)
def machine() -> str:
    """`host/boot/namespace`: processes see each other's numbers only where all three are the same."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        boot = namespace = "-"
    return f"{_host()}/{boot}/{namespace}"


def this_process() -> str:
    """How this process is written down."""
    return f"{machine()}:{os.getpid()}:{_start_of(os.getpid()) or _STARTED}"


def still_runs(holder: str) -> bool | None:
    """Whether a process still runs; None where nobody here can know: it is of another machine."""
    where, number, start = _parts(holder)
    if where != machine() or number is None:
        return None
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):  # the latter: no process has such a number
        return False
    except OSError:  # another user's
        pass
    if not start:  # written down without
        return True
    known = _start_of(number)
    if known is None:
        return number != os.getpid() or start == str(_STARTED)
    return known == start


def described(holder: str) -> str:
    """`process 4711`, with `on HOST` where that is another machine; "another process" where it is damaged."""
    where, number, _ = _parts(holder)
    if number is None:
        return "another process"
    return f"process {number}" + ("" if where == machine() else f" on {where.partition('/')[0]}")


def of_earlier(said: str) -> str:
    """A process as lock files named it at first (`4711 HOST`), written down as today; it has no start."""
    number, _, host = said.partition(" ")
    return f"{machine() if host in ('', _host()) else host}:{number}:"


def _parts(holder: str) -> tuple[str, int | None, str]:
    """(machine, number or None, start); what is written down may have been damaged since."""
    where, _, process = holder.partition(":")
    number, _, start = process.partition(":")
    return where, int(number) if number.isdecimal() and len(number) < LONGEST_NUMBER else None, start


def _host() -> str:
    return socket.gethostname().replace(":", "-")


def _start_of(number: int) -> str | None:
    """When a process was started, in ticks since boot (proc(5), field 22); None where that is not told."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
