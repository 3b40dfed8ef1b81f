"""What a study has found so far: a row for each arm and seed, and one for each trial on dev.

Both files are written anew with each row, in the plan's order: they hold neither times nor paths, so
that a study that was interrupted ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from syneg_cli.core import MissingArtifact, read_jsonl, write_jsonl
from syneg_cli.studies.plan import StudyPlan

RESULTS, TRIALS, TIMES = "results.jsonl", "trials.jsonl", "times.jsonl"
ANEW = "`syneg study --force` begins anew, and keeps what is there beside it."

ROUNDING = 1e-9
"""Of a mean that was summed otherwise."""

MIXED = {"pairs", "with_synthetic", "draws"}
"""What `Row.mixed` always has."""


@dataclass(frozen=True)
class Row:
    """One model, measured. `seed` is None where there is nothing to draw: the backbone, and soups."""

    plan: str
    arm: str
    seed: int | None
    tried: Mapping[str, Any]
    """The settings of the grid that dev chose."""
    metrics: Mapping[str, float]
    scores: Mapping[str, float]
    """Query -> the main metric."""
    steps: int | None = None
    negatives: float | None = None
    """Of an instance, as they were drawn."""
    mixed: Mapping[str, float] | None = None
    """`pairs`, those of them `with_synthetic` negatives, the `draws` (instances over all rounds), and where
    any negative was drawn the `synthetic_share`. None: unknown, or there was no mix."""

    def __post_init__(self) -> None:
        if not all(map(_is_score, [*self.metrics.values(), *self.scores.values()])) or not self.scores:
            raise TypeError("scores are numbers from 0 to 1")
        if self.mixed is not None and not self.mixed.keys() >= MIXED:
            raise TypeError("a mix has pairs and draws")
        if not all(type(value) in (int, float) for value in (self.mixed or {}).values()):
            raise TypeError("a mix is numbers")


@dataclass(frozen=True)
class Trial:
    """One setting of the grid, measured on dev."""

    plan: str
    arm: str
    tried: Mapping[str, Any]
    score: float


R = TypeVar("R", Row, Trial)


def read_rows(folder: Path, plan: StudyPlan) -> list[Row]:
    """The results of this plan so far.

    Raises:
        MissingArtifact: a line is something else, of another plan, of other queries, or there twice.
    """
    queries: set[str] = set()

    def wrong(row: Row) -> str:
        queries.update(queries or row.scores)
        seeds = plan.seeds if plan.arm(row.arm).makes == "trained" else (None,)
        if row.seed not in seeds:
            return f"a run of {row.arm} that the plan has not (seed {row.seed})"
        whole = (
            row.scores.keys() == queries and len(queries) == plan.queries and queries.issuperset(plan.unseen)
        )
        if not whole:
            return f"other queries than the {plan.queries} of the plan"
        mean = fmean(row.scores.values())  # stored beside what it is of: a touched file shows
        same = abs(row.metrics.get(plan.metric, mean) - mean) < ROUNDING
        return "" if same else f"scores whose mean is not its {plan.metric}"

    return _read(folder / RESULTS, plan, lambda row: Row(**row), lambda row: (row.arm, row.seed), wrong)


def read_trials(folder: Path, plan: StudyPlan) -> list[Trial]:
    """The trials of this plan so far; raises as `read_rows`."""
    grid = [dict(one) for one in plan.grid]

    def wrong(trial: Trial) -> str:
        fits = dict(trial.tried) in grid and _is_score(trial.score)
        return "" if fits else "settings that are none of the grid, or a score that is none"

    return _read(
        folder / TRIALS,
        plan,
        lambda row: Trial(**row),
        lambda one: (one.arm, sorted(one.tried.items())),
        wrong,
    )


def _is_score(value: object) -> bool:
    """Whether it is a number from 0 to 1, as all metrics are."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _read(
    path: Path,
    plan: StudyPlan,
    make: Callable[[dict[str, Any]], R],
    called: Callable[[R], object],
    wrong: Callable[[R], str],
) -> list[R]:
    """What is in a file, each as `called` once, if nothing is `wrong` with it for the plan."""
    found: list[R] = []
    if not path.is_file():
        return found

    def fault(one: R) -> str:
        if one.plan != plan.hash:
            return f" is of another plan ({one.plan}) than {plan.hash}"
        if one.arm not in [arm.name for arm in plan.arms]:
            return f": an arm that the plan has not ({one.arm})"
        said = "the same run twice" if called(one) in map(called, found) else wrong(one)
        return f": {said}" if said else ""

    for number, row in enumerate(read_jsonl(path, hint=ANEW), start=1):
        try:
            one = make(row)
            said = fault(one)
        except (TypeError, AttributeError, ValueError):
            said = ": other fields than study writes"
        if said:
            raise MissingArtifact(f"{path}, row {number}{said}.", hint=ANEW)
        found.append(one)
    return found


def write_rows(folder: Path, plan: StudyPlan, rows: Iterable[Row]) -> None:
    """All rows, in the plan's order: the backbone, then seed by seed, then soups."""
    arms = {arm.name: (number, arm) for number, arm in enumerate(plan.arms)}

    def place(row: Row) -> tuple[int, int]:
        number, arm = arms[row.arm]
        if row.seed is not None:
            return plan.seeds.index(row.seed), number
        return (-1 if arm.makes == "backbone" else len(plan.seeds)), number

    write_jsonl(folder / RESULTS, sorted(rows, key=place))


def write_trials(folder: Path, plan: StudyPlan, trials: Iterable[Trial]) -> None:
    """All trials, in the plan's order."""
    place = {arm.name: number for number, arm in enumerate(plan.arms)}
    grid = [dict(one) for one in plan.grid]
    write_jsonl(
        folder / TRIALS,
        sorted(trials, key=lambda one: (place[one.arm], grid.index(dict(one.tried)))),
    )


def best(trials: Sequence[Trial]) -> Mapping[str, Any]:
    """The settings with the best score on dev; of equal ones the first."""
    return max(trials, key=lambda trial: trial.score).tried


def by_arm(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Arm -> its rows, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.arm, []).append(row)
    return found
