"""What a report shows of each trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syneg_cli.evaluation import Comparison, Part
from syneg_cli.report.recordings import Recording


@dataclass(frozen=True)
class Mix:
    """What a model was trained on; `negatives` is source -> mean number per pair and round."""

    strategy: str
    ratio: float | None
    """Synthetic : retrieved, in expectation; None for a strategy without one."""
    negatives: Mapping[str, float]
    mirrored: int = 0
    """Synthetic texts that train as positives of queries of their own."""
    pairs: int | None = None
    written: int | None = None
    """Pairs whose query an LLM wrote; None where that was not counted yet."""


@dataclass(frozen=True)
class Score:
    """nDCG@10 on a split; `gain` is against the backbone, None where that was not measured."""

    value: float
    backbone: float | None = None
    gain: Comparison | None = None
    queries: int = 0
    written: int = 0
    """How many of them an LLM wrote."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """ "seen" and "unseen": the queries with a positive that training saw, and those without."""
    told: tuple[str, ...] = ()
    """What is to be said of these, in sentences."""
    per_query: Mapping[str, float] = field(default_factory=dict)
    """Of the model; `backbone_per_query` has the same queries, or none where it was not measured."""
    backbone_per_query: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """One trained model. `notes` say what is missing, and why."""

    name: str
    recording: Recording
    settings: Mapping[str, Any]
    """As training resolved them: no "auto" where a value was found."""
    losses: tuple[float, ...]
    """The mean of each epoch."""
    dev: tuple[float, ...]
    """nDCG@10 in the dev pool after each epoch."""
    similarity: str
    mix: Mix | None
    score: Score | None
    notes: tuple[str, ...] = ()
    trained: str = ""
    """The day, as 2026-11-29."""
    seconds: float = 0.0
    """That training took."""
    made_of: tuple[Path, ...] = ()
    """The files that its mix was made of, as far as that is known: negatives, mirrored queries."""

    @property
    def gain(self) -> Comparison | None:
        """Against the backbone, where both were measured."""
        return self.score.gain if self.score else None
