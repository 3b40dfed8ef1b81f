"""What is going on in a run of LLM calls, for whoever shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from syneg_cli.core import LLMError

LEFT, REFUSED = "left for later", "refused"
FAILURES = {
    "Refused": REFUSED,
    "Unanswerable": REFUSED,
    "TooLong": REFUSED,
    "TooMany": REFUSED,
    "TimedOut": "timed out",
    "Broken": "connection broke",
    "BadResponse": "broken answer",
    "RateLimited": "rate limited",
    "InBatch": "in a batch",
    "NotSent": LEFT,
    "Unreachable": "server not reached",
}
"""Type of error -> how people are told; anything else is "failed"."""


SAMPLE_SECONDS = 5.0
"""From one draft that is shown to the next."""


def kind_of(error: LLMError) -> str:
    """Why a request failed, in a word or two."""
    return FAILURES.get(type(error).__name__, "failed")


@dataclass
class Stats:
    """What is going on; the display reads it while the engine writes it."""

    total: int = 0
    done: int = 0
    in_flight: int = 0
    dropped: int = 0
    """Calls that were given up before their answer came."""
    calls: int = 0
    answered: int = 0
    from_cache: int = 0
    retries: int = 0
    failed: int = 0
    misses: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: bool = False
    no_candidate: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Requests that got no answer, by kind."""
    said: dict[str, str] = field(default_factory=dict)
    """Kind of failure -> what the first of them said, in the server's own words where it has some."""
    sample: tuple[tuple[str, str], ...] = ()
    """(what it is, text), to look at: a query and a negative for it."""
    waits_until: float = 0.0
    """By the steady clock; what is waited for is `waits_for`."""
    waits_for: str = ""
    looked_at: float = 0.0
    sampled_at: float = 0.0

    def look_at(self, problem: str, *shown: tuple[str, str]) -> None:
        """A draft, for the live view: it is counted where it will be dropped, and else shown now and then.

        Args:
            shown: (what it is, text).
        """
        if problem:
            self.problems[problem] += 1
        elif self.looked_at - self.sampled_at > SAMPLE_SECONDS:
            self.sampled_at = self.looked_at
            self.sample = shown

    def fail(self, error: LLMError) -> None:
        """A request that failed for good."""
        kind = kind_of(error)
        self.problems[kind] += 1
        self.failures[kind] += 1
        self.said.setdefault(kind, error.message)

    def failed_for_good(self) -> list[str]:
        """`3 refused (what the server said)`, the most frequent first."""
        return [f"{count} {kind} ({self.said[kind]})" for kind, count in self.failures.most_common()]

    def hit(self, cost_usd: float | None) -> None:
        """An answer that the cache had."""
        self.done += 1
        self.from_cache += 1
        self.saved_usd += cost_usd or 0.0

    @property
    def left(self) -> int:
        """Requests without an answer that may get one when they are sent again."""
        return self.failures.total() - self.failures[REFUSED]

    @property
    def work(self) -> tuple[int, int]:
        """(done, of) of what is asked for: what the cache has, or nobody can answer, takes no time."""
        passed_over = self.from_cache + self.misses + self.no_candidate
        return self.done - passed_over, self.total - passed_over

    @property
    def projected_usd(self) -> float:
        """What the whole run will have cost if the rest costs like what was answered."""
        answered = max(1, self.done - self.from_cache - self.misses - self.no_candidate)
        return self.cost_usd * (1 + (self.total - self.done) / answered)
