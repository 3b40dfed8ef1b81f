"""Vectors of one encoder for one corpus, on disk: written block by block, and checked when they are opened.

    <cache>/<key>/entry.json       what it is: encoder, corpus, shape, block size, labels
    <cache>/<key>/vectors.npy      (documents, d) float32
    <cache>/<key>/sums             8 bytes a block: the hash of what it has to be; zeros in earlier versions
    <cache>/<key>/finished         one byte a block, set after the block and its hash are on disk

The key holds the encoder's fingerprint (weights, prompts, length, precision, ...), so a
retrained model never meets old vectors. A killed run goes on at its first unfinished block.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import NoProgress, Progress, content_hash, locked, sync, sync_tree

if TYPE_CHECKING:
    import numpy as np

SUM_BYTES = 8
HALF_MADE = ".new-"
"""How the folder of an entry begins that is being made."""

_looked_at: dict[Path, tuple[int, int]] = {}
"""Folder -> size and time of the vectors that this process has found as they were written."""


@dataclass(frozen=True)
class Labels:
    """What a person calls an entry. No part of its key: the same vectors may have several names."""

    model: str | None = None
    precision: str | None = None
    max_length: int | None = None
    texts: str | None = None
    """The data set, or "queries"."""


@dataclass(frozen=True)
class Store:
    """One entry of the cache, open for writing blocks and reading all."""

    folder: Path
    shape: tuple[int, int]
    block_rows: int

    @property
    def blocks(self) -> int:
        return -(-self.shape[0] // self.block_rows)

    def pending(self) -> list[int]:
        """The first rows of the blocks that are not on disk yet."""
        finished = (self.folder / "finished").read_bytes()
        return [block * self.block_rows for block, done in enumerate(finished) if not done]

    def write(self, start: int, block: np.ndarray) -> None:
        """Save the block (or several) from row `start` on, then mark it: never the other way round.

        Several processes may write different blocks: only the block's own bytes are touched.
        """
        import numpy as np

        rows, number = np.ascontiguousarray(block, dtype=np.float32), start // self.block_rows
        parts = [rows[at : at + self.block_rows] for at in range(0, len(rows), self.block_rows)]
        offset = np.load(self.folder / "vectors.npy", mmap_mode="r").offset
        _overwrite(self.folder / "vectors.npy", offset + start * self.shape[1] * 4, rows.tobytes())
        sums = b"".join(_sum(part.tobytes()) for part in parts)
        _overwrite(self.folder / "sums", number * SUM_BYTES, sums)
        _overwrite(self.folder / "finished", number, b"\1" * len(parts))

    def vectors(self) -> np.ndarray:
        """(documents, d) float32, read-only and memory-mapped."""
        import numpy as np

        mapped: np.ndarray = np.load(self.folder / "vectors.npy", mmap_mode="r")
        return mapped

    def is_sound(self) -> bool:
        """Whether all its files are there and of the right shape."""
        import numpy as np

        try:
            described = json.loads((self.folder / "entry.json").read_text(encoding="utf-8"))
            finished, vectors = (self.folder / "finished").read_bytes(), self.vectors()
            sums = self.folder / "sums"
            return (
                isinstance(described, dict)
                and len(finished) == self.blocks
                and (vectors.shape, vectors.dtype) == (self.shape, np.dtype(np.float32))
                and (not sums.exists() or sums.stat().st_size == self.blocks * SUM_BYTES)
            )
        except (OSError, ValueError):
            return False

    def damaged(self, numbers: Sequence[int] | None = None) -> list[int]:
        """The numbers of the blocks (all, or some) that are marked as finished and are not as written."""
        import numpy as np

        vectors, sums = self.vectors(), self.folder / "sums"
        kept = sums.read_bytes() if sums.exists() else bytes(self.blocks * SUM_BYTES)
        found, finished = [], (self.folder / "finished").read_bytes()
        for number in range(len(finished)) if numbers is None else numbers:
            if not finished[number]:
                continue
            rows = vectors[number * self.block_rows : (number + 1) * self.block_rows]
            wanted = kept[number * SUM_BYTES : (number + 1) * SUM_BYTES]
            right = _sum(rows.tobytes()) == wanted if any(wanted) else bool(np.isfinite(rows).all())
            if not right:
                found.append(number)
        return found


def described(folder: Path) -> dict[str, Any]:
    """What the entry in a folder says of itself; nothing where it says nothing, or what cannot be read."""
    try:
        loaded = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _sum(rows: bytes) -> bytes:
    return blake2b(rows, digest_size=SUM_BYTES).digest()


def _overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as target:
        target.seek(offset)
        target.write(data)
        target.flush()
        os.fsync(target.fileno())


def open_store(
    cache: Path,
    encoder: str,
    corpus: str,
    shape: tuple[int, int],
    block_rows: int,
    labels: Labels | None = None,
    *,
    check: bool = True,
    progress: Progress | None = None,
) -> Store:
    """The entry for an encoder and a corpus (by fingerprint), made if it is not there.

    Args:
        check: look for damage, and make what is damaged pending again; of several processes one does.
        progress: is told of it.
    """
    key, told = content_hash([encoder, corpus, shape, block_rows])[:24], progress or NoProgress()
    store, labels = Store(cache / key, shape, block_rows), labels or Labels()
    if check and not store.is_sound():
        if (store.folder / "entry.json").exists():
            told.warn(f"the vectors of {labels.texts or key} are damaged; they are made again")
        _create(store, {"encoder": encoder, "corpus": corpus, **asdict(labels)}, told)
    if check:
        _mend(store, labels, told)
    with suppress(OSError):  # a cache that others own may be read all the same
        (store.folder / "entry.json").touch()
    return store


def _create(store: Store, about: dict[str, Any], progress: Progress) -> None:
    """Make an entry without vectors, in one step: others may look for it, or make it, at the same time."""
    import numpy as np

    cache = store.folder.parent
    with locked(cache / ".lock", "embeddings", progress):
        if store.is_sound():
            return
        for left in cache.glob(f"{HALF_MADE}*"):
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=HALF_MADE, dir=cache))
        made = fresh / "entry"
        made.mkdir()
        np.lib.format.open_memmap(
            made / "vectors.npy", mode="w+", dtype=np.float32, shape=store.shape
        ).flush()
        (made / "finished").write_bytes(bytes(store.blocks))
        (made / "sums").write_bytes(bytes(store.blocks * SUM_BYTES))
        created = datetime.now(timezone.utc).isoformat(timespec="seconds")
        entry = {**about, "shape": store.shape, "block_rows": store.block_rows, "created": created}
        (made / "entry.json").write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
        sync_tree(made)
        if store.folder.exists():
            store.folder.rename(fresh / "damaged")
        made.rename(store.folder)
        sync(cache)
        shutil.rmtree(fresh, ignore_errors=True)


def _mend(store: Store, labels: Labels, progress: Progress) -> None:
    """Blocks that are not what was written are pending again."""
    stat = (store.folder / "vectors.npy").stat()
    seen = stat.st_size, stat.st_mtime_ns
    if _looked_at.get(store.folder) == seen:
        return
    damaged = store.damaged()
    if damaged:
        progress.warn(
            f"{len(damaged)} of {store.blocks} blocks of the vectors of {labels.texts or store.folder.name} "
            "are damaged; they are made again"
        )
    for number in damaged:
        _overwrite(store.folder / "finished", number, b"\0")
    if not (store.folder / "sums").exists():  # an earlier version's
        with suppress(OSError):
            (store.folder / "sums").write_bytes(bytes(store.blocks * SUM_BYTES))
    _looked_at[store.folder] = seen
