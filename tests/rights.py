"""A folder that cannot be written, also by root: what a read-only disk is to a program."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
OF_ROOT = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: files' rights do not hold for who has them


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Takes the right to write from a folder and all that is in it, for the length of the block."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode & 0o7777 for path in paths if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        with _as_anybody():
            yield
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


@contextmanager
def _as_anybody() -> Iterator[None]:
    """Root without its special rights, in this thread and those that it starts (capset(2))."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head, sets = (ctypes.c_uint32 * 2)(VERSION, 0), (ctypes.c_uint32 * 6)()
    if not hasattr(libc, "capget") or libc.capget(head, sets):
        pytest.skip("this system's root can be kept from no file")
    effective = sets[0]
    sets[0] = effective & ~OF_ROOT
    assert libc.capset(head, sets) == 0
    try:
        yield
    finally:
        sets[0] = effective
        assert libc.capset(head, sets) == 0
