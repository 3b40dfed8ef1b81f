"""A quantity over the steps of a training run: smoothed, cut into pieces, thinned, summed up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NARROWEST, WIDEST = 5, 101
"""The bounds of the window that smooths a curve."""


@dataclass(frozen=True)
class Curve:
    """One quantity at the steps where it was measured; `steps` ascend, and both are equally long."""

    steps: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def first_quarter(self) -> float | None:
        """The mean of the first quarter of the values, at least of one; None without any."""
        return _mean(self.values[: max(1, len(self) // 4)])

    def last_quarter(self) -> float | None:
        """The mean of the last quarter of the values, at least of one; None without any."""
        return _mean(self.values[-max(1, len(self) // 4) :])


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def window_for(points: int) -> int:
    """How many neighbouring values one value of a smoothed curve is the mean of: an odd number.

    A tenth of the points, within bounds; 1, which smooths nothing, for a handful of points.
    """
    return min(WIDEST, max(NARROWEST, points // 10)) | 1 if points >= 2 * NARROWEST else 1


def smooth(curve: Curve, window: int) -> Curve:
    """The mean of every `window` (an odd number) neighbouring values, at the middle one's step.

    Only full windows give a value: the first and the last window // 2 steps have none, since
    whatever stood there would need values that were never measured.

    >>> smooth(Curve((1, 2, 3, 4), (3.0, 0.0, 6.0, 9.0)), 3)
    Curve(steps=(2, 3), values=(3.0, 5.0))
    """
    import numpy as np

    if len(curve) < window:
        return Curve()
    means = np.lib.stride_tricks.sliding_window_view(np.asarray(curve.values), window).mean(axis=1)
    half = window // 2
    return Curve(curve.steps[half : len(curve) - half], tuple(means.tolist()))


def pieces(curve: Curve, gap: int) -> list[Curve]:
    """The curve cut where more than `gap` steps lie between two points: nothing is known there."""
    cuts = [i for i in range(1, len(curve)) if curve.steps[i] - curve.steps[i - 1] > gap]
    ends = [0, *cuts, len(curve)]
    return [
        Curve(curve.steps[start:end], curve.values[start:end]) for start, end in pairwise(ends) if end > start
    ]


def thin(curve: Curve, points: int) -> Curve:
    """At most `points` of the curve's own points: of every stretch the lowest and the highest one."""
    if len(curve) <= points:
        return curve
    edges = [round(i * len(curve) / (points // 2)) for i in range(points // 2 + 1)]
    kept: set[int] = set()
    for start, end in pairwise(edges):
        kept |= {pick(range(start, end), key=curve.values.__getitem__) for pick in (min, max)}
    return Curve(
        tuple(curve.steps[place] for place in sorted(kept)),
        tuple(curve.values[place] for place in sorted(kept)),
    )
