"""Corpus vectors on disk: one memory-mapped array for each (encoder, corpus).

    <cache>/<key>/entry.json       what it is: encoder, corpus, shape, block size
    <cache>/<key>/vectors.npy      (documents, d) float32
    <cache>/<key>/finished         one byte a block, set after the block is on disk

The key holds the encoder's fingerprint (weights, prompts, length, precision, ...), so a
retrained model never meets old vectors. A killed run goes on at its first unfinished block.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.artifacts import content_hash, write_text

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Store:
    """One entry of the cache, open for writing blocks and reading all."""

    folder: Path
    shape: tuple[int, int]
    block_rows: int

    def pending(self) -> list[int]:
        """The first rows of the blocks that are not on disk yet."""
        finished = (self.folder / "finished").read_bytes()
        return [block * self.block_rows for block, done in enumerate(finished) if not done]

    def write(self, start: int, block: np.ndarray) -> None:
        """Save the block that starts at row `start`, then mark it: never the other way round.

        Several processes may write different blocks: only the block's own bytes are touched.
        """
        import numpy as np

        rows = np.ascontiguousarray(block, dtype=np.float32)
        offset = np.load(self.folder / "vectors.npy", mmap_mode="r").offset
        _overwrite(self.folder / "vectors.npy", offset + start * self.shape[1] * 4, rows.tobytes())
        _overwrite(self.folder / "finished", start // self.block_rows, b"\1")

    def finish(self) -> None:
        """Say in entry.json that every block is there."""
        entry = json.loads((self.folder / "entry.json").read_text(encoding="utf-8"))
        write_text(self.folder / "entry.json", json.dumps(entry | {"complete": True}, indent=2) + "\n")

    def vectors(self) -> np.ndarray:
        """(documents, d) float32, read-only and memory-mapped."""
        import numpy as np

        mapped: np.ndarray = np.load(self.folder / "vectors.npy", mmap_mode="r")
        return mapped


def _overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as target:
        target.seek(offset)
        target.write(data)
        target.flush()
        os.fsync(target.fileno())


def open_store(cache: Path, encoder: str, corpus: str, shape: tuple[int, int], block_rows: int) -> Store:
    """The entry for an encoder and a corpus (by fingerprint), made if it is not there."""
    key = content_hash([encoder, corpus, shape, block_rows])[:24]
    store = Store(cache / key, shape, block_rows)
    if not (store.folder / "entry.json").is_file():
        _create(store, encoder, corpus)
    return store


def _create(store: Store, encoder: str, corpus: str) -> None:
    import numpy as np

    store.folder.mkdir(parents=True, exist_ok=True)
    blocks = -(-store.shape[0] // store.block_rows)
    np.lib.format.open_memmap(
        store.folder / "vectors.npy", mode="w+", dtype=np.float32, shape=store.shape
    ).flush()
    (store.folder / "finished").write_bytes(bytes(blocks))
    entry = {
        "encoder": encoder,
        "corpus": corpus,
        "shape": store.shape,
        "block_rows": store.block_rows,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "complete": False,
    }
    write_text(store.folder / "entry.json", json.dumps(entry, indent=2) + "\n")


@dataclass(frozen=True)
class Entry:
    """What a listing shows of one set of vectors. `bytes` is its size on disk."""

    folder: Path
    encoder: str
    corpus: str
    documents: int
    dimension: int
    bytes: int
    complete: bool
    created: str


def entries(cache: Path) -> list[Entry]:
    """Everything in the embedding cache, oldest first."""
    found = [_entry(file) for file in sorted(cache.glob("*/entry.json"))] if cache.is_dir() else []
    return sorted(found, key=lambda entry: entry.created)


def _entry(file: Path) -> Entry:
    data = json.loads(file.read_text(encoding="utf-8"))
    size = sum(part.stat().st_size for part in file.parent.iterdir())
    rows, columns = data["shape"]
    return Entry(
        file.parent, data["encoder"], data["corpus"], rows, columns, size, data["complete"], data["created"]
    )


def prune(cache: Path, *, keep: Sequence[Entry] = ()) -> list[Entry]:
    """Delete all entries but those to keep; returns what was deleted."""
    kept = {entry.folder for entry in keep}
    gone = [entry for entry in entries(cache) if entry.folder not in kept]
    for entry in gone:
        shutil.rmtree(entry.folder)
    return gone
