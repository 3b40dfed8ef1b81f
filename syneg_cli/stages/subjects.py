"""What `eval` measures, as a user names it: a model trained here or elsewhere, a backbone, a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path

from syneg_cli.core import (
    BackboneError,
    MissingArtifact,
    UsageError,
    content_hash,
    did_you_mean,
    instead,
    names_beside,
    read_manifest,
)
from syneg_cli.data import Dataset
from syneg_cli.encoding import BACKBONES, may_be
from syneg_cli.llm import embedding_api
from syneg_cli.stages.session import Session
from syneg_cli.stages.train import model_name

WORDS = BM25, BACKBONE, ALONE, NONE = "bm25", "backbone", "alone", "none"
"""Words for a system and for baselines; a folder of such a name is given as `./bm25`."""

SHOWN = 5
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class Subject:
    """What is measured: a model (by name and location), a TREC run, or BM25."""

    name: str
    location: str
    is_run: bool = False
    baseline: Subject | None = None
    """What to compare with: the backbone, where it is known."""
    is_bm25: bool = False
    alone: bool = False
    """Whether it is measured without what `--expansion` and `--lexical` put beside it."""
    began_as: str | None = field(default=None, compare=False)
    """The hash of the weights that its backbone had when it was trained, where that is recorded."""

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

    An alias, a hub id and a model behind an API are backbones; `bm25` is BM25.

    Raises:
        UsageError: it is nothing of that.
    """
    here = session.workspace(dataset).model(model)
    folder = Path(model) if Path(model).is_dir() else here if here.is_dir() else None
    if model == BM25:
        return bm25()
    if folder is None and (model in BACKBONES or HUB_ID.fullmatch(model) or embedding_api(model)):
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
    baseline = retriever(recorded) if isinstance(recorded, str) else None
    weights = manifest.inputs.get("backbone weights") if manifest else None
    return Subject(folder.resolve().name, str(folder), baseline=baseline, began_as=weights)


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


@dataclass(frozen=True)
class Asked:
    """What to measure and what to compare it with, as a user names it.

    `backbone` is measured where no model and no run is named, and else compared with. `baseline` is
    `backbone`, `bm25`, `alone`, `none`, or whatever `--model` takes, or a run's file.
    """

    models: Sequence[str] = ()
    backbone: str | None = None
    runs: Sequence[Path] = ()
    baseline: str | None = None
    rerank: str | None = None

    def check(self) -> None:
        """Raises UsageError where a value is empty, or two of them say the same."""
        texts = [("--model", model) for model in self.models] + [("--backbone", self.backbone)]
        for flag, value in (*texts, ("--baseline", self.baseline), ("--rerank", self.rerank)):
            if value == "":
                raise UsageError(f"{flag}: the value is empty.", hint="Leave it out, or name one.")
        if self.baseline and self.backbone and (self.models or self.runs):
            raise UsageError(
                "--baseline and --backbone both say what to compare with.", hint="Give one of the two."
            )
        if self.rerank and (self.baseline or (self.backbone and (self.models or self.runs))):
            flag = "--baseline" if self.baseline else "--backbone"
            raise UsageError(
                f"With --rerank what is compared with is the retriever, and {flag} names a second one.",
                hint=f"Leave out {flag}{', or --model and --run' if flag == '--backbone' else ''}.",
            )

    def each(self) -> list[Asked]:
        """The systems one by one: a model, a run, or what is measured where none is named."""
        alone = replace(self, models=(), runs=())
        if not (self.models or self.runs):
            return [alone]
        models = [replace(alone, models=(model,)) for model in self.models]
        return models + [replace(alone, runs=(run,)) for run in self.runs]

    def __str__(self) -> str:
        """What a message calls a single system."""
        return next((str(one) for one in (*self.models, *self.runs, self.backbone) if one), "")


def bm25() -> Subject:
    """BM25, as `mine` has it."""
    return Subject(BM25, BM25, is_bm25=True)


def run_subject(path: Path) -> Subject:
    """A run of whatever system."""
    return Subject(path.stem, str(path), is_run=True)


def subject_of(session: Session, dataset: Dataset, asked: Asked) -> Subject:
    """A single system as a user names it, with its baseline; the model trained here, else the backbone,
    where nothing is named.

    Raises:
        UsageError: there is no such system, or no such baseline.
        DatasetError: there is no such split.
    """
    dataset.qrels(session.project.eval.split)  # a split that is not there is said before all else
    if asked.runs:
        subject = run_subject(asked.runs[0])
    elif asked.models:
        subject = model_subject(session, dataset, asked.models[0])
    elif asked.backbone:
        subject = bm25() if asked.backbone == BM25 else retriever(asked.backbone)
    else:
        subject = _unnamed(session, dataset)
    return replace(subject, baseline=_baseline(session, dataset, subject, asked))


def _baseline(session: Session, dataset: Dataset, subject: Subject, asked: Asked) -> Subject | None:
    """What a system is compared with; the backbone of one that has none is the project's."""
    flag, named = "--baseline", asked.baseline
    if named is None and (asked.models or asked.runs):
        flag, named = "--backbone", asked.backbone
    changed = "" if asked.rerank or named not in (None, BACKBONE) else _other_weights(subject)
    if changed and subject.baseline:
        as_it_is = f"`--baseline {subject.baseline.location}` compares with what it is now"
        if named == BACKBONE:
            raise UsageError(f"{flag} {BACKBONE}: {changed}.", hint=f"Else {as_it_is}.")
        session.progress.warn(f"eval: {changed}, so there is no comparison; {as_it_is}")
        return None
    if named is None or named == NONE:
        return None if named else subject.baseline
    if named == ALONE:
        found = _alone(session, subject)
    elif named == BACKBONE:
        found = subject.baseline or retriever(session.project.train.backbone)
    elif named != BM25 and Path(named).is_file():
        found = run_subject(Path(named))
    else:
        found = replace(model_subject(session, dataset, named, flag), baseline=None)
    if found == replace(subject, baseline=None):
        session.progress.note(f"eval: {subject.name} is the baseline itself, and compared with nothing")
        return None
    return found


def _alone(session: Session, subject: Subject) -> Subject:
    """The system without what is put beside it.

    Raises:
        UsageError: nothing is.
    """
    if not session.project.eval.search:
        raise UsageError(
            "--baseline alone is the same model without --expansion and --lexical, and neither is given.",
            hint="Give one of them, or compare with `backbone` or `bm25`.",
        )
    return replace(subject, baseline=None, alone=not (subject.is_run or subject.is_bm25))


def _other_weights(subject: Subject) -> str:
    """What is wrong where the backbone has other weights now than the model began as; "" where it may not."""
    try:
        if subject.baseline is None or may_be(subject.baseline.location, subject.began_as):
            return ""
    except BackboneError:  # which is said where it is measured
        return ""
    return f"the backbone {subject.baseline.location} has other weights now than {subject.name} began as"


def _unnamed(session: Session, dataset: Dataset) -> Subject:
    """The model that the project trains, else its backbone; says which."""
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


def apart(subjects: Sequence[Subject]) -> list[Subject]:
    """Each system once, and those of the same name in different places by names of their own."""
    named = [one for subject in subjects for one in (subject, subject.baseline) if one]
    known = dict.fromkeys(replace(one, baseline=None, alone=False) for one in named)
    every = Counter(one.name for one in known)

    def called(subject: Subject) -> Subject:
        if every[subject.name] == 1:
            return subject
        return replace(subject, name=f"{subject.name}-{content_hash(subject.location)[:8]}")

    return [
        replace(called(subject), baseline=subject.baseline and called(subject.baseline))
        for subject in dict.fromkeys(subjects)
    ]
