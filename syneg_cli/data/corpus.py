"""The documents of a data set: converted once to an Arrow file, memory-mapped from then on.

So a corpus may be larger than memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    DatasetError,
    Passage,
    Progress,
    atomic_path,
    content_hash,
    file_hash,
    hash_once,
    write_text,
)
from syneg_cli.data.beir_files import read_documents
from syneg_cli.data.passages import MARK, beside, by_document, document_of
from syneg_cli.data.units import normalised, says_nothing

BATCH_ROWS = 10_000


class Corpus:
    """Documents in file order, memory-mapped. Rows are positions from 0."""

    def __init__(self, table: Any, fingerprint: str, name: str = "") -> None:
        self._table = table
        self._titles, self._texts = table.column("title"), table.column("text")
        self.fingerprint = fingerprint
        self.name = name
        self.ids: list[str] = table.column("id").to_pylist()

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self._rows

    def __getitem__(self, doc_id: str) -> Passage:
        row = self._rows[doc_id]
        return Passage(doc_id, self._titles[row].as_py(), self._texts[row].as_py())

    def row(self, doc_id: str) -> int:
        return self._rows[doc_id]

    def texts(self, rows: Sequence[int] | None = None) -> list[str]:
        """What is encoded (title, space, text) of the given rows, or of all."""
        table = self._table if rows is None else self._table.take(list(rows))
        return [
            f"{title} {text}".strip()
            for title, text in zip(
                table.column("title").to_pylist(), table.column("text").to_pylist(), strict=True
            )
        ]

    def blocks(self, size: int = BATCH_ROWS) -> Iterator[tuple[int, list[str]]]:
        """(first row, texts) of consecutive blocks, so that the whole is never in memory."""
        for start in range(0, len(self), size):
            yield start, self.texts(range(start, min(start + size, len(self))))

    def versions(self) -> Iterator[str]:
        """The folded text (`normalised`) of every document, and with its title before it where it has one."""
        for _, title, text in self._rows_of():
            yield from _versions(title, text)

    def _rows_of(self) -> Iterator[tuple[str, str, str]]:
        """(id, title, text) of every document, block by block."""
        for start in range(0, len(self), BATCH_ROWS):
            ids = self.ids[start : start + BATCH_ROWS]
            parts = (column.slice(start, BATCH_ROWS).to_pylist() for column in (self._titles, self._texts))
            yield from zip(ids, *parts, strict=True)

    def identical(self, doc_id: str) -> frozenset[str]:
        """The ids of all documents with the same text as this one, itself included."""
        return self._identical.get(doc_id, frozenset({doc_id}))

    @cached_property
    def cut(self) -> bool:
        """Whether documents were cut into passages, as their ids say."""
        return any(MARK in doc_id and document_of(doc_id) is not None for doc_id in self.ids)

    def beside(self, doc_id: str) -> frozenset[str]:
        """The passages before and after one, in its document."""
        return frozenset(other for other in beside(doc_id) if other in self)

    def same_document(self, doc_id: str) -> frozenset[str]:
        """All passages of a passage's document; of a document that was not cut itself alone."""
        place = document_of(doc_id)
        return self._passages.get(place[0], frozenset({doc_id})) if place else frozenset({doc_id})

    def with_text(self, wanted: Collection[str]) -> dict[str, frozenset[str]]:
        """Folded text -> the ids of all documents with that text, with or without their title.

        Args:
            wanted: the folded texts (`normalised`) that are looked for, in one pass over the corpus.
        """
        found: dict[str, set[str]] = {}
        for doc_id, title, text in self._rows_of() if wanted else ():
            for folded in _versions(title, text):
                if folded in wanted:
                    found.setdefault(folded, set()).add(doc_id)
        return {folded: frozenset(ids) for folded, ids in found.items()}

    @cached_property
    def empty(self) -> frozenset[str]:
        """The ids of the documents in which nothing can be read: see `says_nothing`."""
        return frozenset(
            self.ids[start + offset]
            for start, texts in self.blocks()
            for offset, text in enumerate(texts)
            if says_nothing(text)
        )

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {doc_id: row for row, doc_id in enumerate(self.ids)}

    @cached_property
    def _passages(self) -> dict[str, frozenset[str]]:
        return by_document(self.ids)

    @cached_property
    def _identical(self) -> dict[str, frozenset[str]]:
        groups: dict[bytes, list[str]] = {}
        for start, texts in self.blocks():
            for offset, text in enumerate(texts):
                digest = hashlib.blake2b(normalised(text).encode(), digest_size=12).digest()
                groups.setdefault(digest, []).append(self.ids[start + offset])
        return {doc_id: frozenset(same) for same in groups.values() if len(same) > 1 for doc_id in same}


def _versions(title: str, text: str) -> tuple[str, ...]:
    """A document's folded text, and where it has a title that with it."""
    alone = normalised(text)
    if not title:
        return (alone,)
    if title.isascii() and text.isascii():  # nothing joins across the blank between them
        return alone, f"{normalised(title)} {alone}".strip()
    return alone, normalised(f"{title} {text}")


def open_corpus(files: Sequence[Path], cache: Path, name: str, progress: Progress) -> Corpus:
    """The corpus of a data set, from its Arrow copy if it has one (known by the files' content).

    Raises:
        DatasetError: as `read_documents` does.
    """
    fingerprint = files_hash(files)
    arrow = cache / f"{fingerprint[:24]}.arrow"
    table = _opened(arrow)
    if table is None:
        if arrow.exists():
            progress.warn(f"{arrow} is damaged; it is made again")
        _convert(read_documents(files, progress.warn), arrow, f"Reading {files[0].name}", progress)
        table = _opened(arrow)
    if table is None:
        raise DatasetError(f"{arrow} cannot be read back.", hint="Is the disk in order?")
    return Corpus(table, fingerprint, name)


def _opened(arrow: Path) -> Any | None:
    """The table of an Arrow copy; None if there is none that is as it was written.

    The hash of a copy is beside it; an earlier version wrote none.
    """
    import pyarrow as pa

    try:
        kept = _sum_of(arrow)
        if kept.is_file() and kept.read_text(encoding="utf-8") != hash_once(arrow):
            return None
        table = pa.ipc.open_file(pa.memory_map(str(arrow))).read_all()
        table.validate()
        return table if table.schema == _schema() else None
    except (OSError, ValueError):  # pyarrow's errors are ValueErrors
        return None


def _sum_of(arrow: Path) -> Path:
    return arrow.with_suffix(".sha256")


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.large_string()) for name in ("id", "title", "text")])


def files_hash(files: Sequence[Path]) -> str:
    """The content hash of one file, or of several in their order."""
    hashes = [file_hash(file) for file in files]
    return hashes[0] if len(hashes) == 1 else content_hash(hashes)


def _convert(documents: Iterable[tuple[str, str, str]], arrow: Path, title: str, progress: Progress) -> None:
    import pyarrow as pa

    schema, rest = _schema(), iter(documents)
    with atomic_path(arrow) as temporary:
        with (
            progress.task(title, None, "docs") as advance,
            pa.OSFile(str(temporary), "wb") as sink,
            pa.ipc.new_file(sink, schema) as writer,
        ):
            while rows := list(islice(rest, BATCH_ROWS)):
                writer.write_batch(_record_batch(rows, schema))
                advance(len(rows))
        write_text(_sum_of(arrow), file_hash(temporary))  # first: the same documents make the same copy


def _record_batch(rows: list[tuple[str, str, str]], schema: Any) -> Any:
    import pyarrow as pa

    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.record_batch([pa.array(column, pa.large_string()) for column in columns], schema=schema)
