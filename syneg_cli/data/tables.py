"""The rows of JSONL and Parquet files, and what is the same in both: ids and texts."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, SynegError, Told, field_names, is_parquet, json_lines


def table_rows(
    path: Path, error: type[SynegError] = DatasetError, *, hint: str | None = None, told: Told | None = None
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(place, number from 1, row) of a JSONL or Parquet file; what it holds says which, not its name.

    A place is `corpus.jsonl, line 3` or `corpus.parquet, row 3`.

    Raises:
        error: the file is damaged, or a line is no JSON object.
    """
    if is_table(path):
        for number, row in enumerate(parquet_rows(path, error, hint=hint), start=1):
            yield place(path, number, "row"), number, row
    else:
        for number, row in json_lines(path, error, hint=hint, told=told):
            yield place(path, number), number, row


def is_table(path: Path) -> bool:
    """Whether a file is Parquet, or is called so."""
    return path.suffix == ".parquet" or is_parquet(path)


def place(path: Path, number: int, unit: str = "line") -> str:
    """`corpus.jsonl, line 3`."""
    return f"{path}, {unit} {number}"


def parquet_rows(
    path: Path, error: type[SynegError] = DatasetError, *, hint: str | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, block by block.

    Raises:
        error: it is not one, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as wrong:
        reason = " ".join(str(wrong).split())
        raise error(
            f"{path} is not a Parquet file, or damaged: {reason}.",
            hint=hint or "Fetch or write the file again.",
        ) from None


def id_of(row: Mapping[str, Any], keys: tuple[str, ...], where: str, expected: str) -> str:
    """The id under the first of `keys` that the row has; a whole number is taken as its text.

    Raises:
        DatasetError: there is none, or it is something that no line of a qrels file can name.
    """
    key = next((key for key in keys if row.get(key) is not None), keys[0])
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        found = f"it is {reprlib.repr(value)}" if key in row else f"the line has {field_names(row)}"
        raise DatasetError(
            f"{where}: {key!r} has to be a string or a whole number; {found}.", hint=f"Expected: {expected}"
        )
    name = value.strip()
    if not name or any(character in name for character in "\t\r\n"):
        raise DatasetError(
            f"{where}: {value!r} is no usable id.", hint="An id is not empty and has no tabs and line breaks."
        )
    return name


def text_of(row: Mapping[str, Any], key: str, where: str, expected: str) -> str:
    """The text under a key.

    Raises:
        DatasetError: it is no string.
    """
    value = row.get(key)
    if not isinstance(value, str):
        found = f"it is {reprlib.repr(value)}" if key in row else f"the line has {field_names(row)}"
        raise DatasetError(f"{where}: {key!r} has to be a string; {found}.", hint=f"Expected: {expected}")
    return value
