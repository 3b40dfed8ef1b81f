"""How well two kinds of things can be told apart: AUC with its interval, a linear probe, and shares.

Scores of one query resemble one another, so intervals count queries (groups), not scores.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import listed, pick

if TYPE_CHECKING:
    import numpy as np

Z95 = 1.959963984540054
FOLDS = 5
RIDGE = 0.01
"""Of the mean variance, added to every feature's: as many features as texts stay solvable."""


@dataclass(frozen=True)
class Auc:
    """The probability that a score of the first kind is above one of the second; ties count half.

    `low` and `high` are a 95 % interval. All three are NaN where a kind has no score.
    """

    value: float
    low: float
    high: float


NOT_MEASURED = Auc(float("nan"), float("nan"), float("nan"))


def auc(
    first: Sequence[float],
    second: Sequence[float],
    groups_first: Sequence[Hashable] | None = None,
    groups_second: Sequence[Hashable] | None = None,
) -> Auc:
    """AUC with DeLong's interval (Biometrics 1988), over groups as Obuchowski has it (Biometrics 1997).

    Args:
        groups_first, groups_second: what each score belongs to, such as its query; scores of a group,
            of both kinds, may depend on one another. Without groups all are independent.

    Where every comparison has the same outcome no variance can be seen; the interval is then Wilson's
    for as many groups as the smaller kind has.
    """
    import numpy as np

    if not len(first) or not len(second):
        return NOT_MEASURED
    above = _placements(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    below = 1.0 - _placements(np.asarray(second, dtype=np.float64), np.asarray(first, dtype=np.float64))
    value = float(above.mean())
    names_first = [("first", at) for at in range(len(first))] if groups_first is None else groups_first
    names_second = [("second", at) for at in range(len(second))] if groups_second is None else groups_second
    variance = _variance(above - value, names_first, below - value, names_second)
    if value in (0.0, 1.0):
        return Auc(value, *wilson(value, min(len(set(names_first)), len(set(names_second)))))
    if variance is None:
        return Auc(value, 0.0, 1.0)
    width = Z95 * variance**0.5
    return Auc(value, max(0.0, value - width), min(1.0, value + width))


def _placements(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each score the share of the others that are below it; those that are equal count half."""
    import numpy as np

    ordered = np.sort(others)
    left, right = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    placed: np.ndarray = (left + right) / (2 * len(others))
    return placed


def _variance(
    first: np.ndarray, groups_first: Sequence[Hashable], second: np.ndarray, groups_second: Sequence[Hashable]
) -> float | None:
    """Obuchowski's variance from the centred placements of both kinds; None where there is one group.

    With G groups that have a score of the kind (G in all), and sums over each group:
    var = S10 / M + S01 / N + 2 S11 / (M N), where S10 = G10 / ((G10 - 1) M) sum(first sums squared),
    S01 alike, and S11 = G / (G - 1) sum(products of both sums).
    """
    ones, others = _sums(first, groups_first), _sums(second, groups_second)
    every = {*ones, *others}
    if len(ones) < 2 or len(others) < 2:
        return None
    m, n = len(first), len(second)
    s10 = len(ones) / ((len(ones) - 1) * m) * sum(one**2 for one in ones.values())
    s01 = len(others) / ((len(others) - 1) * n) * sum(one**2 for one in others.values())
    both = sum(one * others.get(group, 0.0) for group, one in ones.items())
    s11 = len(every) / (len(every) - 1) * both
    return max(0.0, s10 / m + s01 / n + 2 * s11 / (m * n))


def _sums(values: np.ndarray, groups: Sequence[Hashable]) -> dict[Hashable, float]:
    found: dict[Hashable, float] = {}
    for value, group in zip(values.tolist(), groups, strict=True):
        found[group] = found.get(group, 0.0) + value
    return found


def wilson(share: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share of `count` independent trials (Wilson, JASA 1927); (0, 1) of none."""
    if count <= 0:
        return 0.0, 1.0
    centre = share + Z95**2 / (2 * count)
    width = Z95 * ((share * (1 - share) + Z95**2 / (4 * count)) / count) ** 0.5
    below = 1 + Z95**2 / count
    low, high = (centre - width) / below, (centre + width) / below
    return 0.0 if share == 0 else low, 1.0 if share == 1 else high  # without rounding errors at the ends


def share_of_groups(groups: Collection[Sequence[bool]]) -> tuple[float, float, float]:
    """(the share for which something holds, low, high): Wilson's interval for the effective number of trials.

    That is p (1 - p) / var, with the variance of a ratio over groups (Korn and Graubard, Survey
    Methodology 1998), and never more than there are; where all are alike, the number of groups.

    Args:
        groups: of each group, such as a query, whether it holds for each of its members: one or more.
    """
    count = sum(map(len, groups))
    p = sum(map(sum, groups)) / count
    effective: float = len(groups)
    if 0 < p < 1 and len(groups) > 1:
        residuals = (sum(held) - p * len(held) for held in groups)
        variance = len(groups) / (len(groups) - 1) * sum(r**2 for r in residuals) / count**2
        effective = min(count, p * (1 - p) / variance) if variance > 0 else count
    return p, *wilson(p, effective)


def probe_auc(
    first: Sequence[Sequence[float]],
    second: Sequence[Sequence[float]],
    groups_first: Sequence[str],
    groups_second: Sequence[str],
) -> Auc:
    """How well a linear classifier tells the two kinds apart on groups that it was not fitted to.

    Fisher's discriminant with a ridge, in five folds; a group's fold is decided by its name. 0.5 is
    not at all. Unlike a similarity's, this AUC has no direction: below 0.5 is chance. Its interval is
    that of the classifiers as they were fitted, a little too narrow: other queries would fit others.

    Args:
        first, second: the features of each thing, such as its embedding; all of the same length.
    """
    import numpy as np

    if not len(first) or not len(second):
        return NOT_MEASURED
    features = np.concatenate([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)])
    is_first = np.arange(len(features)) < len(first)
    groups = [*groups_first, *groups_second]
    fold = np.array([pick(listed("probe", group), FOLDS) for group in groups])
    scores = np.full(len(features), np.nan)
    for held in range(FOLDS):
        known, out = fold != held, fold == held
        if (known & is_first).sum() > 1 and (known & ~is_first).sum() > 1:
            scores[out] = _discriminant(features[known], is_first[known], features[out])
    told = ~np.isnan(scores)
    names = np.array(groups, dtype=object)
    return auc(
        scores[told & is_first].tolist(),
        scores[told & ~is_first].tolist(),
        names[told & is_first].tolist(),
        names[told & ~is_first].tolist(),
    )


def _discriminant(known: np.ndarray, is_first: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Fisher's linear discriminant of `asked`: from the middle of both means, in standard deviations."""
    import numpy as np

    scale = known.std(axis=0)
    scale[scale == 0] = 1.0
    ones, others = known[is_first] / scale, known[~is_first] / scale
    centred = np.concatenate([ones - ones.mean(axis=0), others - others.mean(axis=0)])
    within = centred.T @ centred / len(centred)
    ridge = RIDGE * (np.trace(within) / len(within) or 1.0)
    direction = np.linalg.solve(within + ridge * np.eye(len(within)), ones.mean(axis=0) - others.mean(axis=0))
    middle = (ones.mean(axis=0) + others.mean(axis=0)) / 2
    spread = float(np.sqrt(direction @ within @ direction)) or 1.0
    projected: np.ndarray = ((asked / scale) - middle) @ direction / spread
    return projected
