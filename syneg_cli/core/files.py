"""Files: written whole or not at all, and hashed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; what still has that name at the end is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name to write to; it becomes `path` when the block ends without an error."""
    with beside(path) as temporary:
        yield temporary
        sync(temporary)
        temporary.replace(path)


def sync(path: Path) -> None:
    """Until a file's content is on disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only when it is complete and on disk."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def write_text(path: Path, text: str) -> None:
    with atomic_writer(path) as file:
        file.write(text)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass records or dicts, one JSON object a line; returns how many."""
    count = 0
    with atomic_writer(path) as file:
        for row in rows:
            data = row if isinstance(row, dict) else asdict(row)
            file.write(json.dumps(data, ensure_ascii=False, separators=(", ", ": ")) + "\n")
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
