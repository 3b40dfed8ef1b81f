"""What the rows of a study say: every arm against its control, on all queries and by what training saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from syneg_cli.evaluation import (
    ALPHA,
    SeedComparison,
    Word,
    boundaries,
    compare_seeds,
    corrected,
    decided,
)
from syneg_cli.studies.plan import ArmPlan, StudyPlan
from syneg_cli.studies.results import Row, by_arm

PARTS = ("all", "seen", "unseen")
"""The queries: all; those with a document that was a positive in training; those without."""

FIRST_LOOK = 2
"""Seeds before anything is decided: of one, the spread over seeds is unknown."""


@dataclass(frozen=True)
class Part:
    """An arm on one part of the queries."""

    queries: int
    mean: float
    """Of the seeds' means."""
    sd: float | None
    """Of the means over seeds; None of one."""
    against: SeedComparison | None = None
    verdict: Word | None = None


@dataclass(frozen=True)
class Line:
    """An arm in the tables."""

    arm: ArmPlan
    seeds: int
    """Runs that were measured; 0 for what has no seed."""
    parts: Mapping[str, Part]
    stopped: bool = False
    """Whether it was decided, and so stopped, before all seeds were run."""
    drawn: float | None = None
    """Negatives of an instance as they came to be, on average over the runs."""
    mixed: Mapping[str, float] = field(default_factory=dict)
    """What its mixes came to, as `Row.mixed`, on average over the runs that say so."""
    alpha: float = ALPHA
    """How often its verdict may be wrong: of a sequential study what the look may spend."""


def looks(seeds: int, comparisons: int, alpha: float) -> tuple[tuple[int, float], ...]:
    """(seeds done, the p that decides) of every look; alpha is divided among the comparisons first."""
    planned = tuple(range(FIRST_LOOK, seeds + 1))
    if len(planned) < 1 or not comparisons:
        return ()
    return tuple(zip(planned, boundaries(planned, alpha=alpha / comparisons), strict=True))


def parts_of(plan: StudyPlan, queries: Sequence[str]) -> dict[str, list[str]]:
    """Part -> its queries, in order; the parts that are none or all of them are left out."""
    unseen = frozenset(plan.unseen)
    found = {
        "all": list(queries),
        "seen": [one for one in queries if one not in unseen],
        "unseen": [one for one in queries if one in unseen],
    }
    return found if found["seen"] and found["unseen"] else {"all": found["all"]}


def lines(plan: StudyPlan, rows: Sequence[Row]) -> list[Line]:
    """Every arm that has results, in the plan's order."""
    found, parts = by_arm(rows), parts_of(plan, list(rows[0].scores)) if rows else {}
    ends = {name: _decided_after(plan, found, name) for name in found}
    compared_on = {part: _comparisons(plan, found, ends, queries) for part, queries in parts.items()}
    made = []
    for arm in plan.arms:
        if arm.name not in found:
            continue
        own = found[arm.name]
        each, alpha = {}, _alpha(plan, arm, ends[arm.name] or _done(arm, found))
        for part, queries in parts.items():
            compared = compared_on[part].get(arm.name)
            word = decided(compared, alpha=alpha) if compared else None
            each[part] = Part(len(queries), *_spread(own, queries), compared, word)
        seeds = len(own) if own[0].seed is not None else 0
        drawn = [row.negatives for row in own if row.negatives is not None]
        stopped = bool(ends[arm.name]) and len(own) < len(plan.seeds)
        made.append(Line(arm, seeds, each, stopped, fmean(drawn) if drawn else None, _mixed(own), alpha))
    return made


def decided_early(plan: StudyPlan, rows: Sequence[Row]) -> set[str]:
    """The arms that a look has decided before the last seed: they need no further one."""
    found = by_arm(rows)
    return {name for name in found if _decided_after(plan, found, name)}


def planned_runs(plan: StudyPlan) -> int:
    """How many runs the plan has, if no look decides an arm early."""
    return sum(len(plan.seeds) if arm.makes == "trained" else 1 for arm in plan.arms)


def open_runs(plan: StudyPlan, rows: Sequence[Row]) -> Iterator[tuple[ArmPlan, int | None]]:
    """What is to be measured by what has been so far: one seed of all arms after the other, soups at last."""
    there = {(row.arm, row.seed) for row in rows}
    for number, seed in enumerate(plan.seeds):
        before = (None, *plan.seeds[:number])
        stopped = decided_early(plan, [row for row in rows if row.seed in before])
        for arm in plan.arms:
            once = arm.makes == "backbone"
            if arm.makes == "soup" or (once and number):
                continue
            if arm.name in stopped and not _needed(plan, arm, stopped):
                continue
            if (arm.name, None if once else seed) not in there:
                yield arm, None if once else seed
    for arm in plan.arms:
        if arm.makes == "soup" and (arm.name, None) not in there:
            yield arm, None


def _needed(plan: StudyPlan, arm: ArmPlan, stopped: set[str]) -> bool:
    """Whether another arm that goes on is compared with it or made from it."""
    return any(
        other.name not in stopped and arm.name in other.after and other.name != arm.name
        for other in plan.arms
    )


def _done(arm: ArmPlan, found: Mapping[str, list[Row]]) -> int:
    """The seeds that an arm's comparison has so far, of what is not trained its control's; 0 for one that no
    seed changes any more: of two that are not trained, and of a soup, which is made at the end."""
    if arm.makes == "soup":
        return 0
    own = found[arm.name] if arm.makes == "trained" else found.get(arm.control or "", [])
    return len([row for row in own if row.seed is not None])


def _alpha(plan: StudyPlan, arm: ArmPlan, seeds: int) -> float:
    """What a verdict may err: of a sequential study what its look may, and nothing before the first."""
    if not plan.looks:
        return plan.alpha
    if seeds and seeds < plan.looks[0][0]:
        return 0.0
    return dict(plan.looks).get(seeds, plan.looks[-1][1])


def _comparisons(
    plan: StudyPlan, found: Mapping[str, list[Row]], ends: Mapping[str, int], queries: Sequence[str]
) -> dict[str, SeedComparison]:
    """Arm -> its comparison, corrected over the family; a sequential study has divided alpha instead."""
    made = {}
    for arm in plan.arms:
        if arm.name in found and arm.control is not None and arm.control in found:
            own = found[arm.name][: ends[arm.name] or None]
            made[arm.name] = against(plan, own, found[arm.control], queries)
    return made if plan.looks else corrected(made)


def against(
    plan: StudyPlan, own: Sequence[Row], control: Sequence[Row], queries: Sequence[str]
) -> SeedComparison:
    """An arm against its control; where one of them has more seeds, those that both have."""
    seeds = {row.seed for row in own} - {None}
    theirs = [row for row in control if row.seed in seeds] or list(control)
    return compare_seeds(
        [[row.scores[query] for query in queries] for row in own],
        [[row.scores[query] for query in queries] for row in theirs],
        untrained=plan.arm(control[0].arm).makes == "backbone",
        untrained_system=plan.arm(own[0].arm).makes == "backbone",
        margin=plan.margin,
    )


def _decided_after(plan: StudyPlan, found: Mapping[str, list[Row]], name: str) -> int:
    """The seeds after which a look, but the last, has decided an arm; 0: none has."""
    arm = plan.arm(name)
    if arm.makes != "trained" or arm.control is None or arm.control not in found:
        return 0
    own, control = found[name], found[arm.control]
    for seeds, bound in plan.looks[:-1]:
        if len(own) < seeds or (control[0].seed is not None and len(control) < seeds):
            return 0
        compared = against(plan, own[:seeds], control, list(own[0].scores))
        if decided(compared, alpha=bound) != "undecided":
            return seeds
    return 0


def _mixed(rows: Sequence[Row]) -> dict[str, float]:
    """The means over runs of what their mixes came to."""
    told: dict[str, list[float]] = {}
    for row in rows:
        for key, value in (row.mixed or {}).items():
            told.setdefault(key, []).append(value)
    return {key: fmean(values) for key, values in told.items()}


def _spread(rows: Sequence[Row], queries: Sequence[str]) -> tuple[float, float | None]:
    """(mean over seeds and queries, standard deviation of the seeds' means)."""
    means = [fmean(row.scores[query] for query in queries) for row in rows]
    return fmean(means), stdev(means) if len(means) > 1 else None
