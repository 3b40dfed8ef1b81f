"""What a pilot found out: measures of each source, evidence by rule, and a verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from syneg_cli.core import MissingArtifact, need_file

Says = Literal["help", "harm", "open"]
"""What a measure speaks for: that the synthetic negatives help, that they do harm, or neither yet."""

Verdict = Literal["likely to help", "likely to harm", "cannot tell"]


@dataclass(frozen=True)
class Interval:
    """A measured value with its 95 % interval; all NaN where there was nothing to measure."""

    value: float
    low: float
    high: float

    @property
    def measured(self) -> bool:
        return not math.isnan(self.value)

    def as_json(self) -> list[float] | None:
        """[low, value, high]"""
        return [self.low, self.value, self.high] if self.measured else None

    @classmethod
    def read(cls, told: Any) -> Interval:
        """As `as_json` wrote it. Raises TypeError or ValueError for anything else."""
        if told is None:
            return NOTHING
        low, value, high = map(float, told)
        return cls(value, low, high)


NOTHING = Interval(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class PilotNegative:
    """One negative of the pilot. Similarities are the encoder's, as it compares a query with a document."""

    query_id: str
    text: str
    similarity: float
    """To its query."""
    positive: float
    """Of the positive to the query: the one that it was written for, of a mined one the lowest."""
    relevant: bool | None = None
    """What the judge says; None where it was not asked, or had no opinion."""


@dataclass(frozen=True)
class SourceMeasures:
    """What the negatives of one source are like."""

    negatives: int
    queries: int
    similarity: Mapping[str, float]
    """Quantiles of the similarity to the query."""
    outranks: Interval
    """Share that is at least as similar to the query as the positive."""
    within_margin: Interval
    """Share that is closer than `margin` below the positive: what verify's margin check calls relevant."""
    judged: int
    relevant: Interval
    """Share of the judged that the judge calls relevant: false negatives."""

    def as_json(self) -> dict[str, Any]:
        return {
            "negatives": self.negatives,
            "queries": self.queries,
            "similarity_quantiles": dict(self.similarity),
            "outranks_positive": self.outranks.as_json(),
            "within_margin": self.within_margin.as_json(),
            "judged": self.judged,
            "judged_relevant": self.relevant.as_json(),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> SourceMeasures:
        """As `as_json` wrote it. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            int(told["negatives"]),
            int(told["queries"]),
            dict(told["similarity_quantiles"]),
            Interval.read(told["outranks_positive"]),
            Interval.read(told["within_margin"]),
            int(told["judged"]),
            Interval.read(told["judged_relevant"]),
        )


@dataclass(frozen=True)
class Evidence:
    """What one rule made of one measure. `text` says it in a sentence."""

    rule: str
    says: Says
    measured: Interval
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "says": self.says, "measured": self.measured.as_json(), "text": self.text}


@dataclass(frozen=True)
class Forecast:
    """Whether a mix with the synthetic negatives will beat mined ones alone, as far as a pilot can tell."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]
    pairs: int
    """(query, positive) pairs that were asked about."""
    positive_similarity: Mapping[str, float]
    """Quantiles of the similarity of queries and positives."""
    sources: Mapping[str, SourceMeasures]
    """"synthetic", and the miner by its name."""
    miner: str = ""
    backbone: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "evidence": [one.as_json() for one in self.evidence],
            "pairs": self.pairs,
            "miner": self.miner,
            "backbone": self.backbone,
            "positive_similarity_quantiles": dict(self.positive_similarity),
            "sources": {name: one.as_json() for name, one in self.sources.items()},
            "notes": list(self.notes),
        }


def read_forecast(path: Path) -> Forecast:
    """The forecast that `generate --pilot` stored.

    Raises:
        MissingArtifact: there is none, or the file holds something else.
    """
    hint = "`syneg generate --pilot 50` makes one."
    need_file(path, MissingArtifact, hint=hint)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["verdict"] not in get_args(Verdict):
            raise ValueError(told["verdict"])
        return Forecast(
            verdict=told["verdict"],
            evidence=tuple(
                Evidence(one["rule"], one["says"], Interval.read(one["measured"]), one["text"])
                for one in told["evidence"]
            ),
            pairs=int(told["pairs"]),
            positive_similarity=dict(told["positive_similarity_quantiles"]),
            sources={name: SourceMeasures.read(one) for name, one in told["sources"].items()},
            miner=told["miner"],
            backbone=told["backbone"],
            notes=tuple(told["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise MissingArtifact(f"{path} is no forecast of a pilot, or damaged.", hint=hint) from None
