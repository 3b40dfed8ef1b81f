"""What a mining run looked like: survivors per filter, score quantiles, short queries, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from syneg_cli.core import MinedNegative, counted
from syneg_cli.mining.base import Ranking
from syneg_cli.mining.filters import SHARE

if TYPE_CHECKING:
    import numpy as np

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
EXAMPLES = 3


@dataclass
class Tally:
    """Counts that `select` fills block by block."""

    queries: int = 0
    survivors: dict[str, int] = field(default_factory=dict)
    """Filter -> documents left after it, in the order applied, all queries together."""
    near_copies: int = 0
    """Of a positive, among what the draw came to: left out."""
    close: int = 0
    """Negatives that score above 95 % of their positive: where unlabelled positives are likely."""
    short: list[str] = field(default_factory=list)
    """Queries with fewer negatives than asked."""
    blame: Counter[str] = field(default_factory=Counter)
    """Filter -> short queries of which it took the most documents."""
    positive_scores: list[float] = field(default_factory=list)
    negative_scores: list[float] = field(default_factory=list)
    unscored: int = 0
    """Queries whose positives the miner gave no score."""
    examples: list[tuple[MinedNegative, float]] = field(default_factory=list)
    """(negative, score of the positive)."""
    _steps: list[tuple[str, np.ndarray]] = field(default_factory=list)

    def start(self, ranking: Ranking, allowed: np.ndarray) -> None:
        """A new block of queries: what was ranked, and what is left without the positives."""
        import numpy as np

        known = np.isfinite(ranking.positive)
        self.queries += len(allowed)
        self.unscored += int((~known).sum())
        self.positive_scores += ranking.positive[known].tolist()
        self._steps = []
        self._note("ranked", (ranking.rows >= 0).sum(axis=1))
        self._note("no positive", allowed.sum(axis=1))

    def after(self, name: str, kept: np.ndarray) -> None:
        self._note(name, kept.sum(axis=1))

    def _note(self, name: str, left: np.ndarray) -> None:
        self.survivors[name] = self.survivors.get(name, 0) + int(left.sum())
        self._steps.append((name, left))

    def drawn(self, place: int, query_id: str, count: int, wanted: int) -> None:
        """How many negatives the query at this place of the block got."""
        if count >= wanted:
            return
        self.short.append(query_id)
        losses = [
            (int(before[place] - after[place]), name)
            for (_, before), (name, after) in zip(self._steps[1:], self._steps[2:], strict=False)
        ]
        lost, name = max(losses, default=(0, ""))
        self.blame[name if lost else "ranked"] += 1

    def kept(self, negative: MinedNegative, positive: float) -> None:
        self.negative_scores.append(negative.score)
        self.close += negative.score > positive - (1 - SHARE) * abs(positive)
        if len(self.examples) < EXAMPLES and all(negative.query_id != n.query_id for n, _ in self.examples):
            self.examples.append((negative, float(positive)))

    @classmethod
    def of(cls, parts: list[Tally]) -> Tally:
        """The counts of consecutive parts of the queries, as if they had been one."""
        whole = cls()
        for part in parts:
            whole._add(part)
        return whole

    def _add(self, other: Tally) -> None:
        self.queries += other.queries
        self.near_copies += other.near_copies
        self.close += other.close
        self.unscored += other.unscored
        for name, count in other.survivors.items():
            self.survivors[name] = self.survivors.get(name, 0) + count
        self.short += other.short
        self.blame.update(other.blame)
        self.positive_scores += other.positive_scores
        self.negative_scores += other.negative_scores
        self.examples = (self.examples + other.examples)[:EXAMPLES]

    @property
    def per_query(self) -> float:
        return len(self.negative_scores) / max(self.queries, 1)

    def remarks(self, pool: int, depth: int, *, similarities: bool = True) -> list[str]:
        """What a reader should know: queries without scores, queries cut short.

        Args:
            similarities: False where scores are made of ranks, whose closeness says nothing.
        """
        found = []
        if self.unscored and self.negative_scores and self.positive_scores:
            found.append(f"without a scored positive: {counted(self.unscored, 'query', 'queries')}")
        if self.close and similarities:
            found.append(
                f"{self.close} of {counted(len(self.negative_scores), 'negative')} "
                "above 95 % of their positive's score; "
                "where judgements are sparse many of these are relevant: look at the examples, "
                "`syneg verify`, or mine with --percentage 0.95"
            )
        if self.short:
            name = self.blame.most_common(1)[0][0]
            if name != "ranked":
                what = f"'{name}' took the most; raise --pool (now {pool}), loosen it or lower --depth"
            elif self.survivors.get("ranked", 0) < pool * self.queries:
                what = "the miner found no more documents; lower --depth"
            else:
                what = f"the miner gave all it may; raise --pool (now {pool}) or lower --depth"
            queries = counted(self.queries, "query", "queries")
            found.append(f"{len(self.short)} of {queries} got fewer than {depth}: {what}")
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "negatives": len(self.negative_scores),
            "survivors": dict(self.survivors),
            "near_copies": self.near_copies,
            "short_queries": len(self.short),
            "without_scored_positive": self.unscored,
            "positive_quantiles": quantiles(self.positive_scores),
            "negative_quantiles": quantiles(self.negative_scores),
        }


def quantiles(scores: Sequence[float]) -> dict[str, float]:
    """{"5%": ..., "25%": ..., ...}; empty without scores."""
    import numpy as np

    if not scores:
        return {}
    found = np.quantile(np.asarray(scores, dtype=np.float64), QUANTILES)
    return {f"{share:.0%}": round(float(value), 4) for share, value in zip(QUANTILES, found, strict=True)}
