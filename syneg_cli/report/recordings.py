"""What a training run recorded, as curves over its steps: read, smoothed, summed up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from syneg_cli.core.errors import MissingArtifact
from syneg_cli.training import recorder as diagnostics

SOURCES = ("mined", "synthetic")
FEWEST, WIDEST = 5, 101
"""The narrowest and the widest window that smooths a curve."""


@dataclass(frozen=True)
class Curve:
    """One figure at the steps where it was measured; `steps` ascend, and both are equally long."""

    steps: tuple[int, ...] = ()
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


@dataclass(frozen=True)
class Recording:
    """The curves of one training run; `similarity` and `violated` are by source of negatives."""

    steps: int
    """Steps recorded; a step without negatives of a source has no point in that source's curves."""
    loss: Curve
    gradient_norm: Curve
    positive_similarity: Curve
    similarity: Mapping[str, Curve]
    violated: Mapping[str, Curve]
    not_finite: int = 0
    """Steps whose loss or gradient norm was infinite or no number; no curve has them."""

    def gradient_variance(self) -> float | None:
        """Of the gradient norm over the steps; None where no norm was recorded."""
        return diagnostics.variance(self.gradient_norm.values) if len(self.gradient_norm) else None


def read_recording(path: Path) -> Recording | None:
    """The recording at `path`, up to a line that a crash cut; None if it is missing or empty.

    Raises:
        MissingArtifact: it holds something that training does not write; the message names the line.
    """
    try:
        rows = diagnostics.read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise MissingArtifact(f"{path} cannot be read: {error}.") from None
    if not rows:
        return None
    _check(rows, path)
    loss, norm = (_numbers(rows, path, key) for key in ("loss", "gradient_norm"))
    broken = {step for step, value in (*loss, *norm) if not math.isfinite(value)}
    return Recording(
        steps=len(rows),
        loss=_curve(loss),
        gradient_norm=_curve(norm),
        positive_similarity=_curve(_numbers(rows, path, "positive_similarity")),
        similarity={source: _curve(_numbers(rows, path, source, "similarity")) for source in SOURCES},
        violated={source: _curve(_numbers(rows, path, source, "violated")) for source in SOURCES},
        not_finite=len(broken),
    )


def _check(rows: Sequence[Any], path: Path) -> None:
    last = 0
    for number, row in enumerate(rows, start=1):
        step = row.get("step") if isinstance(row, dict) else None
        if type(step) is not int or step <= last:
            expected = f"expected an object with a step after {last}"
            raise MissingArtifact(f"{path}, line {number}: {expected}, found {str(row)[:60]!r}.")
        for source in SOURCES:
            if not isinstance(row.get(source), (dict, type(None))):
                raise MissingArtifact(f"{path}, line {number}: {source!r} has to be an object.")
        last = step


def _numbers(rows: Sequence[Mapping[str, Any]], path: Path, *keys: str) -> list[tuple[int, float]]:
    """(step, value) of every row that has one; `keys` lead to it."""
    found: list[tuple[int, float]] = []
    for number, row in enumerate(rows, start=1):
        value = _lookup(row, keys)
        if value is None:
            continue
        if type(value) not in (int, float):
            name = ".".join(keys)
            raise MissingArtifact(f"{path}, line {number}: {name} has to be a number; it is {value!r}.")
        found.append((row["step"], float(value)))
    return found


def _lookup(row: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value: Any = row
    for key in keys:
        value = None if value is None else value.get(key)
    return value


def _curve(points: Sequence[tuple[int, float]]) -> Curve:
    finite = [(step, value) for step, value in points if math.isfinite(value)]
    return Curve(tuple(step for step, _ in finite), tuple(value for _, value in finite))


def window_for(points: int) -> int:
    """How many neighbouring values one value of a smoothed curve is the mean of: an odd number.

    A tenth of the points, within bounds; 1, which smooths nothing, for a handful of points.
    """
    return min(WIDEST, max(FEWEST, points // 10)) | 1 if points >= 2 * FEWEST else 1


def smooth(curve: Curve, window: int) -> Curve:
    """The mean of every `window` (an odd number) neighbouring values, at the middle one's step.

    Only full windows give a value: the first and the last window // 2 steps have none, since
    whatever stood there would rest on values that were never measured.

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
