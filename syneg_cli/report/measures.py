"""The formulas of the page, one small function each: how well two kinds of texts are told apart."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS = 5
RIDGE = 0.1
"""Of a kernel whose diagonal is 1 on average: little for a few hundred texts, and never singular."""

SENTENCE = re.compile(r"[.!?。！？।؟]+")
STYLE = (
    "characters (log)",
    "characters a sentence (log)",
    "letters a word",
    "digits",
    "punctuation",
    "capitals",
    "different words",
)
"""What `style` measures, in this order."""


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The chance that one of `positives` is larger than one of `negatives`, ties counting half.

    The area under the ROC curve (Mann and Whitney's U over both counts): 0.5 tells nothing apart.

    >>> auc([3, 2], [1, 2])
    0.875

    Raises:
        ValueError: one of them is empty.
    """
    if not positives or not negatives:
        raise ValueError("the area under a curve needs both kinds")
    from scipy import stats

    ranks = stats.rankdata([*positives, *negatives])
    count = len(positives)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negatives)))


def probe(
    features: Floats, kinds: Sequence[bool], groups: Sequence[str], folds: int = FOLDS
) -> tuple[float, float]:
    """(AUC, accuracy) of a linear classifier on texts that it was not fitted on; 0.5 is a coin.

    Ridge regression on standardised features, fitted on the texts of all other folds. Texts of one
    group (a query) are in one fold, so that nothing of a query is known before. The kinds count alike:
    the accuracy is the mean of both kinds' own.

    Args:
        features: (texts, features).
        kinds: which of two kinds each text is of.
        groups: a name for each text.

    Raises:
        ValueError: there is but one kind, or but one group.
    """
    import numpy as np

    names = list(dict.fromkeys(groups))
    folds = min(folds, len(names))
    target = np.where(np.asarray(kinds), 1.0, -1.0)
    if folds < 2 or abs(target.sum()) == len(target):
        raise ValueError("a probe needs two kinds, and two groups")
    fold = np.array([names.index(group) % folds for group in groups])
    scores = np.zeros(len(target))
    for held_out in range(folds):
        test = fold == held_out
        scores[test] = _ridge(features[~test], target[~test], features[test])
    right, wrong = scores[target > 0], scores[target < 0]
    accuracy = float(((right > 0).mean() + (wrong < 0).mean()) / 2)
    return auc(right.tolist(), wrong.tolist()), accuracy


def _ridge(known: Floats, target: Floats, new: Floats) -> Floats:
    """Scores of new rows: kernel ridge regression with a linear kernel; both kinds weigh the same."""
    import numpy as np

    mean, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0] = 1.0
    known, new = (known - mean) / spread, (new - mean) / spread
    kernel = known @ known.T / known.shape[1]
    share = (target > 0).mean()
    if not 0 < share < 1:
        return np.zeros(len(new))
    weights = np.where(target > 0, 0.5 / share, 0.5 / (1 - share))
    centre = float((weights * target).mean())
    dual = np.linalg.solve(kernel + RIDGE * np.diag(1 / weights), target - centre)
    scores: Floats = new @ known.T @ dual / known.shape[1] + centre
    return scores


def style(text: str) -> tuple[float, ...]:
    """Length and style of a text of any script, as `STYLE` names them: nothing of what it is about."""
    letters = max(len(text), 1)
    words = text.split()
    sentences = sum(1 for part in SENTENCE.split(text) if part.strip())
    return (
        math.log(letters),
        math.log(letters / max(sentences, 1)),
        sum(map(len, words)) / max(len(words), 1),
        sum(character.isdigit() for character in text) / letters,
        sum(not character.isalnum() and not character.isspace() for character in text) / letters,
        sum(character.isupper() for character in text) / letters,
        len({word.lower() for word in words}) / max(len(words), 1),
    )


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson 1927), which stays within 0 and 1.

    >>> low, high = share_interval(0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    z = 1.959964
    share, wide = hits / count, z * z / count
    middle = (share + wide / 2) / (1 + wide)
    half = z * math.sqrt(share * (1 - share) / count + wide / (4 * count)) / (1 + wide)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantiles(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """The 5th, 25th, 50th, 75th and 95th percentile, linear between neighbours."""
    import numpy as np

    low, first, middle, third, high = np.percentile(list(values), [5, 25, 50, 75, 95]).tolist()
    return low, first, middle, third, high
