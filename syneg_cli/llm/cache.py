"""The generation cache: every answer that was ever paid for, in one SQLite file.

A request is known by a hash of all that decides its answer. `max_tokens` is not part of it:
a complete answer is the answer for every larger bound, and one that was cut off counts as
missing as soon as the bound is raised. Nothing is ever replaced: a second try is a new row.

Before a call is sent it is claimed: see `ledger.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from syneg_cli.llm.cache_file import CacheFile
from syneg_cli.llm.ledger import BATCH_LEASE, LEASE, NO_CAPS, Caps, Claim, Ledger, Totals, taken
from syneg_cli.llm.stored import COLUMNS, INSERT, OK, Stored

CHUNK = 500
"""Keys in one SELECT; SQLite allows 999 variables in its older versions."""


class Cache:
    """Open one per process and event loop; several processes may share a file.

    Raises:
        NotOurs: the file is something else.
        SynegError: it cannot be opened, read or written; the message says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = CacheFile(path)
        self.ledger = Ledger(self.file)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self.ledger.close()
        self.file.connection.close()

    def answers(self, keys: Sequence[str], *, messages: bool = True) -> dict[str, Stored]:
        """Key -> its best answer (a good one before a bad one, then the latest), where there is one.

        Without `messages` the requests' texts, which are most of the bytes, stay on disk.
        """
        names = ", ".join(name if messages or name != "messages" else "'[]'" for name in COLUMNS)
        found: dict[str, Stored] = {}
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            rows = self.file.select(
                f"SELECT {names} FROM answers WHERE key IN ({', '.join('?' * len(part))}) "
                "ORDER BY status = 'ok', id",
                part,
            )
            found |= {row[0]: Stored(*row) for row in rows}
        return found

    def served(self, key: str, max_tokens: int) -> Stored | None:
        """The best answer to a request with this bound, if there is one."""
        stored = self.answers([key]).get(key)
        return stored if stored is not None and stored.serves(max_tokens) else None

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
            cost = "CASE WHEN typeof(cost_usd) IN ('real', 'integer') THEN cost_usd END"
            rows = self.file.select(
                f"SELECT key, {cost} FROM answers WHERE (status = 'ok' OR ((status = 'refused' OR "
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
        caps: Caps = NO_CAPS,
        max_tokens: int = 0,
        again: bool = False,
    ) -> Stored | None:
        """The answer if there is one; else None, and the call is ours to make.

        Args:
            reserve: the most the call can cost, in US dollars.
            again: ask again even where a bad answer is stored.

        Raises:
            Busy: another process is asking.
            InBatch: it was handed in with a batch.
            BudgetExceeded: the call could pass a cap.
        """
        with self.file.write():
            stored = self.served(key, max_tokens)
            if stored is not None and not (again and stored.status != OK):
                return stored
            self.ledger.drop_stale()
            if holder := self.ledger.holder(key):
                raise taken(holder)
            self.ledger.check_caps(job, reserve, 1, caps)
            self.ledger.claim([Claim(key, reserve)], self.ledger.owner, job, time.time() + LEASE)
        return None

    def claim_for_batch(
        self, wanted: Sequence[Claim], *, owner: str, job: str, caps: Caps, again: bool = False
    ) -> list[Claim]:
        """Claim what has neither an answer nor another claim, all of it or, where that passes a cap, none.

        Args:
            again: an answer that could not be used counts as none.

        Raises:
            BudgetExceeded: all together could pass a cap.
        """
        with self.file.write(durable=True):
            self.ledger.drop_stale()
            open_ = []
            for start in range(0, len(wanted), CHUNK):
                part = wanted[start : start + CHUNK]
                keys = [claim.key for claim in part]
                held = self.ledger.held(keys)
                known = self.answers(keys, messages=False)
                open_ += [
                    claim
                    for claim in part
                    if claim.key not in held
                    and not (claim.key in known and known[claim.key].serves(claim.max_tokens, again=again))
                ]
            if open_:
                reserve = sum(claim.reserve for claim in open_)
                self.ledger.check_caps(job, reserve, len(open_), caps, waits=False)
            self.ledger.claim(open_, owner, job, time.time() + BATCH_LEASE)
        return open_

    def record(self, *stored: Stored, job: str, durable: bool = True) -> None:
        """Turn claims into answers.

        Args:
            durable: they are on the disk when this returns, also if the power goes the next moment.
        """
        with self.file.write(durable=durable):
            for one in stored:
                self._record(one, job)

    def record_new(self, stored: Sequence[Stored], *, job: str) -> list[Stored]:
        """As `record`, but for the very answers that are there already; those that were not."""
        same = "SELECT 1 FROM answers WHERE key = ? AND response = ? LIMIT 1"
        new: list[Stored] = []
        with self.file.write(durable=True):
            for one in stored:
                if not self.file.select(same, [one.key, one.response]):
                    self._record(one, job)
                    new.append(one)
        return new

    def _record(self, stored: Stored, job: str) -> None:
        self.file.change(INSERT, [getattr(stored, name) for name in COLUMNS])
        self.ledger.done(
            stored.key,
            job,
            prompt_tokens=stored.prompt_tokens,
            completion_tokens=stored.completion_tokens,
            spent_usd=stored.cost_usd or 0.0,
            unpriced_calls=int(stored.cost_usd is None),
        )

    def settle(self, key: str, *, job: str, prompt_tokens: int, cost_usd: float | None) -> None:
        """End the claim of a call whose answer is kept elsewhere, and is there by now."""
        with self.file.write(durable=True):
            self.ledger.done(
                key,
                job,
                prompt_tokens=prompt_tokens,
                spent_usd=cost_usd or 0.0,
                unpriced_calls=int(cost_usd is None),
            )

    def renew(self) -> None:
        """Show others that this process still runs."""
        with self.file.write():
            self.ledger.renew()

    def totals(self, job: str) -> Totals:
        """What a job has used, over all of its runs."""
        return self.ledger.totals(job)

    def release(self, key: str, *, lost: bool = False) -> None:
        """Give a claim back without an answer; `lost` if the server may have billed it."""
        with self.file.write():
            self.ledger.drop("key = ? AND owner = ?", [key, self.ledger.owner], lost=lost)

    def release_all(self, owner: str, *, lost: bool) -> int:
        """Give back whatever an owner claimed; returns how many claims that were."""
        with self.file.write(durable=True):
            return self.ledger.drop("owner = ?", [owner], lost=lost)

    def rows(self, where: str = "1", values: Sequence[Any] = ()) -> Iterator[Stored]:
        """All answers that match, oldest first."""
        query = f"SELECT {', '.join(COLUMNS)} FROM answers WHERE {where} ORDER BY id"
        for row in self.file.rows(query, values):
            yield Stored(*row)

    def add(self, rows: Sequence[Stored]) -> int:
        """Store answers that came from elsewhere, but for those that are there; returns how many."""
        before = self.file.connection.total_changes
        names = ", ".join(COLUMNS)
        with self.file.write(durable=True):
            self.file.connection.executemany(
                f"INSERT INTO answers ({names}) SELECT {', '.join('?' * len(COLUMNS))} WHERE NOT EXISTS "
                "(SELECT 1 FROM answers WHERE key = ? AND response = ?)",
                [[*asdict(row).values(), row.key, row.response] for row in rows],
            )
        return self.file.connection.total_changes - before

    def remove(self, where: str, values: Sequence[Any] = ()) -> int:
        with self.file.write(durable=True):
            return self.file.change(f"DELETE FROM answers WHERE {where}", values)
