"""Rows of CSV and TSV files as spreadsheets save them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from syneg_cli.core import DatasetError
from syneg_cli.data.decoding import Lines, utf8_lines
from syneg_cli.data.tables import place

MARKS = ",;\t|"


def is_csv(path: Path) -> bool:
    """Whether a file is called a CSV, gzipped or not."""
    return path.name.lower().removesuffix(".gz").endswith(".csv")


def delimited_rows(path: Path, lines: Lines = utf8_lines) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that has a cell, the first with names too.

    A TSV's cells are what stands between its tabs; a CSV's may be quoted, and its delimiter is that of
    `MARKS` that the first line has most of.

    Args:
        lines: reads the file; `decoded_lines` those that are not in UTF-8.

    Raises:
        DatasetError: it cannot be read or decoded, or a row is none.
    """
    csv.field_size_limit(sys.maxsize)
    numbered = lines(path)
    first = next(numbered, None)
    if first is None:
        return
    again = (f"{line}\n" for _, line in chain([first], numbered))
    if is_csv(path):
        reader = csv.reader(again, delimiter=max(MARKS, key=first[1].count), strict=True)
    else:
        reader = csv.reader(again, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        for cells in filter(None, reader):
            yield reader.line_num, cells
    except csv.Error as wrong:
        raise DatasetError(
            f"{place(path, reader.line_num)}: no row of a table: {wrong}.",
            hint="Is a quotation mark missing?",
        ) from None
