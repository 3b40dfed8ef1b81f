"""The generation cache: every answer that was ever paid for, in one SQLite file.

A request is known by a hash of all that decides its answer. `max_tokens` is not part of it:
a complete answer is the answer for every larger bound, and one that was cut off counts as
missing as soon as the bound is raised. Nothing is ever replaced: a second try is a new row.

Before a call is sent it is *claimed*: in one transaction the cache makes sure that no answer
is there, that no other process is asking, and that the call fits under the caps even if it
costs all it can. The claim becomes an answer, or it is given back. What a killed process
claimed counts as spent, because the server may have billed it.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from syneg_cli.core import BudgetExceeded, SynegError, make_private
from syneg_cli.llm.stored import COLUMNS, INSERT, OK, Stored

BUSY_SECONDS = 60.0
CHECKPOINT_PAGES = 8000
"""Of 4 KiB: rarer checkpoints than by default, because each waits for the disk."""

STALE_SECONDS = 1.0
CHUNK = 500
"""Keys in one SELECT; SQLite allows 999 variables in its older versions."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard limits of one job, over all of its runs and processes; None is no limit."""

    cost: float | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a job has used, over all of its runs.

    `lost_usd` is what calls may have cost whose answers never came: they are counted at the
    most they can have cost.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent_usd: float = 0.0
    lost_usd: float = 0.0
    unpriced_calls: int = 0


class Busy(SynegError):
    """Another process is asking for the same answer."""


class Cache:
    """Open one per process and event loop; several processes may share a file."""

    def __init__(self, path: Path) -> None:
        from sqlite_utils import Database

        from syneg_cli.llm.cache_schema import MIGRATIONS

        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            make_private(path)  # SQLite gives its -wal and -shm the same mode
            # One thread at a time uses it, but not always the one that opened it (see asking.run).
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self.db = Database(self._connection)
            with self._write():
                MIGRATIONS.apply(self.db)
        except sqlite3.DatabaseError as error:
            raise SynegError(f"{path} is no generation cache: {error}.", hint="Move it away.") from None
        self._next_look = 0.0
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"
        _OWNERS.add(self.owner)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        _OWNERS.discard(self.owner)
        self._connection.close()

    @contextmanager
    def _write(self) -> Iterator[None]:
        """One transaction that holds the write lock from its start, so that reading decides safely."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def answers(self, keys: Sequence[str], *, messages: bool = True) -> dict[str, Stored]:
        """Key -> its best answer (a good one before a bad one, then the latest), where there is one.

        Without `messages` the requests' texts, which are most of the bytes, stay on disk.
        """
        names = ", ".join(name if messages or name != "messages" else "'[]'" for name in COLUMNS)
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            rows = self._connection.execute(
                f"SELECT {names} FROM answers WHERE key IN ({', '.join('?' * len(part))}) "
                "ORDER BY status = 'ok', id",
                part,
            )
            found |= {row[0]: Stored(*row) for row in rows}
        return found

    def answered(
        self, keys: Sequence[str], max_tokens: int, *, again: bool = False
    ) -> dict[str, float | None]:
        """Key -> cost of the answers that need no asking: the good, those cut off at this bound, the refused.

        Unparsable ones are left out, because a correction may have followed; with `again`
        the cut-off and refused ones are, too.
        """
        found: dict[str, float | None] = {}
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            rows = self._connection.execute(
                "SELECT key, cost_usd FROM answers WHERE (status = 'ok' OR ((status = 'refused' OR "
                "(status = 'truncated' AND max_tokens >= ?)) AND NOT ?)) "
                f"AND key IN ({', '.join('?' * len(part))}) ORDER BY id",
                [max_tokens, again, *part],
            )
            found |= dict(rows)
        return found

    def claim(
        self,
        key: str,
        *,
        job: str,
        reserve: float = 0.0,
        caps: Caps = Caps(),
        max_tokens: int = 0,
        lease: float = 600.0,
        again: bool = False,
    ) -> Stored | None:
        """The answer if there is one; else None, and the call is ours to make.

        Args:
            reserve: the most the call can cost, in US dollars.
            lease: seconds after which another process may take the claim over.
            again: ask again even where a bad answer is stored.

        Raises:
            Busy: another process is asking.
            BudgetExceeded: the call could pass a cap.
        """
        with self._write():
            stored = self.answers([key]).get(key)
            if stored is not None and stored.serves(max_tokens) and not (again and stored.status != OK):
                return stored
            self._drop_stale_claims()
            self._check_caps(job, reserve, caps)
            claimed = self._connection.execute(
                "INSERT INTO claims (key, owner, until, job, reserved) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                [key, self.owner, time.time() + lease, job, reserve],
            )
            if not claimed.rowcount:
                raise Busy("another process is asking")
        return None

    def record(self, stored: Stored, *, job: str) -> None:
        """Turn a claim into an answer; it is on disk when this returns."""
        with self._write():
            self._connection.execute(INSERT, [getattr(stored, name) for name in COLUMNS])
            self._connection.execute("DELETE FROM claims WHERE key = ?", [stored.key])
            self._add(
                job,
                calls=1,
                prompt_tokens=stored.prompt_tokens,
                completion_tokens=stored.completion_tokens,
                spent_usd=stored.cost_usd or 0.0,
                unpriced_calls=int(stored.cost_usd is None),
            )

    def release(self, key: str, *, lost: bool = False) -> None:
        """Give a claim back without an answer; `lost` if the server may have billed it."""
        with self._write():
            self._drop_claims("key = ?", [key], lost=lost)

    def totals(self, job: str) -> Totals:
        names = ", ".join(f.name for f in fields(Totals))
        row = self._connection.execute(f"SELECT {names} FROM jobs WHERE job = ?", [job]).fetchone()
        return Totals(*row) if row else Totals()

    def rows(self, where: str = "1", values: Sequence[Any] = ()) -> Iterator[Stored]:
        """All answers that match, oldest first."""
        query = f"SELECT {', '.join(COLUMNS)} FROM answers WHERE {where} ORDER BY id"
        for row in self._connection.execute(query, list(values)):
            yield Stored(*row)

    def add(self, rows: Sequence[Stored]) -> int:
        """Store answers that came from elsewhere, but for those that are there; returns how many."""
        before = self._connection.total_changes
        names = ", ".join(COLUMNS)
        with self._write():
            self._connection.executemany(
                f"INSERT INTO answers ({names}) SELECT {', '.join('?' * len(COLUMNS))} WHERE NOT EXISTS "
                "(SELECT 1 FROM answers WHERE key = ? AND response = ?)",
                [[*asdict(row).values(), row.key, row.response] for row in rows],
            )
        return self._connection.total_changes - before

    def remove(self, where: str, values: Sequence[Any] = ()) -> int:
        with self._write():
            return self._connection.execute(f"DELETE FROM answers WHERE {where}", list(values)).rowcount

    def _check_caps(self, job: str, reserve: float, caps: Caps) -> None:
        if caps.cost is None and caps.calls is None:
            return
        used = self.totals(job)
        in_flight = self._connection.execute(
            "SELECT COALESCE(SUM(reserved), 0), COUNT(*) FROM claims WHERE job = ?", [job]
        ).fetchone()
        if caps.calls is not None and used.calls + in_flight[1] + 1 > caps.calls:
            raise BudgetExceeded(f"--max-calls {caps.calls} is reached.")
        spent = used.spent_usd + used.lost_usd
        if caps.cost is not None and spent + in_flight[0] + reserve > caps.cost:
            if in_flight[1]:
                raise CapInFlight(spent)
            raise BudgetExceeded(
                f"--max-cost ${caps.cost:g}: ${spent:.4f} is spent, the next call can cost ${reserve:.4f}."
            )

    def _drop_stale_claims(self) -> None:
        """Claims whose process is dead or overdue; their cost counts as lost. Looks once a second."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + STALE_SECONDS
        rows = self._connection.execute("SELECT DISTINCT owner FROM claims WHERE owner != ?", [self.owner])
        for (owner,) in rows.fetchall():
            if not _alive(owner):
                self._drop_claims("owner = ?", [owner], lost=True)
        self._drop_claims("until < ?", [time.time()], lost=True)

    def _drop_claims(self, where: str, values: Sequence[Any], *, lost: bool) -> None:
        for job, calls, reserved in self._connection.execute(
            f"SELECT job, COUNT(*), SUM(reserved) FROM claims WHERE {where} GROUP BY job", values
        ).fetchall():
            self._add(job, calls=calls, lost_usd=reserved if lost else 0.0)
        self._connection.execute(f"DELETE FROM claims WHERE {where}", values)

    def _add(self, job: str, **amounts: float) -> None:
        changes = ", ".join(f"{name} = {name} + excluded.{name}" for name in amounts)
        self._connection.execute(
            f"INSERT INTO jobs (job, {', '.join(amounts)}) VALUES (?{', ?' * len(amounts)}) "
            f"ON CONFLICT (job) DO UPDATE SET {changes}",
            [job, *amounts.values()],
        )


class CapInFlight(BudgetExceeded):
    """The call does not fit while others are in flight; it may fit once they are answered."""

    def __init__(self, spent: float) -> None:
        super().__init__(f"--max-cost: ${spent:.4f} is spent, the rest is reserved for calls in flight.")


_OWNERS: set[str] = set()
"""The owners of the caches that are open in this process."""


def _alive(owner: str) -> bool:
    """Whether the process that made a claim still runs; of other machines nothing is known."""
    if owner in _OWNERS:
        return True
    host, pid, _ = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(pid) != os.getpid()  # else the number was used before, by one that is gone
