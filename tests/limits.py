"""Time and memory that a block of a test may use at most."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def limited(*, seconds: int, gigabytes: float) -> Iterator[None]:
    """Raises MemoryError where more memory than now and so much is wanted, KeyboardInterrupt after so many seconds."""

    def late(number: int, frame: object) -> None:
        raise KeyboardInterrupt(f"more than {seconds} s")

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").is_file() else 0
    before = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        if pages:
            most = pages * resource.getpagesize() + int(gigabytes * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
