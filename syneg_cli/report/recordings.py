"""What a training run recorded, read from its file as curves over its steps."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syneg_cli.core import MissingArtifact, brief, need_file
from syneg_cli.report.curves import Curve
from syneg_cli.training import recorded_lines, variance

LARGE = 2**128
"""More than PyTorch's float32 holds, and little enough for its square and for sums in double precision."""
SOURCES = ("mined", "synthetic")
"""Where negatives come from."""


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
        return variance(self.gradient_norm.values) if len(self.gradient_norm) else None


def read_recording(path: Path) -> Recording | None:
    """The recording at `path`, up to a line that a crash cut; None if it is missing or empty.

    Raises:
        MissingArtifact: it holds something that training does not write; the message names the line.
    """
    if not os.path.lexists(path):
        return None
    need_file(path, MissingArtifact)
    try:
        rows = recorded_lines(path)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
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
        if type(value) not in (int, float) or LARGE < abs(value) != math.inf:
            what = f"{'.'.join(keys)} has to be a number up to 2**128"
            raise MissingArtifact(f"{path}, line {number}: {what}; it is {brief(value)}.")
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
