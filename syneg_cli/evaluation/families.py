"""What every comparison holds, and what it becomes as one of several: Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar


@dataclass(frozen=True, kw_only=True)
class Compared:
    """System minus baseline, over `queries` paired queries, of whatever number of runs."""

    difference: float
    low: float
    high: float
    """The 95 % interval of the mean difference."""
    wins: int
    ties: int
    losses: int
    queries: int
    detectable: float
    """The smallest mean difference that so much data shows with 80 % power at 5 %, uncorrected."""
    margin: float
    """The mean difference within which the two count as equivalent."""
    p_equivalence: float
    """Of two one-sided tests against a difference of `margin` or more."""
    family: tuple[str, ...] = ()
    """The comparisons that it was corrected with, itself among them; none where it stands alone."""
    p_holm: float | None = None
    """`p`, corrected for the family; None where it stands alone, as is the next."""
    p_equivalence_holm: float | None = None

    @property
    def p(self) -> float:
        """The uncorrected p that decides whether there is a difference."""
        raise NotImplementedError

    @property
    def p_corrected(self) -> float:
        """The p that decides: corrected where there is a family."""
        return self.p if self.p_holm is None else self.p_holm

    def errors(self, alpha: float, power: float = 0.8) -> float:
        """The standard errors that a difference has to have: seen with this power by a p below `alpha`."""
        return standard_errors(alpha, power)

    @property
    def basis(self) -> str:
        """How much was measured, in words: "120 queries"."""
        raise NotImplementedError

    @property
    def note(self) -> str:
        """What it says nothing of."""
        raise NotImplementedError


C = TypeVar("C", bound=Compared)


def standard_errors(alpha: float = 0.05, power: float = 0.8) -> float:
    """z_{1-alpha/2} + z_power: a difference of so many is seen by a two-sided test with this power."""
    from scipy import stats

    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))


def corrected(comparisons: Mapping[str, C]) -> dict[str, C]:
    """Each of a family with its p values corrected and the family named; one alone stays as it is.

    Differences and equivalences are corrected apart: of one comparison only one of the two can be
    claimed wrongly.
    """
    if len(comparisons) < 2:
        return dict(comparisons)
    different = holm({name: one.p for name, one in comparisons.items()})
    equivalent = holm({name: one.p_equivalence for name, one in comparisons.items()})
    family = tuple(comparisons)
    return {
        name: replace(one, family=family, p_holm=different[name], p_equivalence_holm=equivalent[name])
        for name, one in comparisons.items()
    }


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction over a family of comparisons (Holm 1979), smallest first; names are kept.

    Raises:
        ValueError: a p is not between 0 and 1.
    """
    if wrong := [name for name, p in p_values.items() if not 0 <= p <= 1]:
        raise ValueError(f"no p value: {', '.join(f'{name} {p_values[name]}' for name in wrong)}")
    adjusted: dict[str, float] = {}
    running = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for rank, (name, p) in enumerate(ordered):
        running = max(running, min(1.0, p * (len(ordered) - rank)))
        adjusted[name] = running
    return adjusted
