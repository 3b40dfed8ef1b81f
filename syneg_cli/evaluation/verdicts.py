"""What a comparison says, in one of four words and in one sentence. Nothing else in syneg says it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Literal

from syneg_cli.core import counted
from syneg_cli.evaluation.families import Compared

Word = Literal["better", "worse", "equivalent", "undecided"]

ALPHA = 0.05

FEW = 25
"""Queries that are few: Buckley and Voorhees (SIGIR 2000) ask for 25 at the least, better 50."""


def tells_little(count: int, split: str) -> str:
    """What is to be said of a split with few queries; "" where it has enough."""
    if count >= FEW:
        return ""
    queries = counted(count, f"{split} query tells", f"{split} queries tell")
    return f"{queries} little: with less than {FEW}, only a large difference can be seen"


def decided(compared: Compared, *, alpha: float = ALPHA) -> Word:
    """Better, worse, equivalent or undecided, by the corrected p values where there is a family.

    A difference that is real and within the margin is `better` or `worse`; `within_margin` says so, and the
    sentence. Of few queries nothing is equivalent: the t-test behind it sees no rare large differences there.

    Args:
        alpha: how often such a word may be wrong; a look of a sequential study has its own (`boundaries`).
    """
    if compared.p_corrected < alpha:
        return "better" if compared.difference > 0 else "worse"
    return "equivalent" if within_margin(compared, alpha=alpha) else "undecided"


def within_margin(compared: Compared, *, alpha: float = ALPHA) -> bool:
    """Whether the difference is shown to be smaller than the margin."""
    corrected = compared.p_equivalence_holm
    p = compared.p_equivalence if corrected is None else corrected
    return compared.queries >= FEW and p < alpha


def verdict(name: str, compared: Compared, *, alpha: float = ALPHA) -> str:
    """`decided` as one sentence about the metric `name`, with what it does not say."""
    word, margin = decided(compared, alpha=alpha), f"{compared.margin:g}"
    if compared.wins == compared.losses == 0:
        same = f"{name} is the same for every query"
        if word == "equivalent":
            return f"{same}. {compared.note}"
        return f"{same}: undecided, as {compared.basis} cannot rule out a difference of {margin} on others."
    value, p = f"{compared.difference:+.4f}", told_p(compared)
    if word == "undecided":
        raw = f" (p {p})" if compared.p < alpha else ""  # the correction alone is why
        also = f" as one of {len(compared.family)} comparisons" if compared.family else ""
        least = detectable(compared, alpha=alpha)
        size = f"it would have to be about {least:.3f}{also}"
        size = size if math.isfinite(least) else "how large it would have to be is unknown"
        return (
            f"{name} is undecided: a difference of {value} cannot be told from noise with "
            f"{compared.basis}{raw}; {size}."
        )
    if word == "equivalent":
        p = _p(compared.p_equivalence, compared.p_equivalence_holm, compared)
        return f"{name} is equivalent: the difference of {value} is within ±{margin} (p {p}). {compared.note}"
    small = f", and by less than the margin of {margin}" if within_margin(compared, alpha=alpha) else ""
    return f"{name} is {word} by {value[1:]} (p {p}){small}. {compared.note}"


def detectable(compared: Compared, *, alpha: float = ALPHA) -> float:
    """The smallest difference that so much data shows with 80 % power, as one of its family.

    Holm's first step is Bonferroni's, alpha / m. `compared.detectable` is for `ALPHA` and one comparison.

    Args:
        alpha: as for `decided`; infinite where it is 0, as before the first look.
    """
    first = compared.errors(alpha / max(1, len(compared.family)))
    return compared.detectable * first / compared.errors(ALPHA)


def told_p(compared: Compared) -> str:
    """A comparison's p after its letter, with the corrected one where it is one of several."""
    return _p(compared.p, compared.p_holm, compared)


def _p(p: float, corrected: float | None, compared: Compared) -> str:
    if corrected is None:
        return p_value(p)
    return f"{p_value(p)}, corrected for {len(compared.family)} comparisons {p_value(corrected)}"


def p_value(p: float) -> str:
    """A p after its letter: `= 0.0312`, `< 0.0001`."""
    return plain_p(p) if p < 0.0001 else f"= {plain_p(p)}"


def plain_p(p: float) -> str:
    """A p as a cell of a table: to four digits, and none as zero; "unknown" where a test has none."""
    if math.isnan(p):
        return "unknown"
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def interval(compared: Compared) -> str:
    """`[+0.0120, +0.0698]`; "unknown" where there are too few queries to tell one."""
    if not math.isfinite(compared.high - compared.low):
        return "unknown"
    return f"[{compared.low:+.4f}, {compared.high:+.4f}]"


def as_data(compared: Compared) -> dict[str, Any]:
    """Every number of a comparison and its `verdict`, as JSON has them: what is not finite is None."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(compared).items()
    } | {"family": list(compared.family), "verdict": decided(compared)}
