"""Whether the forecasts of `generate --pilot` came true: each against the arm that read those negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syneg_cli.evaluation import Word, decided
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

    What was found is the verdict of the study's tables, where these have the comparison.
    """
    if not beside.pilots:
        return []
    found, told = by_arm(rows), {line.arm.name: line.parts["all"].verdict for line in lines(plan, rows)}
    made = []
    for arm in plan.arms:
        of_set = arm.settings.get("generate", {}).get("name")
        if arm.name not in (MIX, f"prompt-{of_set}") or of_set not in beside.pilots:
            continue
        if arm.name in found and MINED in found:
            word = told[arm.name] if arm.control == MINED else None
            if word is None:  # the plan compares it with another arm
                queries = list(found[arm.name][0].scores)
                word = decided(against(plan, found[arm.name], found[MINED], queries), alpha=plan.alpha)
            meant = MEANT.get(beside.pilots[of_set])
            right = None if meant is None or word == "undecided" else word == meant
            made.append(Outcome(of_set, arm.name, beside.pilots[of_set], word, right))
    return made
