"""Many calls at once: claimed in the cache, sent within every limit, retried, recorded.

An answer is recorded in the cache before it counts. The engine knows nothing of negatives:
`generate`, `verify` and `mirror` hand it requests, and a way to tell good answers from bad.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast

from syneg_cli.core import (
    BadResponse,
    BudgetExceeded,
    LLMError,
    LLMSetupError,
    RateLimited,
    SynegError,
    without_keys,
)
from syneg_cli.llm.base import (
    LLM,
    Answer,
    Broken,
    NoRecording,
    NotSent,
    Refused,
    Request,
    TimedOut,
    Unanswerable,
    Unreachable,
)
from syneg_cli.llm.budget import cost_of, guess_tokens, most_it_can_cost
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.cache_file import Held
from syneg_cli.llm.ledger import RENEW_SECONDS, Busy, CapInFlight, Caps
from syneg_cli.llm.limits import NO_LIMITS, Limits
from syneg_cli.llm.pauses import BUSY_POLL, Pauses, Stopped
from syneg_cli.llm.prices import FREE, Price
from syneg_cli.llm.rate_limits import Gate, PerMinute, within
from syneg_cli.llm.recording import AGAIN_SECONDS, Recording
from syneg_cli.llm.statistics import Stats
from syneg_cli.llm.stored import OK, UNPARSABLE, Stored, generation_key, settled_status, stored_answer

T = TypeVar("T")

MAYBE_BILLED = (TimedOut, Broken, BadResponse)
"""Failures after which the server may still have done the work."""

END = object()
RATE_LIMIT_PATIENCE = 0.25
"""What a "wait" of the server costs of the attempts: it says that the next one may well pass."""

CAP_POLL = 0.05

Classify = Callable[[Answer], str]


class Engine:
    """Asks one model, for one job. Use it inside one event loop.

    Args:
        price: None for an unpriced model; then `max_cost` cannot be kept and is refused.
        job: what the totals and the caps are counted for, over all runs.
        again: ask again where only a bad answer is stored.
        unsent: why nothing is sent and the cache alone answers; "" where the model is asked.
    """

    def __init__(
        self,
        llm: LLM,
        cache: Cache,
        *,
        price: Price | None,
        job: str,
        limits: Limits = NO_LIMITS,
        again: bool = False,
        unsent: str = "",
        stats: Stats | None = None,
    ) -> None:
        self.llm, self.cache, self.price, self.job, self.limits = llm, cache, price, job, limits
        self.again, self.unsent = again, unsent
        self.identity = llm.identity()
        self.stats = stats or Stats(unpriced=price is None)
        self.timeout = None if llm.unhurried else limits.timeout
        self.pauses = Pauses(self.stats, limits, self.identity["endpoint"] or llm.model, llm.tell)
        lasting = llm.provider != "replay"  # a file needs no care
        self.recording = Recording(cache, job, durable=lasting, tell=self.pauses.tell_once)
        self.gate = Gate(limits.concurrency, longest=limits.max_wait, sleep=self.pauses.sleep)
        self.requests = PerMinute(limits.rpm, sleep=self.pauses.sleep)
        self.tokens = PerMinute(limits.tpm, sleep=self.pauses.sleep)
        self.caps = Caps(limits.max_cost, limits.max_calls, limits.beside)
        llm.bounded = limits.max_cost is not None and price != FREE
        self._failed_in_a_row = 0
        self._random = random.Random()

    async def ask(
        self, request: Request, classify: Classify, about: Mapping[str, object] = {}, *, key: str = ""
    ) -> tuple[Stored, bool]:
        """The answer, and whether it was in the cache already; by now it is.

        Args:
            about: columns of `Stored` that describe the request (attributes, n, words).
            key: the request's key, where it is known already.

        Raises:
            Busy: another process is asking; try later.
            BudgetExceeded: a cap is reached.
            LLMSetupError: no call can succeed, or too many failed in a row.
            LLMError: this request failed for good.
        """
        key = key or generation_key(self.identity, request)
        if self.unsent:
            if stored := self.cache.served(key, request.max_tokens):
                return stored, True
            self._failed(error := NotSent(self.unsent))
            raise error
        tries, patience = 0, float(self.limits.attempts)
        last: LLMError | None = None  # making an error looks for secrets in it: none is made for nothing
        while last is None or patience > 0:
            if last is not None:
                self.stats.retries += 1
                pause = self._backoff(tries, last)
                self.pauses.for_retry(pause, last)
                await self.pauses.sleep(pause)
            tries += 1
            try:
                return await self._attempt(key, request, classify, about)
            except (LLMSetupError, NoRecording, BudgetExceeded) as error:
                if not (isinstance(error, Unreachable) and self.stats.answered):
                    raise
                last = error
            except Refused as error:
                last = error
                break
            except LLMError as error:
                last = error
            patience -= RATE_LIMIT_PATIENCE if self._is_short(last) else 1.0
        self._failed(last)
        raise last

    async def run(self, items: Iterable[T | None], work: Callable[[T], Awaitable[None]]) -> None:
        """Do `work` for every item, as many at a time as the limits allow.

        An item that another process works on comes again later. None among the items lets
        others have a turn while the source still looks. At a cap, after `stop`, and where no call
        can succeed any more, what is in flight is finished, because it is paid for; at any other
        error that is not the item's own, such as a full disk, it is dropped.
        """
        source, later = iter(items), deque[T]()
        self._over: BudgetExceeded | LLMSetupError | None = None
        self.pauses.begin()

        async def worker() -> None:
            while not (self.stopping or self._over):
                item = next(source, END)
                if item is END:
                    if not later:
                        return
                    item = later.popleft()
                    await self.pauses.sleep(BUSY_POLL)
                if item is None:
                    await asyncio.sleep(0)
                    continue
                try:
                    await work(cast(T, item))
                except Busy as other:
                    self.pauses.for_process(other.owner)
                    later.append(cast(T, item))
                except BudgetExceeded as error:
                    self._over = error
                except LLMSetupError as error:
                    self._over = self._over or error
                    self.pauses.stop()  # who waits for another try need not

        async def worker_until_stopped() -> None:
            with suppress(Stopped):
                await worker()

        renewing = asyncio.create_task(self._renew())
        tasks = [asyncio.create_task(worker_until_stopped()) for _ in range(self.limits.concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, renewing):
                task.cancel()
            await asyncio.gather(*tasks, renewing, return_exceptions=True)
            await self.recording.flush()
        if self._over:
            raise self._over

    def stop(self) -> None:
        """Begin nothing new, and wake what waits; `run` returns when what is in flight is answered."""
        self.pauses.tell_waiting()
        self.pauses.stop()

    @property
    def stopping(self) -> bool:
        return self.pauses.stopping

    async def _renew(self) -> None:
        """Show the processes that share the cache that this one still runs."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(SynegError):  # a file that is held for long: the next time will do
                self.cache.renew()

    async def _attempt(
        self, key: str, request: Request, classify: Classify, about: Mapping[str, object]
    ) -> tuple[Stored, bool]:
        await self.requests.take()
        await self.tokens.take(guess_tokens(request) + (request.max_tokens / 4 if self.tokens.rate else 0))
        entered = await self.gate.enter()
        try:
            if self.stopping:
                raise Stopped
            stored = await self._claim(key, request)
            if stored is not None:
                return stored, True
            return await self._call(key, request, classify, about, entered), False
        finally:
            self.gate.leave()

    async def _claim(self, key: str, request: Request) -> Stored | None:
        while True:
            try:
                return self.cache.claim(
                    key,
                    job=self.job,
                    reserve=most_it_can_cost(request, self.price),
                    caps=self.caps,
                    max_tokens=request.max_tokens,
                    again=self.again,
                )
            except CapInFlight:
                await self.pauses.sleep(CAP_POLL)
            except Held as error:
                self.pauses.tell_once("held", f"{error.message.rstrip('.')}: waiting until it is free")
                await self.pauses.sleep(AGAIN_SECONDS)

    async def _call(
        self, key: str, request: Request, classify: Classify, about: Mapping[str, object], entered: float
    ) -> Stored:
        """Send a claimed request. Whatever happens, the claim ends as an answer or is given back."""
        self.stats.calls += 1
        self.stats.in_flight += 1
        answered = False
        try:
            answer = await within(self.timeout, self._complete(request))
            answered = True
            stored = await self.record(key, request, answer, classify, about)
        except BaseException as error:
            if not answered:
                lost = isinstance(error, MAYBE_BILLED) or not isinstance(error, LLMError)
                self.cache.release(key, lost=lost)
                self.pauses.tell_lost(error, most_it_can_cost(request, self.price) if lost else 0.0)
                self.stats.dropped += isinstance(error, asyncio.CancelledError)
            if isinstance(error, RateLimited):
                self.gate.overloaded(entered, error.retry_after)
                self.pauses.for_server(self.gate.pause_left(), error.retry_after)
            raise
        finally:
            self.stats.in_flight -= 1
        self.gate.answered()
        self.gate.obey(answer.limits)
        self.pauses.for_server(self.gate.pause_left())
        self.count(stored)
        return stored

    async def _complete(self, request: Request) -> Answer:
        """The answer. What a provider did not foresee spoils this one call, not the whole job."""
        try:
            return await self.llm.complete(request)
        except (LLMError, OSError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise BadResponse(
                f"{self.pauses.server} sent what syneg cannot read ({type(error).__name__}: {error})."
            ) from error

    def _is_short(self, error: LLMError) -> bool:
        """Whether a server asked for a pause, and for none longer than it is granted."""
        return isinstance(error, RateLimited) and (error.retry_after or 0.0) <= self.limits.max_wait

    async def record(
        self, key: str, request: Request, answer: Answer, classify: Classify, about: Mapping[str, object]
    ) -> Stored:
        """Keep the answer to a claimed request; from then on it counts."""
        stored = self.stored(key, request, answer, judged(classify, answer), about)
        await self.recording.record(stored)
        return stored

    def stored(
        self, key: str, request: Request, answer: Answer, status: str, about: Mapping[str, object]
    ) -> Stored:
        """What the cache keeps of an answer: with its price, without a key that the server repeats."""
        answer = replace(answer, text=without_keys(answer.text), finish=without_keys(answer.finish))
        pauses, capped = self.pauses, self.caps.cost is not None
        cost = cost_of(request, answer, self.price, pauses.server, pauses.tell_once, capped=capped)
        status = settled_status(answer, status)
        return stored_answer(key, self.identity, self.llm.model, request, answer, status, cost, about)

    def keep(self, answers: Sequence[Stored]) -> int:
        """Record answers that came another way, all of them or none; how many were not there already."""
        new = self.cache.record_new(answers, job=self.job)
        for stored in new:
            self.count(stored)
        return len(new)

    def count(self, stored: Stored) -> None:
        """Add a new answer to the statistics."""
        self._failed_in_a_row = 0
        stats = self.stats
        stats.answered += 1
        stats.prompt_tokens += stored.prompt_tokens
        stats.completion_tokens += stored.completion_tokens
        stats.cost_usd += stored.cost_usd or 0.0
        if stored.status != OK:
            stats.problems[stored.status] += 1

    def _failed(self, error: LLMError) -> None:
        self.stats.fail(error)
        if isinstance(error, Unanswerable):  # says nothing about the requests to come
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= self.limits.failures_in_a_row:
            raise LLMSetupError(
                f"Stopped: {self._failed_in_a_row} requests in a row failed, the last with: {error.message}",
                hint="Everything answered is kept. Fix the cause and run the same command again.",
            ) from error

    def _backoff(self, attempt: int, error: LLMError | None) -> float:
        """Full jitter (uniform up to a doubling bound), and never before the server's Retry-After."""
        bound = min(self.limits.longest_backoff, self.limits.backoff * 2.0 ** (attempt - 1))
        asked = error.retry_after if isinstance(error, RateLimited) and error.retry_after else 0.0
        return min(asked, self.limits.max_wait) + self._random.uniform(0, bound)


def judged(classify: Classify, answer: Answer) -> str:
    """What an answer is. Whatever it is, it was paid for: it is recorded, and nothing here may raise."""
    try:
        return classify(answer)
    except Exception:
        return UNPARSABLE
