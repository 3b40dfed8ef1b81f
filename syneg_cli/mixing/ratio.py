"""Synthetic : retrieved, as a person reads it: the ratio, and the share of synthetic negatives it means."""

from __future__ import annotations

import math
from collections.abc import Mapping

from syneg_cli.core import SYNTHETIC

FEW = 0.1
"""Up to this share of pairs without a synthetic negative nothing is said."""

OFF = 0.05
"""Nor where the share of synthetic negatives is off by no more than this."""


def share_of(ratio: float) -> float:
    """The share of synthetic negatives in R : 1 is R / (1 + R): 0.7 : 1 is 41 %."""
    return ratio / (1 + ratio)


def asked(ratio: float) -> str:
    """`0.7 : 1 (41 % synthetic)`."""
    return f"{ratio:g} : 1 ({_percent(share_of(ratio))} synthetic)"


def reached_share(means: Mapping[str, float]) -> float | None:
    """The share of synthetic negatives among those that instances got; None where they got none.

    Args:
        means: source -> negatives, as sums or as means.
    """
    every = sum(means.values())
    return means.get(SYNTHETIC, 0.0) / every if every else None


def misses(share: float | None, ratio: float, draws: float) -> bool:
    """Whether a share of synthetic negatives misses that of `ratio` by more than draws alone explain.

    Args:
        share: as `reached_share` has it.
        draws: instances, those of all rounds.
    """
    if share is None or not draws:
        return False
    wanted = share_of(ratio)
    return abs(share - wanted) > max(OFF, 3 * math.sqrt(wanted * (1 - wanted) / draws))


def reached(means: Mapping[str, float]) -> str:
    """`0.70 : 1 (41 % synthetic)`: what instances really got."""
    share = reached_share(means)
    return "no negatives but in-batch ones" if share is None else as_ratio(share)


def as_ratio(share: float) -> str:
    """A share of synthetic negatives, as `reached` says it."""
    return "all synthetic" if share == 1 else f"{share / (1 - share):.2f} : 1 ({_percent(share)} synthetic)"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
