"""What a query of an SQLite or DuckDB file answers, row by row; the file is never written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from syneg_cli.core import DatasetError, UsageError, copied, has_log, install
from syneg_cli.data.imports.tables import Row

INSTALL = install("syneg[duckdb]")
EXAMPLE = '--query "SELECT id, title, body AS text FROM articles"'
BLOCK = 1000
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name",
    "duckdb": "SELECT table_name FROM information_schema.tables ORDER BY table_name",
}


def is_duckdb(path: Path) -> bool:
    """Whether a database is DuckDB's, by its first bytes, whatever it is called."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"


def answered(path: Path, query: str | None) -> Iterator[Row]:
    """The rows that a database answers to a query.

    Raises:
        UsageError: there is no query, or it is no SELECT.
        DatasetError: the file is no database, or the query is wrong.
    """
    rows = _duckdb if is_duckdb(path) else _sqlite
    if not query:
        tables = [
            str(row["name"])
            for _, _, row in rows(path, TABLES["duckdb" if rows is _duckdb else "sqlite"], "name")
        ]
        raise UsageError(
            f"{path} is a database: which rows are documents? It has: {', '.join(tables) or 'no tables'}.",
            hint=EXAMPLE,
        )
    return rows(path, query)


def _sqlite(path: Path, query: str, *names: str) -> Iterator[Row]:
    def allow(action: int, *_: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK

    try:
        with _opened(path.resolve()) as opened:
            opened.execute("PRAGMA query_only = ON")
            opened.set_authorizer(allow)
            cursor = opened.execute(query)
            yield from _rows(path, cursor, names)
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as wrong:
        raise _failed(path, wrong) from None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database with all that its log holds, also where SQLite may not write beside it."""
    address = f"file:{quote(str(path))}?mode=ro"
    with ExitStack() as stack:
        opened = stack.enter_context(closing(sqlite3.connect(address, uri=True)))
        try:
            opened.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as wrong:
            if any(word in str(wrong) for word in ("locked", "syntax")):
                raise
            if has_log(path):
                place = Path(stack.enter_context(copied(path, str(wrong)))) / path.name
                opened = stack.enter_context(closing(sqlite3.connect(place)))
            else:  # nothing but the file, in a mode that wants a log
                opened = stack.enter_context(closing(sqlite3.connect(f"{address}&immutable=1", uri=True)))
        yield opened


def _duckdb(path: Path, query: str, *names: str) -> Iterator[Row]:
    try:
        import duckdb
    except ImportError:
        raise DatasetError(
            f"{path} is a DuckDB file, and duckdb is not installed.", hint=f"Run `{INSTALL}`."
        ) from None
    try:
        with duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"}) as opened:
            yield from _rows(path, opened.execute(query), names)
    except duckdb.Error as wrong:
        raise _failed(path, wrong) from None


def _rows(path: Path, cursor: Any, names: tuple[str, ...]) -> Iterator[Row]:
    if cursor.description is None:
        raise UsageError(f"{path}: the query answers no rows.", hint=f"It has to be a SELECT: {EXAMPLE}")
    columns = names or tuple(str(column[0]) for column in cursor.description)
    number = 0
    while block := cursor.fetchmany(BLOCK):
        for values in block:
            number += 1
            yield f"{path}, row {number} of the query", number, dict(zip(columns, values, strict=True))


def _failed(path: Path, wrong: Exception) -> DatasetError:
    return DatasetError(f"{path}: {' '.join(str(wrong).split())}", hint=f"Correct the query, as in {EXAMPLE}")
