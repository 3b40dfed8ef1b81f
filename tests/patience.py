"""How long a test waits: until something has happened, on however slow a machine.

A test that expects something by a certain time fails on a busy machine. So nothing here is
measured by the clock: a wait ends at once when its condition holds, and `PATIENCE` only ends
one that would wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 3600.0
"""Seconds: far more than any test needs, also where it gets a hundredth of a processor."""

LOOK = 0.005


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as the condition holds.

    Args:
        what: what did not happen, for the message of the failure.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE:g} s in vain: {what}"
        time.sleep(LOOK)
