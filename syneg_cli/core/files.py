"""Files: written whole or not at all, and hashed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from time import time
from typing import IO, Any

BLOCK = 1 << 18
"""Bytes that are written at a time."""

LEFT_BEHIND = 24 * 3600
"""Seconds after which a temporary file that nobody writes to was left by a process that is gone."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A new, empty file beside `path`, under a name that nobody can guess; at the end it is removed.

    What killed processes left of the same target is removed, too, once it is a day old.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    temporary = path.with_name(f".{_short(path)}.{secrets.token_hex(8)}.tmp")
    # Never through a link, nor into a file that is there.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
    except OSError as error:
        if error.filename is None and error.errno:  # of a write: it names no file
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _short(path: Path) -> str:
    """The beginning of a name: with what is added to it, it may not be too long for the disk."""
    return path.name[:40]


def _tidy(path: Path) -> None:
    left = re.compile(rf"\.{re.escape(_short(path))}\.[0-9a-f]{{16}}\.tmp")
    for file in [file for file in path.parent.iterdir() if left.fullmatch(file.name)]:
        with suppress(FileNotFoundError):  # another process may be done with it
            if time() - file.lstat().st_mtime > LEFT_BEHIND:
                file.unlink()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name to write to; it becomes `path` when the block ends without an error."""
    with beside(path) as temporary:
        yield temporary
        sync(temporary)
        temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Until a file's content, or the names in a folder, are on disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot say
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Until a folder with all that is in it is on disk."""
    for child in sorted(folder.rglob("*")):
        sync(child)
    sync(folder)


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only when it is complete and on disk."""
    with atomic_path(path) as temporary, temporary.open("w", BLOCK, "utf-8", newline="\n") as file:
        yield file


def write_text(path: Path, text: str) -> None:
    with atomic_writer(path) as file:
        file.write(text)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one for every row


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass records or dicts, one JSON object a line; returns how many."""
    count = 0
    with atomic_writer(path) as file:
        for row in rows:
            data = row if isinstance(row, dict) else asdict(row)
            file.write(_encode(data) + "\n")
            count += 1
    return count


def file_hash(path: Path) -> str:
    """sha256 of a file, or of the files of a folder with their relative names."""
    digest = hashlib.sha256()
    if path.is_dir():
        for child in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(str(child.relative_to(path)).encode() + b"\0" + bytes.fromhex(file_hash(child)))
        return digest.hexdigest()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_hash(value: Any) -> str:
    """sha256 of the canonical JSON of a value."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def hash_once(path: Path) -> str:
    """sha256 of a file; read once a process as long as its size and time do not change."""
    stat = path.stat()
    return _hash_once(str(path.resolve()), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _hash_once(path: str, number: int, size: int, modified: int) -> str:
    return file_hash(Path(path))
