"""What vectors that were paid for have beside them in the cache: which text each is of, and what they cost.

    <cache>/<key>/texts            16 bytes a vector: the hash of the text as it is sent
    <cache>/<key>/paid.jsonl       a line for each request: tokens, and US dollars (null: unpriced)

So a text is paid for once, whichever corpus, query list or check it comes in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core import sync
from syneg_cli.encoding.vector_store import Store, described

if TYPE_CHECKING:
    import numpy as np

HASH_BYTES = 16
BLOCK = 4096
"""Vectors that are copied at a time."""


@dataclass(frozen=True)
class Paid:
    """What the requests for an entry's vectors took; `usd` is None where one was unpriced."""

    requests: int = 0
    tokens: int = 0
    usd: float | None = 0.0


def text_hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()


def entries_of(cache: Path, encoder: str) -> Iterator[Store]:
    """Everything that an encoder, by fingerprint, was asked for."""
    for folder in sorted(cache.iterdir()) if cache.is_dir() else []:
        about = described(folder)
        if about.get("encoder") != encoder or not (folder / "texts").is_file():
            continue
        try:
            rows, columns = map(int, about["shape"])
            store = Store(folder, (rows, columns), int(about["block_rows"]))
        except (KeyError, TypeError, ValueError):
            continue  # damaged: opening it makes it again
        if store.is_sound() and (folder / "texts").stat().st_size == rows * HASH_BYTES:
            yield store


def dimension_of(cache: Path, encoder: str) -> int | None:
    """How long the vectors of an encoder are, as far as the cache knows."""
    return next((store.shape[1] for store in entries_of(cache, encoder)), None)


def known_vectors(
    cache: Path, encoder: str, wanted: Collection[bytes]
) -> Iterator[tuple[list[bytes], np.ndarray]]:
    """(hashes of texts, their vectors) of those wanted that the cache has, whole, in any entry."""
    left = set(wanted)
    for store in entries_of(cache, encoder):
        if not left:
            return
        read = (store.folder / "texts").read_bytes()
        hashes = [read[at : at + HASH_BYTES] for at in range(0, len(read), HASH_BYTES)]
        open_ = set(store.pending())
        first = {one: row for row, one in enumerate(hashes) if one in left and row not in open_}
        broken = set(store.damaged(sorted(first.values())))
        rows = sorted(row for row in first.values() if row not in broken)
        left.difference_update(hashes[row] for row in rows)
        vectors = store.vectors()
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            yield [hashes[row] for row in part], vectors[part]


def write_rows(store: Store, vectors: Mapping[int, np.ndarray]) -> None:
    """Save row -> vector, in a store of one row a block: as few writes as the rows allow."""
    import numpy as np

    for run in _runs(sorted(vectors)):
        store.write(run[0], np.stack([vectors[row] for row in run]))


def _runs(rows: Sequence[int]) -> Iterator[list[int]]:
    """Rows in stretches without a gap."""
    run: list[int] = []
    for row in rows:
        if run and row != run[-1] + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def note_paid(folder: Path, tokens: int, usd: float | None) -> None:
    """Add a request to what an entry cost."""
    with (folder / "paid.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps({"tokens": tokens, "usd": usd}))  # behind a line that a crash cut off
    sync(folder / "paid.jsonl")


def paid_for(folder: Path) -> Paid | None:
    """What an entry cost; None for a model that runs here. A line that a crash cut off is none."""
    try:
        lines = (folder / "paid.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    requests, tokens, usd, priced = 0, 0, 0.0, True
    for line in lines:
        try:
            one = json.loads(line)
            tokens, priced = tokens + int(one["tokens"]), priced and one["usd"] is not None
            usd += float(one["usd"] or 0.0)
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        requests += 1
    return Paid(requests, tokens, usd if priced else None)
