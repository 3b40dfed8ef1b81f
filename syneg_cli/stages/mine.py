"""mine: retrieved negatives, one file for each miner."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from syneg_cli.core import Workspace, file_hash, user_path, world, write_negatives
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.mining import (
    MinedNegatives,
    Selection,
    Setup,
    check_miner,
    mine_negatives,
    run_files,
    uses_encoder,
    uses_words,
)
from syneg_cli.stages import encoders
from syneg_cli.stages.consent import may_run_code
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Plan, Stage, never_negatives

OF_ENCODER = ("max_length", "precision", "backend", "index", "index_options")
OF_SIMANS = ("simans_a", "simans_b", "temperature")


@dataclass(frozen=True)
class Mined:
    """What a miner found, and the plan that it followed, for people."""

    mined: MinedNegatives
    plan: Plan


class Mine(Stage):
    """The negatives of one miner.

    Args:
        setup: makes what the miners of a project share, such as the encoder.
    """

    name = "mine"

    def __init__(
        self, session: Session, dataset: Dataset, miner: str, setup: Callable[[], Setup] | None = None
    ) -> None:
        super().__init__(session, dataset)
        self.miner = check_miner(miner)
        self.settings = self.project.mine
        self.setup = setup or (lambda: setup_of(session, dataset))

    @property
    def label(self) -> str:
        return f"mine {self.miner}"

    def plan(self) -> Plan:
        inputs = self.dataset.inputs("train")
        settings: dict[str, Any] = {"miner": self.miner, "seed": self.settings.seed}
        ids, before = never_negatives(self.dataset, "train")
        settings |= vars(Selection.of(self.settings)) | ids
        for file in run_files(self.miner):
            place = user_path(file)
            inputs[f"run {file}"] = file_hash(place) if place.is_file() else "missing"
        if uses_encoder(self.miner):
            backbone = backbone_of(self.session)
            inputs["backbone weights"] = encoders.identity(self.session, backbone)
            settings |= encoders.settings_of(self.session, backbone)
            settings |= {"backbone": backbone, **self.settings.model_dump(include=set(OF_ENCODER))}
        if self.miner.startswith("simans"):
            settings |= self.settings.model_dump(include=set(OF_SIMANS))
        if uses_words(self.miner):
            settings["language"] = self.dataset.language
        defaults = before | {"language": "english"}  # 0.1.0 knew no other language
        return Plan(self.name, mined_path(self.workspace, self.miner), inputs, settings, defaults)

    def prepare(self) -> None:
        if uses_encoder(self.miner):
            encoders.fetch(self.session, backbone_of(self.session))

    def run(self, plan: Plan, to: Path) -> Made:
        selection = Selection.of(self.settings)
        mined = mine_negatives(self.dataset, [self.miner], setup=self.setup(), selection=selection)[0]
        if world().leads:
            write_negatives(to, mined.negatives)
        asked = uses_encoder(self.miner)
        vectors = encoders.bills(self.session, self.dataset, backbone_of(self.session)) if asked else []
        counts = mined.tally.as_json() | {"notes": list(mined.notes), "vectors": vectors}
        return Made(counts, Mined(mined, plan))


def mine_stages(session: Session, dataset: Dataset) -> list[Mine]:
    """A stage for each miner of the project; they share one encoder.

    Raises:
        UsageError: a miner is not known.
    """
    setup = cache(lambda: setup_of(session, dataset))
    return [Mine(session, dataset, miner, setup) for miner in dict.fromkeys(session.project.mine.miners)]


def mined_path(workspace: Workspace, miner: str) -> Path:
    """Where a miner's negatives are stored; `run:a/b.trec` becomes `run-a-b.trec`."""
    return workspace.mined(re.sub(r"[^\w.+-]+", "-", miner).strip("-"))


def backbone_of(session: Session) -> str:
    """The encoder that mines: the one of [mine], else the one that is trained."""
    return session.project.mine.backbone or session.project.train.backbone


def setup_of(session: Session, dataset: Dataset) -> Setup:
    section = session.project.mine

    def make_encoder() -> Encodes:
        return encoders.open_encoder(
            session,
            dataset,
            backbone_of(session),
            precision=section.precision,
            max_length=section.max_length,
            batch_size=section.batch_size,
            trust_remote_code=may_run_code(session),
            backend=section.backend,
        )

    return Setup.of(section, dataset, make_encoder, session.progress)
