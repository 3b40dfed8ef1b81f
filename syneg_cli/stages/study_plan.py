"""A study's plan, made from the project as it is: what is compared with what, and what each arm is given."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from syneg_cli.core import MissingArtifact, UsageError
from syneg_cli.data import Dataset
from syneg_cli.evaluation import ALPHA, MAIN_METRIC, Evaluation, TrainedOn, exposure, standard_errors
from syneg_cli.mixing import check_strategy
from syneg_cli.stages.project import changed
from syneg_cli.stages.session import Session
from syneg_cli.stages.settings import Project
from syneg_cli.stages.study_arms import arms_of, sets_of
from syneg_cli.stages.study_inputs import foretold, inputs_of, paid_for
from syneg_cli.stages.study_places import arm_search
from syneg_cli.stages.study_rates import forecast, measured_rates
from syneg_cli.stages.study_spent import met_by_written, spent_of, with_controls
from syneg_cli.studies import (
    Arm,
    ArmPlan,
    Beside,
    Frozen,
    Rates,
    Spent,
    StudyPlan,
    looks,
    parts_of,
    seconds_of,
    within,
)
from syneg_cli.training import CROSS_ENCODER

SD = 0.2
"""Of per-query differences in nDCG@10, where nothing was measured before."""


def new_plan(session: Session, dataset: Dataset, known: Beside | None) -> Frozen:
    """What would be frozen now.

    Args:
        known: what was measured when it was frozen before; it is not measured again.

    Raises:
        UsageError: settings that make no study, or a budget without time for the primary comparison.
        MissingArtifact: the primary arm lacks something.
    """
    project = session.project
    if project.train.kind == CROSS_ENCODER:
        raise UsageError("A study compares retrievers.", hint="Set kind of [train] back to bi-encoder.")
    qrels = dataset.qrels(project.eval.split)
    found = arms_of(session, dataset)
    if found.added:
        names = ", ".join(found.added)
        session.progress.note(f"study: also runs {names}, which others are compared with")
    grid, no_grid = _grid(project, dataset)
    unseen = _unseen(dataset, project.eval.split)
    planned = with_controls(
        [_planned(session, arm, dataset, len(grid)) for arm in found.runs],
        partial(met_by_written, session, dataset, unseen),
    )
    primary = next(arm for arm in planned if arm.name == project.study.primary)
    if project.study.sequential and project.study.seeds < 2:
        raise UsageError(
            "--sequential looks from the second seed on, and there is one.",
            hint="Give more --seeds, or leave --sequential out.",
        )
    seeds = tuple(range(project.train.seed, project.train.seed + project.study.seeds))
    changed(session.resolved, {"train.seed": seeds[-1], "mix.seed": seeds[-1]}, f"--seeds {len(seeds)}")
    plan = StudyPlan(
        name=project.study.name,
        dataset=dataset.name,
        backbone=_shown(project.train.backbone),
        split=project.eval.split,
        metric=MAIN_METRIC,
        inputs=inputs_of(session, dataset, planned),
        seeds=seeds,
        grid=grid,
        no_grid=no_grid,
        primary=primary.name,
        control=str(primary.control),
        alpha=ALPHA,
        margin=project.eval.equivalence_margin,
        looks=(),
        unseen=unseen,
        queries=len(qrels),
        arms=tuple(planned),
        left_out=found.left_out,
        budget=project.study.budget,
        written=len(dataset.synthetic & qrels.keys()),
    )
    rates = known.rates if known else measured_rates(session, dataset)
    plan = affordable(plan, forecast(plan, rates))
    if project.study.sequential:
        plan = replace(plan, looks=looks(len(seeds), len(plan.family), ALPHA))
    return Frozen(plan, known or _beside(session, dataset, plan, rates))


def _planned(session: Session, arm: Arm, dataset: Dataset, trials: int) -> ArmPlan:
    sets = sets_of(arm, dataset)
    project = changed(session.resolved, sets, f"the arm {arm.name}").project
    settings = json.loads(json.dumps(deciding(project))) if arm.makes == "trained" else {}
    return ArmPlan(
        name=arm.name,
        about=arm.about,
        tables=arm.tables,
        control=arm.control,
        makes=arm.makes,
        of=arm.of,
        shuffled=arm.shuffled,
        judged=arm.judged,
        sets=json.loads(json.dumps(sets)),
        settings=settings,
        spent=spent_of(session, project, dataset, trials) if arm.makes == "trained" else Spent(0, 0, 0, 0),
    )


def deciding(project: Project) -> dict[str, Any]:
    """The settings that decide a model, by section, but for those that the study varies itself."""
    mining = project.mine.deciding() | {"miners": project.mine.miners}
    found: dict[str, Any] = {"mine": mining, "mix": project.mix.deciding(), "train": project.train.deciding()}
    for section in ("mix", "train"):
        found[section].pop("seed")
    return found | {
        "queries": {"weight": project.queries.weight},
        "generate": {"name": project.generate.name},
        "eval": project.eval.deciding(),
    }


def _grid(project: Project, dataset: Dataset) -> tuple[tuple[Mapping[str, Any], ...], str]:
    """(the settings to try on dev, why none are tried)."""
    section = project.study
    axes = {
        "train.lr": section.grid_lr,
        "train.batch_size": section.grid_batch_size,
        "train.epochs": section.grid_epochs,
    }
    axes = {key: tuple(dict.fromkeys(values)) for key, values in axes.items() if values}
    if not axes:
        return (), "no grid is set, every arm has the project's settings"
    if not dataset.judgements.get("dev"):
        return (), f"{dataset.name} has no dev queries, so the grid is not used"
    if project.eval.split == "dev":
        return (), "dev is what is measured, so nothing can be chosen on it"
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values())), ""


def _unseen(dataset: Dataset, split: str) -> tuple[str, ...]:
    """The queries none of whose positives is a positive of train: the same for all arms."""
    parted = exposure(TrainedOn.train(dataset), dataset, split)
    return tuple(parted.unseen) if parted else ()


def _shown(backbone: str) -> str:
    """A backbone's name: a folder is called differently wherever it lies."""
    return Path(backbone).name if Path(backbone).is_dir() else backbone


def affordable(plan: StudyPlan, seconds: Mapping[str, float]) -> StudyPlan:
    """The plan with the most telling arms that the budget has time for.

    Raises:
        UsageError: there is not even time for the primary comparison.
    """
    if plan.budget is None:
        return plan
    kept = within(seconds, {arm.name: arm.after for arm in plan.arms}, seconds_of(plan.budget))
    if plan.primary not in kept:
        needed = sum(seconds[name] for name in _needed(plan, plan.primary))
        raise UsageError(
            f"--budget {plan.budget}: {plan.primary} and what it is compared with take about "
            f"{math.ceil(needed / 60)}m.",
            hint="Give more time, or fewer --seeds.",
        )
    arms = tuple(arm for arm in plan.arms if arm.name in kept)
    return replace(plan, arms=arms, dropped=tuple(one.name for one in plan.arms if one.name not in kept))


def _needed(plan: StudyPlan, name: str) -> dict[str, None]:
    found: dict[str, None] = {name: None}
    for other in plan.arm(name).after:
        found |= _needed(plan, other)
    return found


def _beside(session: Session, dataset: Dataset, plan: StudyPlan, rates: Rates) -> Beside:
    deviation, whence = _deviation(session, dataset, plan)
    parts = parts_of(plan, list(dataset.qrels(plan.split)))
    detectable = {
        part: standard_errors(ALPHA) * deviation / len(queries) ** 0.5 for part, queries in parts.items()
    }
    paid, unpriced = paid_for(session, dataset, plan.arms)
    told = {name: foretold(session.workspace(dataset), name) for name in sorted(_sets_read(plan))}
    pilots = {name: verdict for name, verdict in told.items() if verdict}
    seconds, command = forecast(plan, rates), session.command("study")
    return Beside(rates, seconds, deviation, whence, detectable, paid, unpriced, pilots, command)


def _sets_read(plan: StudyPlan) -> set[str]:
    """The files of synthetic negatives that an arm reads."""
    return {
        arm.settings["generate"]["name"]
        for arm in plan.arms
        if arm.makes == "trained" and check_strategy(arm.settings["mix"]["strategy"]).reads_synthetic
    }


def _deviation(session: Session, dataset: Dataset, plan: StudyPlan) -> tuple[float, str]:
    """(SD of per-query differences, where from): the largest of systems that are searched as the arms are."""
    folder, queries = session.workspace(dataset).evaluation("x").parent, list(dataset.qrels(plan.split))
    searches = {arm_search(session, arm) for arm in plan.arms}
    stored = []
    for path in sorted(folder.glob(f"*-{plan.split}.json")):
        try:
            read = Evaluation.read(path)
        except MissingArtifact:
            continue
        scores = read.per_query[MAIN_METRIC]
        if list(scores) == queries and read.search in searches:
            stored.append((path.stem.removesuffix(f"-{plan.split}"), list(scores.values())))
    largest, whence = 0.0, ""
    for number, (name, own) in enumerate(stored):
        for other, theirs in stored[:number]:
            deltas = [one - two for one, two in zip(own, theirs, strict=True)]
            mean = sum(deltas) / len(deltas)
            deviation = (sum((one - mean) ** 2 for one in deltas) / max(1, len(deltas) - 1)) ** 0.5
            if deviation > largest:
                largest, whence = deviation, f"{name} against {other}, measured before"
    return (
        (largest, whence)
        if largest
        else (SD, "assumed, as no two systems that search as the arms do were measured before")
    )
