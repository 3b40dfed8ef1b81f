"""Where the results of a study's arms are: under studies/NAME, apart from those of the project.

What is read is the project's: synthetic negatives, written queries, cached vectors. What an arm makes
is not: mixes, models and evaluations would else be among the user's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from syneg_cli.core import Workspace, content_hash
from syneg_cli.evaluation import Search
from syneg_cli.stages.project import changed
from syneg_cli.stages.session import Session
from syneg_cli.studies import FOLDER, ArmPlan

PASSING = "embeddings"
"""Under a study: vectors of trained models, which are of no use once the model is measured."""


def study_folder(session: Session, dataset: str, name: str) -> Path:
    """Where everything of a study is."""
    return session.work_dir / dataset / FOLDER / name


def arm_search(session: Session, arm: ArmPlan) -> Search:
    """What an arm searches with."""
    return changed(session.resolved, arm.sets, arm.name).project.eval.search


@dataclass(frozen=True)
class ArmPlaces(Workspace):
    """Where an arm of a study reads and writes."""

    study: str = ""
    pool: str = ""
    """Of mined negatives: arms that mine with other settings than the project have a folder of their own."""
    shuffled: bool = False
    judged: bool = False
    passing: bool = False
    """Whether vectors are those of a trained model, which go when it is measured."""
    places: Callable[[Path, str], Workspace] = Workspace
    """Where the project's own results are, which an arm reads."""

    @property
    def home(self) -> Path:
        return self.root / self.dataset / FOLDER / self.study

    @property
    def own(self) -> Workspace:
        return self.places(self.root, self.dataset)

    @property
    def embeddings(self) -> Path:
        return self.home / PASSING if self.passing else super().embeddings

    def queries(self, name: str) -> Path:
        return self.own.queries(name)

    def synthetic(self, name: str) -> Path:
        return self.home / "synthetic" / f"{name}.jsonl" if self.shuffled else self.own.synthetic(name)

    def mined(self, name: str) -> Path:
        return self.home / "mined" / self.pool / f"{name}.jsonl"

    def verified(self, negatives: Path) -> Path:
        if self.judged:
            return self.own.verified(negatives)
        return self.home / "verified" / f"{negatives.parent.name}-{negatives.name}"  # there are none

    def mixed(self, name: str) -> Path:
        return self.home / "mixed" / f"{name}.jsonl"

    def model(self, name: str) -> Path:
        return self.home / "models" / name

    def evaluation(self, name: str) -> Path:
        return self.home / "eval" / f"{name}.json"


def arm_session(
    session: Session,
    study: str,
    arm: ArmPlan,
    extra: dict[str, object] | None = None,
    *,
    passing: bool = False,
) -> Session:
    """The session of an arm: with its settings, and its places.

    Args:
        extra: further settings, as those of a trial and the seed.
        passing: whether it measures a model that was trained.
    """
    mining = {key: value for key, value in arm.sets.items() if key.startswith("mine.")}
    mining.pop("mine.miners", None)  # each miner has a file anyway
    places = partial(
        ArmPlaces,
        study=study,
        pool=content_hash(mining)[:8] if mining else "",
        shuffled=arm.shuffled,
        judged=arm.judged,
        passing=passing,
        places=session.places,
    )
    resolved = changed(session.resolved, {**arm.sets, **(extra or {})}, f"the arm {arm.name}")
    return replace(session, resolved=resolved, places=places)
