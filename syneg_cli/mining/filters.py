"""Which ranked documents may serve as negatives: one small function per rule.

Every filter takes (n, c) arrays of n queries and c places and returns (n, c) booleans, True
to keep. `positive` is (n,): the lowest score among a query's positives (NaN: unknown, and
nothing is kept, since nothing vouches for it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SHARE = 0.95
"""NV-Retriever's best share of the positive's score."""


def rank_window(ranks: np.ndarray, first: int, last: int) -> np.ndarray:
    """Ranks from `first` to `last`, both included, counted from 1."""
    kept: np.ndarray = (ranks >= first) & (ranks <= last)
    return kept


def at_least(scores: np.ndarray, bound: float) -> np.ndarray:
    kept: np.ndarray = scores >= bound
    return kept


def at_most(scores: np.ndarray, bound: float) -> np.ndarray:
    kept: np.ndarray = scores <= bound
    return kept


def margin(scores: np.ndarray, positive: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """s- <= s+ - width (NV-Retriever's TopK-MarginPos, arXiv 2407.15831); one width, or (n,)."""
    kept: np.ndarray = scores <= (positive - width)[:, None]
    return kept


def percentage(scores: np.ndarray, positive: np.ndarray, share: float) -> np.ndarray:
    """s- <= s+ - (1 - share) |s+| (TopK-PercPos, arXiv 2407.15831).

    The absolute value keeps the bound below the positive where scores are negative.
    """
    import numpy as np

    kept: np.ndarray = scores <= (positive - (1 - share) * np.abs(positive))[:, None]
    return kept


def auto_margin(positive: np.ndarray, baseline: np.ndarray, share: float) -> np.ndarray:
    """(n,) widths: (1 - share) of the distance between a query's positive and an average document.

    It is the percentage rule with the average document's score as zero, so that encoders
    whose scores are all in a narrow band get a margin to the scale of that band. The rule is
    syneg's own.
    """
    import numpy as np

    width: np.ndarray = (1 - share) * np.maximum(positive - baseline, 0)
    return width
