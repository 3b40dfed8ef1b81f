"""What came of asking for every pair: usable negatives, and why the rest is not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from syneg_cli.core import BudgetExceeded, counted
from syneg_cli.generation.answer_checks import CUT_OFF, EMPTY
from syneg_cli.generation.shared_texts import SharedTexts
from syneg_cli.llm import Stats

MUCH = 0.1
"""From this share of pairs without a usable answer, or of dropped negatives, on, a run says so."""


@dataclass(frozen=True)
class Nouns:
    """How what is asked about and what is made are called, as (one, many). `key`: the former in JSON."""

    asked: tuple[str, str] = ("pair", "pairs")
    made: tuple[str, str] = ("negative", "negatives")
    key: str = "pairs"


def asked_again(unusable: Iterable[str], dropped: Iterable[str]) -> bool:
    """Whether `--retry-bad` asks for anything again: what broke off or cannot be read.

    An answer in the form asked for stays, whatever the checks say of what it holds.

    Args:
        unusable, dropped: the reasons, as an `Outcome` has them.
    """
    return CUT_OFF in dropped or any(why != EMPTY for why in unusable)


@dataclass
class Outcome:
    """A run that asked about many pairs. Every one is in one place of `as_json`."""

    stats: Stats
    keys: list[str | None]
    """Of each pair's answer; None is no answer."""
    negatives: Counter[str] = field(default_factory=Counter)
    """What was made: "ok", and the drops by reason."""
    unusable: Counter[str] = field(default_factory=Counter)
    """Answers without a single negative, by reason."""
    none: Counter[str] = field(default_factory=Counter)
    """Answers that may well hold nothing, by reason."""
    stopped: BudgetExceeded | None = None
    shared: SharedTexts = field(default_factory=SharedTexts)
    """Which texts stand under several queries."""
    nouns: Nouns = Nouns()
    later: int = 0
    """Requests of a second pass, such as a judge's, that were not sent and are to be."""

    @property
    def usable(self) -> int:
        return self.negatives["ok"]

    @property
    def answered(self) -> int:
        return sum(key is not None for key in self.keys)

    @property
    def unanswered(self) -> int:
        """Pairs that a later run may still get an answer for."""
        return len(self.keys) - self.answered - self.stats.misses - self.stats.no_candidate

    @property
    def complete(self) -> bool:
        """Whether nothing is left to ask."""
        return not self.unanswered and not self.later

    @property
    def dropped(self) -> dict[str, int]:
        """Negatives by the reason they cannot be used for."""
        return {why: count for why, count in sorted(self.negatives.items()) if why != "ok"}

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Pairs whose request failed for good: why, how many, and what the server said first."""
        said = self.stats.said
        return [
            {"why": why, self.nouns.key: count, "said": said[why]}
            for why, count in self.stats.failures.most_common()
        ]

    def warning(self) -> str | None:
        """What is worth a warning: a good part of the pairs, or of the negatives, is lost."""
        unanswered = self.stats.failures.total() if self.stopped else self.unanswered
        lost, negatives = unanswered + self.unusable.total(), self.negatives.total()
        dropped = negatives - self.usable
        if lost < MUCH * len(self.keys) and dropped <= MUCH * negatives:
            return None
        told = []
        if lost:
            asked = counted(len(self.keys), *self.nouns.asked)
            told.append(f"{lost} of {asked} without a usable answer: {self._lost()}")
        if dropped:
            drops = Counter(self.dropped).most_common()
            why = "; ".join(f"{count} {why}" for why, count in drops) if len(drops) > 1 else drops[0][0]
            told.append(f"{dropped} of {counted(negatives, *self.nouns.made)} dropped: {why}")
        return ". ".join(told) or None

    def repeats(self) -> str | None:
        """What is worth a warning: a good part of the negatives is the same for several queries."""
        count = self.shared.count
        if count <= MUCH * self.usable:
            return None
        return (
            f"{count} of {self.usable} negatives have the same text as another query's: "
            "look at them with `syneg cache show`, and at what the server makes of the prompt"
        )

    def causes(self) -> str:
        """Why there is not more, in one line: the most frequent first."""
        drops = Counter(self.dropped).most_common()
        lines = [f"{counted(count, *self.nouns.made)} dropped: {why}" for why, count in drops]
        return "; ".join([line for line in (self._lost(), *lines) if line]) or "nothing was asked"

    def _lost(self) -> str:
        """Why pairs have no usable answer, the most frequent first."""
        lines = self.stats.failed_for_good()
        lines += [f"{counted(count, 'answer')} {why}" for why, count in self.unusable.most_common()]
        lines += [f"{counted(count, 'answer')} {why}" for why, count in self.none.most_common()]
        if self.stats.misses:
            lines.append(f"{self.stats.misses} not recorded")
        if self.stats.no_candidate:
            lines.append(f"{self.stats.no_candidate} without a mined candidate")
        if (later := self.unanswered - self.stats.failures.total()) > 0:
            lines.append(f"{later} not asked yet")
        return "; ".join(lines)

    def as_json(self) -> dict[str, Any]:
        stats = self.stats
        return {
            self.nouns.key: len(self.keys),
            "answered": self.answered,
            "from_cache": stats.from_cache,
            "misses": stats.misses,
            "unanswered": self.unanswered,
            "failed": self.failed,
            "unusable": dict(sorted(self.unusable.items())),
            "calls": stats.calls,
            self.nouns.made[1]: self.usable,
            "dropped": self.dropped,
            "complete": self.complete,
            "prompt_tokens": stats.prompt_tokens,
            "completion_tokens": stats.completion_tokens,
            "cost_usd": None if stats.unpriced else stats.cost_usd,
            "saved_usd": stats.saved_usd,
        }
