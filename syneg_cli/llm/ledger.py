"""Who may make a call: claims, and the money and calls of each job, in the cache's file.

Before a call is sent it is *claimed*, in one transaction with a look at the caps: it must fit under
them even if it costs all it can. A claim becomes an answer, or it is given back. What a killed process
claimed counts as spent, because the server may have billed it. Batches hold claims like a process does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from syneg_cli.core import BudgetExceeded, SynegError, brief, described, still_runs, this_process
from syneg_cli.llm.base import Unanswerable
from syneg_cli.llm.cache_file import CacheFile

LEASE = 60.0
"""Seconds. A process renews its claims while it runs; one of another machine that does not is gone."""

RENEW_SECONDS = 10.0
STALE_SECONDS = 1.0
BATCH_LEASE = 30 * 86400.0
"""Seconds that a batch is waited for; its server keeps answers no longer."""

DAMAGED = "typeof(owner) != 'text' OR typeof(until) NOT IN ('real', 'integer')"
"""Claims that nobody can have made."""

BATCH = "batch:"
"""How owners begin that are batches, handed in to a server; the batch's token follows."""

RAISE_CAP = "Raise the cap and run the same command again: nothing is paid twice."


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard limits of one job, over all of its runs and processes; None is no limit."""

    cost: float | None = None
    calls: int | None = None
    beside: tuple[str, ...] = ()
    """Other jobs whose calls and money are within the limits, too."""


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
    """Another process is asking for the same answer; `owner` is which."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"{described(owner)} is asking for it")
        self.owner = owner


class InBatch(Unanswerable):
    """The same request was handed in with a batch, and is not paid for twice."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A call that is about to be made: its key, the most it can cost, and the bound of its answer."""

    key: str
    reserve: float = 0.0
    max_tokens: int = 0


NO_CAPS = Caps()


class Ledger:
    """The claims and jobs of a file. What changes them runs within `file.write`."""

    def __init__(self, file: CacheFile) -> None:
        self.file = file
        self._next_look = 0.0
        self._seen: dict[str, tuple[float, float]] = {}
        self.owner = this_process() + f".{time.time_ns()}"
        _OWNERS.add(self.owner)

    def close(self) -> None:
        _OWNERS.discard(self.owner)

    def totals(self, job: str) -> Totals:
        names = ", ".join(f.name for f in fields(Totals))
        rows = self.file.select(f"SELECT {names} FROM jobs WHERE job = ?", [job])
        if not rows:
            return Totals()
        for field, value in zip(fields(Totals), rows[0], strict=True):
            if not isinstance(value, (int, float)) or not isfinite(value):
                raise SynegError(
                    f"{self.file.path} is damaged: the {field.name} of a job is {brief(value)}.",
                    hint="Keep a copy; `syneg cache merge` brings its answers into another --cache.",
                )
        return Totals(*rows[0])

    def holder(self, key: str) -> str | None:
        """Who claimed a call, if anyone did."""
        found = self.file.select("SELECT owner FROM claims WHERE key = ?", [key])
        return found[0][0] if found else None

    def held(self, keys: Sequence[str]) -> set[str]:
        """Those that are claimed."""
        marks = ", ".join("?" * len(keys))
        return {key for (key,) in self.file.select(f"SELECT key FROM claims WHERE key IN ({marks})", keys)}

    def claim(self, claims: Sequence[Claim], owner: str, job: str, until: float) -> None:
        self.file.connection.executemany(
            "INSERT INTO claims (key, owner, until, job, reserved) VALUES (?, ?, ?, ?, ?)",
            [[claim.key, owner, until, job, claim.reserve] for claim in claims],
        )

    def renew(self) -> None:
        """Show others that this process still runs."""
        self.file.change("UPDATE claims SET until = ? WHERE owner = ?", [time.time() + LEASE, self.owner])

    def done(self, key: str, job: str, **amounts: float) -> None:
        """A claim that became an answer."""
        self.file.change("DELETE FROM claims WHERE key = ?", [key])
        self.add(job, calls=1, **amounts)

    def check_caps(self, job: str, reserve: float, calls: int, caps: Caps, *, waits: bool = True) -> None:
        """Raises BudgetExceeded where so many calls could pass a cap.

        Args:
            waits: whether the caller may come again when what is in flight is answered.
        """
        if caps.cost is None and caps.calls is None:
            return
        jobs = list(dict.fromkeys((job, *caps.beside)))
        marks = ", ".join("?" * len(jobs))
        ((reserved, in_flight),) = self.file.select(
            f"SELECT COALESCE(SUM(reserved), 0), COUNT(*) FROM claims WHERE job IN ({marks})", jobs
        )
        used = [*map(self.totals, jobs)]
        sent, lost_usd = sum(one.calls for one in used) + in_flight, sum(one.lost_usd for one in used)
        spent = sum(one.spent_usd for one in used) + lost_usd
        if caps.calls is not None and sent + calls > caps.calls:
            if calls == 1:
                raise BudgetExceeded(f"--max-calls {caps.calls} is reached.", hint=RAISE_CAP)
            raise BudgetExceeded(
                f"--max-calls {caps.calls}: {sent} are sent, and the batch holds {calls}.", hint=RAISE_CAP
            )
        if caps.cost is not None and spent + reserved + reserve > caps.cost:
            if in_flight and waits and not self._all_in_batches(jobs):
                raise CapInFlight(spent)
            held = f", ${reserved:.4f} is reserved for calls in flight" if in_flight else ""
            lost = f" (${lost_usd:.4f} of it for lost answers, at most)" if lost_usd else ""
            more = "the next call" if calls == 1 else f"the batch of {calls}"
            raise BudgetExceeded(
                f"--max-cost ${caps.cost:g}: ${spent:.4f} is spent{lost}{held}, "
                f"{more} can cost ${reserve:.4f}.",
                hint=RAISE_CAP,
            )

    def _all_in_batches(self, jobs: Sequence[str]) -> bool:
        """Whether nothing is in flight but batches, which take a day."""
        marks = ", ".join("?" * len(jobs))
        live = f"SELECT 1 FROM claims WHERE job IN ({marks}) AND owner NOT LIKE 'batch:%' LIMIT 1"
        return not self.file.select(live, jobs)

    def drop_stale(self) -> None:
        """Claims of those who are gone; their cost counts as lost. Looks once a second."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + STALE_SECONDS
        self.drop(DAMAGED, [], lost=True)
        owners = self.file.select(
            "SELECT owner, MAX(until) FROM claims WHERE owner != ? GROUP BY owner", [self.owner]
        )
        for owner, until in owners:
            if self._is_gone(owner, until):
                self.drop("owner = ?", [owner], lost=True)

    def _is_gone(self, owner: str, until: float) -> bool:
        """By its process, where that can be seen; else by its claims, which nobody renews any more.

        That is told by our own steady clock: clocks of other machines may differ, and any may jump.
        """
        if owner in _OWNERS:
            return False
        if owner.startswith(BATCH):
            return until < time.time()
        runs = still_runs(owner.rpartition(".")[0])
        if runs is not None:
            return not runs
        before, since = self._seen.get(owner, (None, 0.0))
        if before != until:
            self._seen[owner] = (until, time.monotonic())
            return False
        return time.monotonic() - since > LEASE

    def drop(self, where: str, values: Sequence[Any], *, lost: bool) -> int:
        dropped = 0
        for job, calls, reserved in self.file.select(
            f"SELECT job, COUNT(*), SUM(reserved) FROM claims WHERE {where} GROUP BY job", values
        ):
            dropped += calls
            self.add(job, calls=calls, lost_usd=reserved if lost else 0.0)
        self.file.change(f"DELETE FROM claims WHERE {where}", values)
        return dropped

    def add(self, job: str, **amounts: float) -> None:
        changes = ", ".join(f"{name} = {name} + excluded.{name}" for name in amounts)
        self.file.change(
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


def taken(owner: str) -> SynegError:
    if owner.startswith(BATCH):
        return InBatch("handed in with a batch: `--batch collect` fetches it")
    return Busy(owner)
