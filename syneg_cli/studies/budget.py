"""What an arm costs before it runs: steps, texts, and the time on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds_of(text: str) -> float:
    """`6h`, `90m`, `1h30m`, `2d` in seconds.

    Raises:
        ValueError: it is no time.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([dhms])", text.lower())
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*([dhms])", "", text.lower()).strip():
        raise ValueError("expected a time, as 6h, 90m or 1h30m")
    return sum(float(number) * UNITS[unit] for number, unit in parts)


@dataclass(frozen=True)
class Spent:
    """What one training run of an arm is given: an arm and its control should have the same."""

    steps: int
    """Steps of the optimiser."""
    texts: float
    """Encoded texts a step: queries and documents, those of a batch that are shared counted twice."""
    negatives: float
    """Negatives of an instance, beside those of the batch."""
    trials: int
    """Settings that were tried on dev."""

    def differs_from(self, control: Spent) -> tuple[str, ...]:
        """Where it is given something else than its control, each in words."""
        names = {
            "steps": "optimiser steps",
            "texts": "encoded texts a step",
            "negatives": "negatives an instance",
            "trials": "trials on dev",
        }
        return tuple(
            f"{said}: {_number(getattr(self, name))}, its control {_number(getattr(control, name))}"
            for name, said in names.items()
            if abs(getattr(self, name) - getattr(control, name)) > 0.01 * abs(getattr(control, name))
        )


def _number(value: float) -> str:
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"


@dataclass(frozen=True)
class Rates:
    """What this machine does, measured with the backbone and texts of the data set."""

    text_seconds: float
    """To encode a document."""
    step_seconds: float
    """For each text that a training step encodes, forth and back."""
    documents: int
    """Of the corpus, encoded anew for every model that is measured, but those of `adore`."""
    queries: Mapping[str, int]
    """Split -> judged queries."""
    model_bytes: int = 0

    def training(self, spent: Spent) -> float:
        """Seconds of one training run."""
        return spent.steps * spent.texts * self.step_seconds

    def measuring(self, split: str, *, documents: bool = True) -> float:
        """Seconds to encode what one model is measured on; without documents its queries alone."""
        return (documents * self.documents + self.queries.get(split, 0)) * self.text_seconds


def within(costs: Mapping[str, float], needs: Mapping[str, Sequence[str]], budget: float) -> list[str]:
    """The arms that fit into the budget, in order: the first ones first, each with what it needs.

    Args:
        costs: arm -> seconds, the most telling first.
        needs: arm -> the arms that it is compared with or made from.
    """
    kept: dict[str, None] = {}
    for name in costs:
        wanted = [one for one in (*_all_needs(name, needs), name) if one not in kept]
        if sum(costs[one] for one in (*kept, *wanted)) <= budget:
            kept |= dict.fromkeys(wanted)
    return [name for name in costs if name in kept]


def _all_needs(name: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    found: list[str] = []
    for one in needs.get(name, ()):
        found += [*_all_needs(one, needs), one]
    return found
