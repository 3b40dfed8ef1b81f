"""eval: how good is a model, a backbone or a run; measured once for the same weights and data."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import ClassVar

from syneg_cli.core import (
    MissingArtifact,
    Progress,
    Run,
    UsageError,
    content_hash,
    did_you_mean,
    file_hash,
    instead,
    names_beside,
    need_file,
    read_manifest,
    whole_text,
    write_text,
)
from syneg_cli.data import Dataset, read_known_run, run_lines
from syneg_cli.encoding import BACKBONES, Encoder, locate, need_retriever, weights_hash
from syneg_cli.evaluation import (
    DEPTH,
    METRICS,
    Evaluation,
    Reranked,
    retrieve,
    score,
    tells_little,
    without_itself,
)
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Performed, Plan, Stage, perform
from syneg_cli.stages.train import model_name
from syneg_cli.training import with_metrics

SHOWN = 5
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
TRAINED_ON = "train qrels"
"""The input of a model's manifest that says which queries it learned from."""


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


@dataclass(frozen=True)
class Measured:
    """A subject's evaluation, and its baseline's where it has one: with a cross-encoder, itself without."""

    evaluation: Evaluation
    baseline: Evaluation | None = None
    rerank: Reranked | None = None


class Eval(Stage):
    """One subject, measured on one split.

    Args:
        subject: None for the model that the project trains.
    """

    name = "eval"
    follows = True
    in_card: ClassVar[bool] = True
    """Whether the subject's card gets the metrics."""

    def __init__(self, session: Session, dataset: Dataset, subject: Subject | None = None) -> None:
        super().__init__(session, dataset)
        self._subject = subject
        self.settings = self.project.eval

    @property
    def subject(self) -> Subject:
        return self._subject or trained_here(self.session, self.dataset)

    @property
    def label(self) -> str:
        return f"eval {self._subject.name}" if self._subject else self.name

    @property
    def called(self) -> str:
        """The name of what is measured."""
        return self.subject.name

    @property
    def stored_as(self) -> str:
        return self.subject.stored_as

    def plan(self) -> Plan:
        subject, split = self.subject, self.settings.split
        if subject.is_run:
            need_file(Path(subject.location), UsageError, hint="Give a TREC run file to --run.")
        inputs = self.dataset.inputs(split)
        path = self.workspace.evaluation(f"{self.stored_as}-{split}")
        always = {"identical_ids": self.dataset.identical_ids, "metrics": sorted(METRICS)}
        before = self._before(subject) | {"metrics": _measured(path)}
        if not subject.is_run:
            need_retriever(subject.location)
            inputs |= {"model": weights_hash(subject.location)}
            decided, model = always | self.settings.deciding(), Path(subject.location)
            return Plan(self.name, path, inputs, decided, before, [model] if model.is_dir() else [])
        return Plan(self.name, path, inputs | {"run": file_hash(Path(subject.location))}, always, before)

    def _before(self, subject: Subject) -> dict[str, str]:
        """What manifests of 0.1 mean: a model's own ids were dropped, a run's kept, whatever their texts."""
        if not self.dataset.shares_ids(self.settings.split):
            return {"identical_ids": self.dataset.identical_ids}
        return {"identical_ids": "keep" if subject.is_run else "drop"}

    def prepare(self) -> None:
        if not self.subject.is_run:
            locate(self.subject.location, progress=self.session.progress)

    def run(self, plan: Plan, to: Path) -> Made:
        subject, qrels = self.subject, self.dataset.qrels(self.settings.split)
        run, precision, left_out = self.found()
        if left_out:
            self.session.progress.note(
                f"documents left out, each for the query that it is itself: {left_out} "
                f"(identical_ids = {self.dataset.identical_ids})"
            )
        if missing := sum(not run.get(query_id) for query_id in qrels):
            self.session.progress.warn(
                f"{missing} of {len(qrels)} {self.settings.split} queries have no result and score 0"
            )
        scores = score(run, qrels)
        write_text(to.with_suffix(".trec"), "\n".join(run_lines(run, self.called)) + "\n")
        evaluation = Evaluation(
            name=self.called,
            model=subject.location,
            dataset=self.dataset.name,
            split=self.settings.split,
            precision=precision,
            metrics=scores.metrics,
            per_query=scores.per_query,
            run=str(plan.path.with_suffix(".trec")),
        )
        write_text(to, json.dumps(asdict(evaluation), ensure_ascii=False, indent=1) + "\n")
        self._warn_of_a_leak(subject)
        if self.in_card:
            _note_in_card(subject, evaluation, self.session.progress)
        return Made({"queries": len(qrels), "left_out_as_query": left_out, **scores.metrics}, evaluation)

    def _warn_of_a_leak(self, subject: Subject) -> None:
        """Of a model that learned from other queries than train has now, where a setting parts the two."""
        manifest, split = read_manifest(Path(subject.location)), self.settings.split
        learned = manifest.inputs.get(TRAINED_ON) if manifest else None
        now = self.dataset.inputs("train")[TRAINED_ON] if "train" in self.dataset.judgements else None
        if learned and learned != now and (now is None or split in self.dataset.carved):
            self.session.progress.warn(
                f"{subject.name} was trained on other train queries than {self.dataset.name} has now, so "
                f"queries of {split} may be among them: were test_fraction or dev_fraction of [dataset] "
                "changed? Train it again"
            )

    def found(self, depth: int = DEPTH) -> tuple[Run, str, int]:
        """(run, precision of the encoder, how many documents were left out as their query itself)."""
        subject, split, progress = self.subject, self.settings.split, self.session.progress
        if subject.is_run:
            read = read_known_run(Path(subject.location), self.dataset, split, progress.warn)
            run, left_out = without_itself(read, self.dataset)
            return run, "-", left_out
        encoder = Encoder.load(
            subject.location,
            precision=self.settings.precision,
            cache=self.workspace.embeddings,
            batch_size=self.settings.batch_size,
            progress=progress,
        )
        run = retrieve(self.dataset, split, encoder, depth=depth, progress=progress)
        left_out = sum(len(self.dataset.itself(query_id)) for query_id in run)
        return run, encoder.precision, left_out


def measure(session: Session, dataset: Dataset, subject: Subject, *, force: bool = False) -> Measured:
    """A subject and its baseline; each is measured only if it was not before."""
    tell_of_few(session, dataset)
    evaluation = evaluation_of(perform(Eval(session, dataset, subject), force=force))
    if subject.baseline is None:
        return Measured(evaluation)
    baseline = Eval(session, dataset, retriever(subject.baseline))
    return Measured(evaluation, evaluation_of(perform(baseline, force=force)))


def tell_of_few(session: Session, dataset: Dataset) -> None:
    """Says where a split has too few queries to see a difference."""
    split = session.project.eval.split
    if told := tells_little(len(dataset.qrels(split)), split):
        more = f"; a larger {split}_fraction in [dataset] holds out more" if split in dataset.carved else ""
        session.progress.note(f"eval: {told}{more}")


def evaluation_of(performed: Performed) -> Evaluation:
    """What was measured, now or before."""
    return Evaluation.read(performed.path)


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
    """A backbone by alias, folder or hub id."""
    name = Path(backbone).name if Path(backbone).is_dir() else backbone.replace("/", "--")
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


def _measured(path: Path) -> list[str]:
    """The metrics that a stored evaluation has, of those there are."""
    manifest = read_manifest(path)
    return sorted(METRICS.keys() & manifest.counts.keys()) if manifest else []


def _note_in_card(subject: Subject, evaluation: Evaluation, progress: Progress) -> None:
    """Put the metrics into the card of a model that syneg trained; other folders are not touched."""
    folder = Path(subject.location)
    card = folder / "README.md"
    if subject.is_run or not card.is_file() or read_manifest(folder) is None:
        return
    try:
        text = whole_text(card, MissingArtifact)
    except MissingArtifact as error:
        progress.warn(f"{error.message.rstrip('.')}: the metrics are not noted in it")
        return
    split = evaluation.split
    write_text(card, with_metrics(text, subject.name, evaluation.dataset, split, evaluation.metrics))
