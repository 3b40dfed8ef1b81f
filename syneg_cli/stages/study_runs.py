"""One run of an arm, by the ordinary stages: mine, mix, train, eval; what is up to date is not made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from syneg_cli.core import (
    MissingArtifact,
    content_hash,
    file_hash,
    read_manifest,
    read_synthetic,
    write_negatives,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import entries, remove
from syneg_cli.evaluation import Evaluation
from syneg_cli.mixing import check_strategy
from syneg_cli.stages.evaluate import Eval, evaluation_of
from syneg_cli.stages.mine import mine_stages
from syneg_cli.stages.mix import Mix
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Performed, Plan, Stage, perform
from syneg_cli.stages.study_places import PASSING, arm_session, study_folder
from syneg_cli.stages.subjects import retriever
from syneg_cli.stages.train import Train
from syneg_cli.studies import ArmPlan, Row, StudyPlan, Trial, average, shuffled
from syneg_cli.training import save_model

PLACEBO_SEED = 0
SHORT = {"train.lr": "lr", "train.batch_size": "b", "train.epochs": "e"}


class Placebo(Stage):
    """The project's synthetic negatives, shuffled over queries."""

    name = "placebo"

    def __init__(self, session: Session, dataset: Dataset, source: Path) -> None:
        super().__init__(session, dataset)
        self.source = source

    def plan(self) -> Plan:
        path = self.workspace.synthetic(self.project.generate.name)
        return Plan(self.name, path, {"negatives": file_hash(self.source)}, {"seed": PLACEBO_SEED})

    def run(self, plan: Plan, to: Path) -> Made:
        usable = [one for one in read_synthetic(self.source, known=self.dataset.known) if one.status == "ok"]
        negatives = shuffled(usable, PLACEBO_SEED)
        write_negatives(to, negatives)
        return Made({"negatives": len(negatives)})


class Soup(Stage):
    """One model with the mean weights of several."""

    name = "soup"

    def __init__(self, session: Session, dataset: Dataset, models: Sequence[Path]) -> None:
        super().__init__(session, dataset)
        self.models = models

    def plan(self) -> Plan:
        inputs = {f"model {number}": _weights(folder) for number, folder in enumerate(self.models)}
        path = self.workspace.model(str(self.project.train.output))
        return Plan(self.name, path, inputs, {"backbone": self.project.train.backbone})

    def run(self, plan: Plan, to: Path) -> Made:
        model = average(self.models, self.session.progress)
        save_model(model, to, f"# {plan.path.name}\n\nThe mean of {len(self.models)} models' weights.\n")
        return Made({"models": len(self.models)})


def _weights(folder: Path) -> str:
    """The hash of a model's weights, whatever its card says by now."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise MissingArtifact(f"The model {folder} is not there.", hint="Run the same command again.")
    weights = {name: kept[1] for name, kept in manifest.files.items() if name.endswith(".safetensors")}
    return content_hash(weights)


class Runs:
    """The runs of a study's arms.

    Args:
        dataset: the project's, without LLM-written queries where people judged some.
        ended: called with each stage that ran, and the arm.
    """

    def __init__(
        self, session: Session, dataset: Dataset, plan: StudyPlan, ended: Callable[[str, Performed], None]
    ) -> None:
        self.session, self.dataset, self.plan, self.ended = session, dataset, plan, ended
        self.folder = study_folder(session, dataset.name, plan.name)
        self._datasets: dict[float | None, Dataset] = {}

    def row(
        self, arm: ArmPlan, seed: int | None, tried: Mapping[str, Any], of_soup: Sequence[int] = ()
    ) -> Row:
        """Train and measure an arm with a seed; `seed` None: the backbone, or a soup of `of_soup`."""
        if arm.makes == "backbone":
            session = arm_session(self.session, self.plan.name, arm)
            subject = retriever(session.project.train.backbone)
            done = self._perform(arm, Eval(session, self.dataset, subject))
            return self._row(arm, None, {}, evaluation_of(done))
        if arm.makes == "soup":
            evaluation = self._soup(arm, tried, of_soup)
            return self._row(arm, None, tried, evaluation)
        session = self._of(arm, seed, tried)
        trained, mixed = self._trained(arm, session)
        evaluation = self._measured(arm, seed, tried, self.plan.split)
        row = self._row(arm, seed, tried, evaluation)
        negatives = sum(mixed.counts["negatives_per_instance"].values())
        return replace(row, steps=trained.counts["steps"], negatives=negatives, mixed=_mixed(mixed.counts))

    def trial(self, arm: ArmPlan, tried: Mapping[str, Any]) -> Trial:
        """Train an arm with the first seed and measure it on dev."""
        seed = self.plan.seeds[0]
        self._trained(arm, self._of(arm, seed, tried))
        evaluation = self._measured(arm, seed, tried, "dev")
        return Trial(self.plan.hash, arm.name, dict(tried), evaluation.metrics[self.plan.metric])

    def drop_vectors(self) -> None:
        """Remove what trained models encoded: nothing reads it again."""
        shutil.rmtree(self.folder / PASSING, ignore_errors=True)

    def drop_model(self, arm: ArmPlan, seed: int, tried: Mapping[str, Any]) -> None:
        """Remove a model that is measured."""
        session = self._of(arm, seed, tried)
        folder = session.workspace(self.dataset).model(str(session.project.train.output))
        shutil.rmtree(folder, ignore_errors=True)

    def _of(
        self, arm: ArmPlan, seed: int | None, tried: Mapping[str, Any], *, passing: bool = False
    ) -> Session:
        """The session of an arm's run, whose mix and model have a name of their own, or are another arm's."""
        name = "-".join([arm.models, "soup" if seed is None else f"s{seed}", *_short(tried)])
        extra: dict[str, object] = {**tried, "mix.name": name, "train.output": name}
        if seed is not None:
            extra |= {"train.seed": seed, "mix.seed": seed}
        return arm_session(self.session, self.plan.name, arm, extra, passing=passing)

    def _trained(self, arm: ArmPlan, session: Session) -> tuple[Performed, Performed]:
        """(the training, the mix)."""
        dataset, project = self._dataset(session), session.project
        strategy = check_strategy(project.mix.strategy)
        if arm.shuffled:
            source = self.session.workspace(dataset).synthetic(project.generate.name)
            self._perform(arm, Placebo(session, dataset, source))
        if strategy.reads(project.mix.negatives)[1]:
            for stage in mine_stages(session, dataset):
                self._perform(arm, stage)
        mixed = self._perform(arm, Mix(session, dataset))
        return self._perform(arm, Train(session, dataset)), mixed

    def _measured(self, arm: ArmPlan, seed: int | None, tried: Mapping[str, Any], split: str) -> Evaluation:
        tried = {**tried, "eval.split": split}
        session = self._of(arm, seed, tried)
        if session.project.train.refresh != "adore":  # its documents have the backbone's vectors
            session = self._of(arm, seed, tried, passing=True)
        try:
            return evaluation_of(self._perform(arm, Eval(session, self._dataset(session))))
        finally:
            if split != self.plan.split or self._is_last(arm):
                self._drop_own_vectors(session)

    def _is_last(self, arm: ArmPlan) -> bool:
        """Whether no later arm of the plan searches with the same models."""
        return [one.name for one in self.plan.arms if one.models == arm.models][-1] == arm.name

    def _drop_own_vectors(self, session: Session) -> None:
        """Remove from the cache what a model alone encoded."""
        workspace = session.workspace(self.dataset)
        model = str(workspace.model(str(session.project.train.output)))
        own = [entry for entry in entries(workspace.embeddings) if entry.labels.model == model]
        remove(workspace.embeddings, own)

    def _soup(self, arm: ArmPlan, tried: Mapping[str, Any], seeds: Sequence[int]) -> Evaluation:
        of = self.plan.arm(arm.of)
        folders = []
        for seed in seeds:
            session = self._of(of, seed, tried)
            self._trained(of, session)
            folders.append(session.workspace(self.dataset).model(str(session.project.train.output)))
        self._perform(arm, Soup(self._of(arm, None, {}), self.dataset, folders))
        return self._measured(arm, None, {}, self.plan.split)

    def _dataset(self, session: Session) -> Dataset:
        """The data set of an arm: with LLM-written queries where it has them."""
        weight = session.project.queries.weight
        if not weight:
            return self.dataset
        if weight not in self._datasets:
            self._datasets[weight] = session.dataset()
        return self._datasets[weight]

    def _perform(self, arm: ArmPlan, stage: Stage) -> Performed:
        done = perform(stage)
        self.ended(arm.name, done)
        return done

    def _row(self, arm: ArmPlan, seed: int | None, tried: Mapping[str, Any], evaluation: Evaluation) -> Row:
        scores = dict(evaluation.per_query[self.plan.metric])
        metrics = dict(evaluation.metrics)
        return Row(self.plan.hash, arm.name, seed, dict(tried), metrics, scores)


def _mixed(counts: Mapping[str, Any]) -> dict[str, float] | None:
    """What a mix came to, for a row of results; None of one that did not count it."""
    if "with_synthetic" not in counts or "composition" not in counts:
        return None
    draws, share = sum(counts["composition"].values()), counts.get("synthetic_share")
    found = {"pairs": counts["instances"], "with_synthetic": counts["with_synthetic"], "draws": draws}
    return found if share is None else {**found, "synthetic_share": share}


def _short(tried: Mapping[str, Any]) -> list[str]:
    """`lr2e-05`, `b16`: what a model of the grid is called."""
    return [f"{SHORT[key]}{value:g}" for key, value in tried.items() if key in SHORT]
