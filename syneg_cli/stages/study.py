"""study: arms times seeds, from a plan that is frozen before anything runs; resumable at any moment.

A row of results is written when an arm is measured. Everything before that is an artefact of an ordinary
stage, so the same command goes on wherever it was interrupted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, counted, duration, locked, near, read_jsonl, write_jsonl, write_text
from syneg_cli.data import Dataset
from syneg_cli.stages.owner import claim, need_own
from syneg_cli.stages.session import Session
from syneg_cli.stages.settings import Project
from syneg_cli.stages.stage import Performed
from syneg_cli.stages.study_arms import arms_of
from syneg_cli.stages.study_inputs import inputs_of, need_mixable
from syneg_cli.stages.study_places import study_folder
from syneg_cli.stages.study_plan import deciding, new_plan
from syneg_cli.stages.study_runs import Runs
from syneg_cli.studies import (
    FORMATS,
    PLAN,
    RESULTS,
    TIMES,
    TRIALS,
    ArmPlan,
    Frozen,
    Row,
    Study,
    StudyPlan,
    Trial,
    best,
    differences,
    open_runs,
    planned_runs,
    read_plan,
    read_rows,
    read_trials,
    told,
    write_rows,
    write_trials,
)

STORED = (PLAN, RESULTS, TRIALS, TIMES, *FORMATS)
"""The files that are a study; models and mixes are its artefacts."""


def run_study(
    session: Session,
    *,
    plan_only: bool = False,
    force: bool = False,
    frozen_now: Callable[[Frozen], None] = lambda frozen: None,
) -> Study:
    """Freeze the plan, or go on by the one that is frozen, and run every arm that is not measured.

    Args:
        plan_only: run nothing.
        force: begin anew with the plan as it is now; what was there is put aside.
        frozen_now: called with the plan before anything runs; not where all of it has run.

    Raises:
        UsageError: the plan is not the frozen one any more, or makes no study.
        MissingArtifact: the primary arm lacks something, or an arm has too few synthetic negatives.
    """
    dataset = plain_dataset(session)
    folder = study_folder(session, dataset.name, session.project.study.name)
    name = session.project.study.name
    arms_of(session, dataset)  # a misspelt one is told before another study is waited for
    lock = session.workspace(dataset).locks / f"study-{name[:80]}.lock"
    with locked(lock, f"study {name}", session.progress):
        need_own(session, dataset)
        frozen = _frozen(session, dataset, folder, force=force)
        claim(session, dataset)
        if not plan_only:
            _Progress(session, dataset, frozen, folder).run(frozen_now)
        return Study(folder, frozen, tuple(read_rows(folder, frozen.plan)))


def plain_dataset(session: Session) -> Dataset:
    """The data set without LLM-written queries, but where all training queries are an LLM's."""
    dataset = session.dataset("none")
    return dataset if dataset.judgements.get("train") else session.dataset()


def _frozen(session: Session, dataset: Dataset, folder: Path, *, force: bool) -> Frozen:
    before = None if force else read_plan(folder)
    now = new_plan(session, dataset, before.beside if before else None)
    if before is None:
        need_mixable(session, dataset, now.plan.arms)
        _put_aside(session, folder)
        now.write(folder)
        session.progress.note(f"study: the plan is frozen ({near(folder / PLAN)})")
        return now
    defaults = json.loads(json.dumps(deciding(Project())))
    if changes := differences(before.plan, now.plan, defaults):
        on = f"`{before.beside.command}` goes on by it. " if before.beside.command else ""
        raise UsageError(
            f"The study {now.plan.name} has another plan since {near(folder / PLAN)} was frozen: "
            f"{told(changes)}.",
            hint=f"{on}Name this one with --name, or begin anew with --force; what is there is kept "
            "beside it.",
        )
    return before


def _put_aside(session: Session, folder: Path) -> None:
    """What there is of an earlier plan goes into a folder of its own: nothing is lost."""
    there = [folder / name for name in STORED if (folder / name).exists()]
    if not there:
        return
    number = 1
    while (folder / f"before-{number}").exists():
        number += 1
    aside = folder / f"before-{number}"
    aside.mkdir(parents=True)
    for file in reversed(there):  # the plan at last: as long as it is there, the others are its
        file.rename(aside / file.name)
    session.progress.note(f"study: the earlier plan and its results are in {near(aside)}")


@dataclass
class _Progress:
    """A study on its way."""

    session: Session
    dataset: Dataset
    frozen: Frozen
    folder: Path
    rows: list[Row] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    times: list[dict[str, Any]] = field(default_factory=list)
    spent: float = 0.0
    foreseen: float = 0.0
    """Seconds that trained arms took so far, and those forecast for them: the ratio corrects the rest."""

    @property
    def plan(self) -> StudyPlan:
        return self.frozen.plan

    def run(self, begins: Callable[[Frozen], None]) -> None:
        self.rows = read_rows(self.folder, self.plan)
        self.trials = read_trials(self.folder, self.plan)
        if (self.folder / TIMES).is_file():
            self.times = list(read_jsonl(self.folder / TIMES, hint="Delete it: no table is made from it."))
        self.read = inputs_of(self.session, self.dataset, self.plan.arms)
        self.runs = Runs(self.session, self.dataset, self.plan, self._ended)
        if any(open_runs(self.plan, self.rows)):
            begins(self.frozen)
        try:
            self._run_all()
        except KeyboardInterrupt:
            done = len(self.rows)
            kept = f"{done} of {counted(planned_runs(self.plan), 'run')} {'is' if done == 1 else 'are'}"
            self.session.progress.note(f"study: {kept} measured and kept; the same command goes on there")
            raise
        self.runs.drop_vectors()
        self._write_tables()

    def _run_all(self) -> None:
        while found := next(open_runs(self.plan, self.rows), None):  # a run may decide an arm
            arm, seed = found
            started = time.monotonic()
            self._say(arm, seed)
            tried = self._tuned(arm) if arm.makes != "backbone" else {}
            row = self.runs.row(arm, seed, tried, self._in_soups())
            self._need_same()
            self._keep(row)
            if arm.makes == "trained":  # the backbone's vectors may be there already: that says nothing
                self.spent += time.monotonic() - started
                self.foreseen += self._forecast(arm)
            self._tidy(arm, seed, tried)
            following = next(open_runs(self.plan, self.rows), None)
            if seed is not None and following and following[1] != seed:  # a seed of all arms is measured
                self._write_tables()

    def _in_soups(self) -> list[int]:
        """The seeds that every arm has which a soup is made of: a soup and its control are of as many."""
        of = {arm.of for arm in self.plan.arms if arm.makes == "soup"}
        return [seed for seed in self.plan.seeds if all(self._has(self.plan.arm(one), seed) for one in of)]

    def _has(self, arm: ArmPlan, seed: int | None) -> bool:
        return any(row.arm == arm.name and row.seed == seed for row in self.rows)

    def _tuned(self, arm: ArmPlan) -> dict[str, Any]:
        """The settings of the grid that are best on dev; what is made of another arm's models has its."""
        of = self.plan.arm(arm.of) if arm.of else arm
        if not self.plan.grid:
            return {}
        own = [trial for trial in self.trials if trial.arm == of.name]
        for tried in self.plan.grid:
            if not any(trial.tried == tried for trial in own):
                trial = self.runs.trial(of, tried)
                self._need_same()
                own.append(trial)
                self.trials.append(own[-1])
                write_trials(self.folder, self.plan, self.trials)
        grid = [dict(one) for one in self.plan.grid]
        chosen = dict(best(sorted(own, key=lambda trial: grid.index(dict(trial.tried)))))
        for tried in grid:
            if tried != chosen:
                self.runs.drop_model(of, self.plan.seeds[0], tried)
        return chosen

    def _need_same(self) -> None:
        """Raises UsageError where something that the arms read is another since this command began.

        What was just measured may be of either, and is not kept.
        """
        now = inputs_of(self.session, self.dataset, self.plan.arms)
        if changed := [role for role in (*self.read, *now) if self.read.get(role) != now.get(role)]:
            raise UsageError(
                f"What the study reads changed while it ran: {', '.join(dict.fromkeys(changed))}. The last "
                "run is not kept; those before it are.",
                hint="Put it back as it was and run the same command, or begin anew with --force; what is "
                "there is kept beside it.",
            )

    def _keep(self, row: Row) -> None:
        self.rows.append(row)
        write_rows(self.folder, self.plan, self.rows)

    def _tidy(self, arm: ArmPlan, seed: int | None, tried: dict[str, Any]) -> None:
        """Without keep_models a model goes when it is measured, unless another arm is made of it."""
        needed = bool(arm.of) or any(other.of == arm.name for other in self.plan.arms)
        if not self.session.project.study.keep_models and seed is not None and not needed:
            self.runs.drop_model(arm, seed, tried)

    def _ended(self, arm: str, done: Performed) -> None:
        """Times go into a file of their own, which no table is made from."""
        if not done.skipped:
            self.times.append({"arm": arm, "stage": done.stage, "seconds": round(done.seconds, 3)})
            write_jsonl(self.folder / TIMES, self.times)

    def _forecast(self, arm: ArmPlan) -> float:
        runs = len(self.plan.seeds) if arm.makes == "trained" else 1
        return self.frozen.beside.seconds[arm.name] / runs

    def _say(self, arm: ArmPlan, seed: int | None) -> None:
        """Which run this is, and how long the rest will take."""
        runs = [
            (one, other)
            for one in self.plan.arms
            for other in (self.plan.seeds if one.makes == "trained" else (None,))
        ]
        left = sum(self._forecast(one) for one, other in runs if not self._has(one, other))
        pace = self.spent / self.foreseen if self.foreseen else 1.0
        which = "" if seed is None else f", seed {seed}"
        self.session.progress.note(
            f"study: run {len(self.rows) + 1} of {len(runs)}: {arm.name}{which}; "
            f"about {duration(left * pace)} left"
        )

    def _write_tables(self) -> None:
        study = Study(self.folder, self.frozen, tuple(self.rows))
        for name, write in FORMATS.items():
            write_text(self.folder / name, write(self.plan, study.lines))
