"""Whether the forecasts of `generate --pilot` came true: each against the arm that read those negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syneg_cli.evaluation import Word, corrected, decided
from syneg_cli.studies.comparing import against, lines
from syneg_cli.studies.plan import Beside, StudyPlan
from syneg_cli.studies.results import Row, by_arm

MEANT: Mapping[str, Word] = {"likely to help": "better", "likely to harm": "worse"}
"""A forecast is about a mix with the synthetic negatives, against mined ones alone."""

MIX, MINED = "hybrid", "dense"


@dataclass(frozen=True)
class Outcome:
    """A forecast, and what the study found."""

    synthetic: str
    """The set of synthetic negatives, by name."""
    arm: str
    forecast: str
    found: Word
    right: bool | None
    """None where nothing was foretold, or nothing is decided."""

    def __str__(self) -> str:
        came = {True: "it was right", False: "it was wrong", None: "which says nothing of it"}[self.right]
        return (
            f"The pilot of {self.synthetic} said {self.forecast!r}; "
            f"{self.arm} against {MINED} is {self.found}: {came}."
        )


def outcomes(plan: StudyPlan, beside: Beside, rows: Sequence[Row]) -> list[Outcome]:
    """Every forecast whose arm is measured: hybrid for the set that all arms read, prompt-NAME for others.

    What an arm of the tables is against mined negatives is what they say; comparisons that are in none
    are a family of their own.
    """
    if not beside.pilots:
        return []
    found = by_arm(rows)
    words = {
        line.arm.name: line.parts["all"].verdict for line in lines(plan, rows) if line.arm.control == MINED
    }
    foretold = {}
    for arm in plan.arms:
        of_set = arm.settings.get("generate", {}).get("name")
        here = arm.name in found and MINED in found and of_set in beside.pilots
        if here and arm.name in (MIX, f"prompt-{of_set}"):
            foretold[arm.name] = of_set
    others = {
        name: against(plan, found[name], found[MINED], list(found[name][0].scores))
        for name in foretold
        if name not in words
    }
    words |= {name: decided(one, alpha=plan.alpha) for name, one in corrected(others).items()}
    return [
        Outcome(of_set, name, said, word, _right(said, word))
        for name, of_set in foretold.items()
        if (word := words[name]) is not None and (said := beside.pilots[of_set])
    ]


def _right(said: str, word: Word) -> bool | None:
    meant = MEANT.get(said)
    return None if meant is None or word == "undecided" else word == meant
