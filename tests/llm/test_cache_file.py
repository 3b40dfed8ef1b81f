"""The cache's file, where it is damaged: refused in a sentence, and let go of."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syneg_cli.core import SynegError
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.ledger import Caps
from syneg_cli.llm.stored import Stored


def with_schema(path: Path, change: str) -> None:
    """A cache whose schema is damaged by an UPDATE of it."""
    Cache(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        assert database.execute(f"UPDATE sqlite_master {change}").rowcount == 1


def test_a_damaged_cache_is_let_go_of_whoever_keeps_the_error(tmp_path: Path) -> None:
    """In a notebook the error stays: whoever puts a copy in the file's place would wait a minute for its lock."""
    path = tmp_path / "g.db"
    Cache(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    copy = path.read_bytes()
    with_schema(path, "SET name = CAST(X'ff' AS TEXT), tbl_name = name WHERE name = 'answers'")
    with pytest.raises(SynegError) as kept:
        Cache(path)
    path.write_bytes(copy)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        (mode,) = other.execute(
            "PRAGMA journal_mode = WAL"
        ).fetchone()  # refused while anyone else has it open
    assert mode == "wal"
    assert str(path) in kept.value.message


def test_a_closed_cache_is_let_go_of_while_its_rows_are_held(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with Cache(path) as cache:
        for key in "ab":
            cache.record(Stored(key, "ok", "p", "m", "e", "syneg", "q", "d", "x"), job="j")
        rows = cache.rows()
        assert next(rows).key == "a"
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        (mode,) = other.execute("PRAGMA journal_mode = DELETE").fetchone()  # refused while anyone has it open
    assert mode == "delete"
    del rows


def test_migrations_in_a_table_of_another_shape_are_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "g.db"
    with_schema(path, "SET sql = replace(sql, 'applied_at', 'applied_ax') WHERE name = '_sqlite_migrations'")
    with pytest.raises(SynegError, match=f"^{path} is a damaged database"):
        Cache(path)


@pytest.mark.parametrize(
    ("column", "value"),
    [("owner", b"\xff"), ("owner", ""), ("until", "x"), ("reserved", "x"), ("job", b"\xff")],
)
@pytest.mark.parametrize("owner", ["batch:t", "elsewhere/b/n:x:3.4"])
def test_a_damaged_claim_stops_nobody(tmp_path: Path, column: str, value: object, owner: str) -> None:
    path = tmp_path / "g.db"
    Cache(path).close()
    claim = {"key": "k", "owner": owner, "until": 9e9, "job": "j", "reserved": 0.1, column: value}
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?)", list(claim.values()))
    with Cache(path) as cache:
        assert cache.claim("other", job="j", reserve=0.1, caps=Caps(1.0, 10)) is None
        held = cache.ledger.holder("k")
        assert (held is None) == ((isinstance(value, bytes) and column == "owner") or column == "until")


@pytest.mark.parametrize(
    ("column", "value"), [("calls", "x"), ("spent_usd", b"\xff"), ("lost_usd", "x"), ("spent_usd", 1e999)]
)
def test_an_account_that_is_no_number_is_not_guessed(tmp_path: Path, column: str, value: object) -> None:
    path = tmp_path / "g.db"
    Cache(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"INSERT INTO jobs (job, {column}) VALUES ('j', ?)", [value])
    with (
        Cache(path) as cache,
        pytest.raises(SynegError, match=f"is damaged: the {column} of a job is") as raised,
    ):
        cache.claim("k", job="j", reserve=0.1, caps=Caps(1.0, 10))
    assert raised.value.hint
