"""The cache's SQLite file: opened as ours or refused, and every failure of it in one true sentence."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any
from weakref import WeakSet

from syneg_cli.core import SynegError, copied, has_log, make_private, sync_log

APPLICATION = 0x53594E47
""" "SYNG" in the file's head (sqlite.org/fileformat.html, application_id)."""

OURS = {"answers", "_sqlite_migrations"}
"""Tables of every cache, also of those from before the file said whose it is."""

BUSY_SECONDS = 60.0
ROOM = 1 << 16
"""Bytes, as much as SQLite wants beside its file; with less, an I/O error is one of a full disk."""

CHECKPOINT_PAGES = 8000
"""Of 4 KiB: rarer checkpoints than by default, because each waits for the disk."""


class NotOurs(SynegError):
    """The file is something else than a generation cache."""


class Held(SynegError):
    """Another process holds the file's lock for long; it will be free again."""


class Connection(sqlite3.Connection):
    """Closed, it lets go of the file, also where an error or a generator still holds a cursor.

    SQLite waits for the last of them else, and whoever opens the file next waits for its locks.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        self.copy: TemporaryDirectory[str] | None = None
        """The folder of the file, where that is a copy which is needed no longer than this."""
        super().__init__(*arguments, **named)

    def cursor(self, *arguments: Any) -> sqlite3.Cursor:  # type: ignore[override]
        made: sqlite3.Cursor = super().cursor(*arguments)
        self._cursors.add(made)
        return made

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:  # its own does not call `cursor`
        return self.cursor().execute(sql, values)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        return self.cursor().executemany(sql, rows)

    def close(self) -> None:
        while self._cursors:
            self._cursors.pop().close()
        super().close()
        if self.copy is not None:
            self.copy.cleanup()


class CacheFile:
    """A connection to the file, for one thread at a time.

    A file that cannot be written (a read-only or full disk) is opened for reading alone.

    Raises:
        NotOurs: it is another program's, or no database at all.
        SynegError: it cannot be opened.
    """

    def __init__(self, path: Path, *, looks: bool = False) -> None:
        self.path = path
        self.read_only = looks
        self.why: sqlite3.Error | None = None
        """Why it is open for reading alone."""
        self.has_log = False
        """Whether changes go to a log first; on some disks of a network SQLite has none."""
        self._synchronous = ""
        with self.told():
            if not looks:
                path.parent.mkdir(parents=True, exist_ok=True)
                make_private(path)  # SQLite gives its -wal and -shm the same mode
            address = f"{path.resolve().as_uri()}?mode={'ro' if looks else 'rwc'}"
            self.connection = _connected(address, uri=True, timeout=BUSY_SECONDS)
            try:
                self._open(looks)
            except BaseException:
                self.connection.close()
                raise

    def _open(self, looks: bool) -> None:
        try:
            self._need_ours() if looks else self._set_up()
        except sqlite3.OperationalError as error:
            if not (_not_writable(error) or self._is_full(error)):
                raise
            said = self.explained(error).message
            self.why = error
            self._reopen_for_reading(said)

    def _set_up(self) -> None:
        from sqlite_utils import Database

        from syneg_cli.llm.cache_schema import MIGRATIONS

        self._need_ours()
        (mode,) = self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
        self.has_log = mode == "wal"
        self.connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        with self._transaction("FULL"):
            try:
                MIGRATIONS.apply(Database(self.connection))
            except sqlite3.Error:
                raise
            except Exception as error:  # sqlite_utils stumbles over a schema that is not as it made it
                raise sqlite3.DatabaseError("malformed") from error
            self.connection.execute(f"PRAGMA application_id = {APPLICATION}")

    def _need_ours(self) -> None:
        """Raises NotOurs for tables of another program: they are not touched."""
        (application,) = self.connection.execute("PRAGMA application_id").fetchone()
        tables = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in tables}
        if application == APPLICATION or (not application and (not names or names >= OURS)):
            return
        held = ", ".join(sorted(names)[:5]) or "no table"
        raise NotOurs(
            f"{self.path} is a database of another program (it holds {held}), and is left as it is.",
            hint="Name another file with --cache, or another folder with --work-dir.",
        )

    def _is_full(self, error: sqlite3.Error) -> bool:
        """Whether the disk is full: to SQLite an I/O error, where a file beside its own has no room."""
        said = str(error).lower()
        return "disk is full" in said or ("disk i/o" in said and _no_room(self.path.parent))

    def _reopen_for_reading(self, why: str) -> None:
        """As it is, where another process holds it open; else a copy, or itself where its log is empty.

        Without the index of its log beside it nobody is writing, at least on this machine.
        """
        self.connection.close()
        self.read_only, place = True, self.path.resolve()
        try:
            self.connection = _connected(f"{place.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            self._need_ours()
            return
        except sqlite3.OperationalError:
            self.connection.close()
        if has_log(place):
            copy = copied(place, why.rstrip("."))
            self.connection = _connected(Path(copy.name) / place.name)
            self.connection.copy = copy
            self.connection.execute("PRAGMA query_only = 1")
        else:
            self.connection = _connected(f"{place.as_uri()}?mode=ro&immutable=1", uri=True)
        self._need_ours()

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.told():
            return self.connection.execute(sql, list(values)).fetchall()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """As `select`, one after the other."""
        with self.told():
            found = self.connection.execute(sql, list(values))
        while True:
            with self.told():
                row = found.fetchone()
            if row is None:
                return
            yield row

    def dicts(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """As `select`, by column."""
        with self.told():
            found = self.connection.execute(sql, list(values))
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows a statement changed; within `write`."""
        return self.connection.execute(sql, list(values)).rowcount

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[None]:
        """One transaction that holds the write lock from its start, so that reading decides safely.

        Args:
            durable: on the disk itself when it is over, whatever happens to the machine then.
        """
        with self.told(), self._transaction("FULL" if durable else "NORMAL"):
            yield

    def sync(self) -> None:
        """Wait until what is in the log is on the disk itself; from any thread."""
        with self.told():
            sync_log(self.path.resolve())

    @contextmanager
    def _transaction(self, synchronous: str) -> Iterator[None]:
        if self._synchronous != synchronous:
            self.connection.execute(f"PRAGMA synchronous = {synchronous}")
            self._synchronous = synchronous
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite ends some transactions that failed by itself
                self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turns what SQLite raises into one sentence that says what is the matter."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.explained(error) from None
        except UnicodeDecodeError:  # of names in a damaged schema, which Python's sqlite3 puts into its error
            raise self.explained(sqlite3.DatabaseError("malformed")) from None
        except OSError as error:
            raise SynegError(
                f"{error.filename or self.path}: {error.strerror}.", hint="Name another file with --cache."
            ) from None

    def explained(self, error: sqlite3.Error) -> SynegError:
        if self.why is not None and "readonly" in str(error).lower():
            error = self.why
        said = "disk is full" if self._is_full(error) else str(error).lower()
        for part, what, hint in REASONS:
            if part in said:
                kind = NotOurs if part in NO_DATABASE else Held if part == LOCKED else SynegError
                return kind(f"{self.path} {what}.", hint=hint.format(path=self.path))
        return SynegError(f"{self.path}: {error}.", hint="`syneg cache stats` tells whether it can be read.")


def look_at(path: Path) -> tuple[str, int]:
    """("ok" or what is damaged, number of answers) of a file, which is only read.

    Raises:
        SynegError: it cannot be read.
    """
    file = CacheFile(path, looks=True)
    ((whole,),) = file.select("PRAGMA quick_check(1)")
    ((count,),) = file.select("SELECT count(*) FROM answers")
    file.connection.close()
    return str(whole), int(count)


def _no_room(folder: Path) -> bool:
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return False


def _connected(place: Path | str, **options: Any) -> Connection:
    # One thread at a time uses it, but not always the one that opened it (see asking.run).
    return sqlite3.connect(
        place, isolation_level=None, check_same_thread=False, factory=Connection, **options
    )


def _not_writable(error: sqlite3.Error) -> bool:
    said = str(error).lower()
    return "readonly" in said or "read-only" in said or "unable to open" in said


LOCKED = "database is locked"
NO_DATABASE = ("file is not a database", "malformed")
REASONS = (
    (
        LOCKED,
        f"is held by another process for more than {BUSY_SECONDS:.0f} s",
        "See who uses it (another syneg, a viewer of databases), then run the same command again.",
    ),
    (
        "disk is full",
        "cannot grow: the disk is full",
        "Make room, then run the same command again; what was recorded before is kept.",
    ),
    (
        "readonly",
        "cannot be written: it, its folder or the disk is read-only",
        "Give yourself the right to write, or name another file with --cache.",
    ),
    (
        "unable to open",
        "cannot be opened: its folder is missing, or you may not write there",
        "Give yourself the rights, or name another file with --cache.",
    ),
    (
        "disk i/o",
        "cannot be read or written: the disk fails",
        "Look at the disk; copy the file before anything else.",
    ),
    (
        "file is not a database",
        "is no generation cache",
        "Name another file with --cache; this one is left as it is.",
    ),
    (
        "malformed",
        "is a damaged database",
        "Copy it first. `sqlite3 {path} .recover` saves what can be saved.",
    ),
)
"""(what SQLite says, what that means, what to do)."""
