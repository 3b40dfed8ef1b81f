"""What `eval` measures, as a user names it: a model trained here or elsewhere, a backbone, a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

from syneg_cli.core import (
    MissingArtifact,
    UsageError,
    content_hash,
    did_you_mean,
    instead,
    names_beside,
    read_manifest,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import BACKBONES
from syneg_cli.stages.session import Session
from syneg_cli.stages.train import model_name

SHOWN = 5
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Subject:
    """What is measured: a model (by name and location) or a TREC run."""

    name: str
    location: str
    is_run: bool = False
    baseline: str | None = None
    """The backbone to compare with."""

    @property
    def stored_as(self) -> str:
        """Apart for models and runs, and for runs of the same name in different folders."""
        if not self.is_run:
            return self.name
        return f"run-{self.name}-{content_hash(str(Path(self.location).resolve()))[:8]}"


def trained_here(session: Session, dataset: Dataset) -> Subject:
    """The model that the project trains.

    Raises:
        MissingArtifact: it has not been trained.
    """
    folder = session.workspace(dataset).model(model_name(session))
    if not folder.is_dir():
        raise MissingArtifact(
            f"No trained model for {dataset.name} ({folder}).",
            hint=session.again("train") + instead(folder, "--model NAME"),
        )
    return model_subject(session, dataset, str(folder))


def trained_names(session: Session, dataset: Dataset) -> list[str]:
    """The models that were trained here, by name."""
    return names_beside(session.workspace(dataset).model("x"))


def model_subject(session: Session, dataset: Dataset, model: str, flag: str = "--model") -> Subject:
    """A model by the name of one trained here, or by its folder; its backbone is the baseline.

    An alias and a hub id are backbones.

    Raises:
        UsageError: it is nothing of that.
    """
    here = session.workspace(dataset).model(model)
    folder = Path(model) if Path(model).is_dir() else here if here.is_dir() else None
    if folder is None and (model in BACKBONES or HUB_ID.fullmatch(model)):
        return retriever(model)
    if folder is None:
        names = trained_names(session, dataset)
        near = did_you_mean(Path(model).name, [*names, *BACKBONES])
        raise UsageError(
            f"{flag}: there is no model {model!r} for {dataset.name}.{near}",
            hint=f"{_trained_here(session, dataset, Path(model).name)} Else give the folder of a model, an "
            "alias (minilm, bge-base, ...) or a hub id (OWNER/NAME).",
        )
    manifest = read_manifest(folder)
    recorded = manifest.settings.get("backbone") if manifest else None
    return Subject(folder.resolve().name, str(folder), baseline=recorded)


def _trained_here(session: Session, dataset: Dataset, like: str = "") -> str:
    """`Trained here: a, b.`, those that are called alike first."""
    names = trained_names(session, dataset)
    if not names:
        return f"Nothing was trained for {dataset.name} yet."
    names.sort(key=lambda name: -SequenceMatcher(None, like, name).ratio())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"Trained here: {', '.join(names[:SHOWN])}{more}."


def retriever(backbone: str) -> Subject:
    """A backbone by alias, folder or hub id, or one behind an API."""
    name = Path(backbone).name if Path(backbone).is_dir() else re.sub("[:/]", "--", backbone)
    return Subject(name, backbone)


def subject_of(
    session: Session, dataset: Dataset, model: str | None, backbone: str | None, run_file: Path | None
) -> Subject:
    """What to measure, as a user names it; the model trained here, else the backbone, where nothing is named.

    Args:
        backbone: beside a model or a run, what to compare with.

    Raises:
        UsageError: both a model and a run are named, or there is no such model.
        DatasetError: there is no such split.
    """
    dataset.qrels(session.project.eval.split)  # a split that is not there is said before all else
    for flag, value in (("--model", model), ("--backbone", backbone)):
        if value == "":
            raise UsageError(f"{flag}: the value is empty.", hint="Leave it out, or name one.")
    if run_file is not None and model:
        raise UsageError("--run and --model exclude each other.", hint="Give one of the two.")
    if run_file is not None:
        return Subject(run_file.stem, str(run_file), is_run=True, baseline=backbone)
    if model:
        subject = model_subject(session, dataset, model)
        return replace(subject, baseline=backbone or subject.baseline)
    if backbone:
        return retriever(backbone)
    own = session.workspace(dataset).model(model_name(session))
    if own.is_dir():
        session.progress.note(f"eval: the model trained here ({own}); --backbone ALIAS measures a backbone")
        return trained_here(session, dataset)
    backbone = session.project.train.backbone
    if trained_names(session, dataset):
        why = f"there is no model {own.name}"
        then = f"{_trained_here(session, dataset, own.name)} --model NAME measures one"
    else:
        why = f"no model was trained for {dataset.name} yet"
        then = f"{session.again('run').rstrip('.')} to train one"
    session.progress.note(f"eval: {why}, so this is the backbone {backbone} alone. {then}")
    return retriever(backbone)
