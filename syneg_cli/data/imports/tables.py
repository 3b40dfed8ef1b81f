"""Documents in the rows of a table: JSONL, CSV, TSV, Parquet, and what a database answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Told, UsageError, did_you_mean, field_names
from syneg_cli.data.decoding import Lines, utf8_lines
from syneg_cli.data.delimited import delimited_rows
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.imports.text import Document, plain
from syneg_cli.data.tables import id_of, place, table_rows
from syneg_cli.data.units import is_blank

USUAL: dict[str, tuple[str, ...]] = {
    "id": (
        "_id",
        "id",
        "doc_id",
        "docid",
        "doc-id",
        "document_id",
        "passage_id",
        "chunk_id",
        "pid",
        "corpus-id",
        "uid",
        "key",
        "url",
    ),
    "title": ("title", "name", "headline", "heading", "subject"),
    "text": ("text", "body", "content", "contents", "passage", "document", "abstract", "description"),
}
"""What columns are usually called, the likeliest first."""

WRONG = "\0"
"""No column is called so: why a row is none."""

LOOKED_AT = 100
"""Rows whose columns are known before the first document is read: in JSONL, not every row has every one."""

Row = tuple[str, int, dict[str, Any]]
"""(place for messages, number from 1, column -> value)"""


@dataclass(frozen=True)
class Columns:
    """Which columns hold what; None: guessed."""

    id: str | None = None
    title: str | None = None
    text: str | None = None


def table(path: Path, told: Told | None = None, lines: Lines = utf8_lines) -> Iterator[Row]:
    """The rows of a JSONL, CSV, TSV or Parquet file; the first three also gzipped.

    Args:
        lines: reads a CSV or TSV.

    Raises:
        DatasetError: the file is damaged.
    """
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    return named_cells(path, lines) if kind in (".csv", ".tsv") else table_rows(path, told=told)


def named_cells(path: Path, lines: Lines = utf8_lines) -> Iterator[Row]:
    """Rows by the names in the first line; one with more or fewer cells says so under `WRONG`."""
    rows = delimited_rows(path, lines)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    if double := {name for name in header if name and header.count(name) > 1}:
        raise DatasetError(
            f"{place(path, 1)}: two columns are called {min(double)!r}.", hint="Rename one of them."
        )
    for number, (line, cells) in enumerate(rows, start=1):
        row = dict(zip(header, cells, strict=False))
        if len(cells) != len(header):
            row[WRONG] = f"it has {len(cells)} cells, and the first line {len(header)}"
        yield place(path, line), number, row


def documents(rows: Iterable[Row], columns: Columns, tally: Tally, called: str) -> Iterator[Document]:
    """The document of each row; a row without text is left out by name.

    Args:
        called: the table, as messages name it.

    Raises:
        UsageError: no column is the text, or a named one is not there.
        DatasetError: a row has no usable id, or one that was used already.
    """
    rest = iter(rows)
    head = list(islice(rest, LOOKED_AT))
    if not head:
        raise DatasetError(f"{called} has no rows.", hint="Name a table with a document in each row.")
    names = {name: None for _, _, row in head for name in row if name != WRONG}
    id_column, title_column, text_column = (
        _column(role, getattr(columns, role), names, called) for role in USUAL
    )
    found = {"id": id_column, "title": title_column, "text": text_column}
    tally.columns = {role: name for role, name in found.items() if name}
    tally.guessed = [role for role in tally.columns if getattr(columns, role) is None]
    seen: dict[str, int] = {}
    for where, number, row in chain(head, rest):
        if why := _wrong(row, row.get(text_column)):
            tally.leave_out(f"row {number}", why)
            continue
        doc_id = id_of(row, (id_column,), where, "an id in every row.") if id_column else str(number)
        if doc_id in seen:
            raise DatasetError(
                f"{where}: the id {doc_id!r} was used in row {seen[doc_id]} already.",
                hint="Ids have to differ: name another column with --id-column.",
            )
        seen[doc_id] = number
        title = row.get(title_column) if title_column else None
        shown = "" if title is None else " ".join(str(title).split())
        yield plain(doc_id, shown, row[text_column], about={"row": number})


def _wrong(row: Mapping[str, Any], text: object) -> str:
    """Why a row is no document; "" where it is one."""
    if WRONG in row:
        return str(row[WRONG])
    if text is None or (isinstance(text, str) and is_blank(text)):
        return "no text in it"
    return "" if isinstance(text, str) else "its text is no text"


def _column(role: str, given: str | None, row: Mapping[str, Any], called: str) -> str:
    """The column of a role; "" where there is none and none is needed."""
    if given is not None:
        if given not in row:
            raise UsageError(
                f"{called} has no column {given!r}.{did_you_mean(given, list(row))}",
                hint=f"It has: {field_names(row)}.",
            )
        return given
    plainly = {name.lower().strip(): name for name in reversed(list(row))}
    found = next((plainly[name] for name in USUAL[role] if name in plainly), "")
    if not found and role == "text":
        raise UsageError(
            f"{called} has no column that is called as texts usually are; it has: {field_names(row)}.",
            hint="Name it with --text-column; the first line of a CSV or TSV holds the names.",
        )
    return found
