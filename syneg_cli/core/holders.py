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


@lru_cache(maxsize=1)
def machine() -> str:
    """`host/boot/namespace`: processes see each other's numbers only where all three are the same."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        boot = namespace = "-"
    return f"{socket.gethostname().replace(':', '-')}/{boot}/{namespace}"


def this_process() -> str:
    """How this process is written down."""
    return f"{machine()}:{os.getpid()}:{_start_of(os.getpid()) or _STARTED}"


def still_runs(holder: str) -> bool | None:
    """Whether a process still runs; None where nobody here can know: it is of another machine."""
    where, _, process = holder.partition(":")
    found, _, start = process.partition(":")
    if where != machine() or not found.isdigit():
        return None
    number = int(found)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    known = _start_of(number)
    if known is None:
        return number != os.getpid() or start == str(_STARTED)
    return known == start


def described(holder: str) -> str:
    """`process 4711 on host`, for people."""
    where, _, rest = holder.partition(":")
    return f"process {rest.partition(':')[0]} on {where.partition('/')[0]}"


def _start_of(number: int) -> str | None:
    """When a process was started, in ticks since boot (proc(5), field 22); None where that is not told."""
    try:
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
