"""eval of several systems on several data sets: what was measured is kept, whatever else fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from syneg_cli.core import SynegError, UsageError
from syneg_cli.data import Dataset, read_run
from syneg_cli.encoding import BACKBONES
from syneg_cli.evaluation import changes
from syneg_cli.stages.evaluate import Eval, Measured, evaluation_of, measuring, tell_of_few, vectors_of
from syneg_cli.stages.expanding import need_share
from syneg_cli.stages.rerank import measure_reranked, retriever_of
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Performed, perform
from syneg_cli.stages.subjects import WORDS, Asked, Subject, apart, subject_of

BESIDE = {
    "lexical": "is what words count beside a model's similarities",
    "expansion": "is what queries count in a model's vectors of documents",
}
"""Setting of a search -> what it is about."""


@dataclass(frozen=True)
class Failure:
    """What was not measured, and why; without a system it is the data set that fails."""

    dataset: str
    system: str
    error: SynegError

    def __str__(self) -> str:
        return ", ".join(part for part in (self.dataset, self.system) if part)


@dataclass(frozen=True)
class Measurements:
    """Every system on every data set, in that order, and what failed.

    `several` says whether more than one was asked for, `metrics` which are shown, the one that systems
    are compared by first.
    """

    measured: tuple[Measured, ...]
    failed: tuple[Failure, ...]
    several: bool
    metrics: tuple[str, ...]

    @property
    def error(self) -> SynegError | None:
        """What failed, as one error; the error itself where nothing else was asked for."""
        if not self.failed:
            return None
        if len(self.failed) == 1 and not self.several:
            return self.failed[0].error
        told = "; ".join(f"{one}: {one.error.message.rstrip('.')}" for one in self.failed)
        hints = [one.error.hint for one in self.failed if one.error.hint]
        return UsageError(f"Not measured: {told}.", hint=hints[0] if hints else None)


def measure_all(
    session: Session,
    names: Sequence[str],
    asked: Asked,
    *,
    worst: int = 0,
    best: int = 0,
    force: bool = False,
) -> Measurements:
    """What a user names, each on each data set; each is measured only if it was not before.

    Args:
        names: the data sets; without any, the project's.
        worst: how many queries to tell of that lost most against the baseline; `best`: that gained most.

    Raises:
        UsageError: two options exclude each other, or say nothing.
    """
    asked.check()
    need_share(session)
    wanted = [on(session, name) for name in dict.fromkeys(names)] or [session]
    failed: list[Failure] = []
    opened: list[tuple[Session, Dataset]] = []
    for one in wanted:
        try:
            dataset = one.dataset()
            opened.append((measuring(one, dataset), dataset))
        except SynegError as error:
            failed.append(Failure(one.project.dataset.name or "", "", error))
    measured: list[Measured] = []
    for one, dataset in opened:
        others = [other for _, other in opened if other is not dataset]
        work = _OneDataset(one, dataset, others, force, failed)
        measured += work.measured(asked, worst, best)
    several = len(wanted) > 1 or len(asked.each()) > 1
    return Measurements(tuple(measured), tuple(failed), several, session.project.eval.metrics)


def measured_subjects(
    session: Session, names: Sequence[str], asked: Asked
) -> list[tuple[Session, Dataset, Subject]]:
    """(session, data set, system) of all that `measure_all` would measure, baselines too, each once.

    Raises:
        SynegError: as `measure_all` tells of what cannot be measured.
    """
    asked.check()
    need_share(session)
    found: dict[tuple[str, Subject], tuple[Session, Dataset, Subject]] = {}
    opened = [
        (one, one.dataset()) for one in [on(session, name) for name in dict.fromkeys(names)] or [session]
    ]
    for one, dataset in opened:
        others = [other for _, other in opened if other is not dataset]
        work = _OneDataset(measuring(one, dataset), dataset, others, force=False, failed=[])
        for subject in work.subjects(asked):
            for each in filter(None, (subject, subject.baseline)):
                found.setdefault((dataset.name, replace(each, baseline=None)), (work.session, dataset, each))
        if work.failed:
            raise work.failed[0].error
    return list(found.values())


def on(session: Session, name: str) -> Session:
    """The session with another data set, as if that had been named alone."""
    section = session.project.dataset.model_copy(update={"name": name})
    project = session.project.model_copy(update={"dataset": section})
    origins = {**session.resolved.origins, "dataset.name": "flag"}
    return replace(session, resolved=replace(session.resolved, project=project, origins=origins))


@dataclass(frozen=True)
class _OneDataset:
    """The systems on one data set; what fails is put into `failed`."""

    session: Session
    dataset: Dataset
    others: Sequence[Dataset]
    force: bool
    failed: list[Failure]

    def measured(self, asked: Asked, worst: int, best: int) -> Iterator[Measured]:
        subjects = self.subjects(asked)
        if not subjects:
            return
        beside = [name for name in ("lexical", "expansion") if self.session.named(f"eval.{name}")]
        if beside and not any(map(_has_similarities, subjects)):
            told = f"--{beside[0]} {BESIDE[beside[0]]}, and no model is measured."
            error = UsageError(told, hint="Name one, as in --model minilm.")
            self.failed.append(Failure(self.dataset.name, "", error))
            return
        if (worst or best) and not asked.rerank and not any(subject.baseline for subject in subjects):
            told = f"{'--worst' if worst else '--best'} compares with a baseline, and there is none."
            error = UsageError(told, hint="Name one, as in --baseline bm25.")
            self.failed.append(Failure(self.dataset.name, "", error))
            return
        tell_of_few(self.session, self.dataset)
        known: dict[Subject, Performed | None] = {}
        for subject in apart(subjects):
            with self._noting(subject.name):
                if scorer := self._at_home(asked).rerank:
                    found = measure_reranked(self.session, self.dataset, subject, scorer, force=self.force)
                else:
                    stage = Eval(self.session, self.dataset, subject)
                    done = known[replace(subject, baseline=None)] = perform(stage, force=self.force)
                    other = self._baseline(subject, known)
                    found = Measured(
                        stage.exposed(evaluation_of(done)),
                        evaluation_of(other) if other else None,
                        vectors=vectors_of(*filter(None, (done, other))),
                    )
                yield self._with_changes(found, worst, best)

    def subjects(self, asked: Asked) -> list[Subject]:
        """What a user names, with their baselines."""
        choose = retriever_of if asked.rerank else subject_of
        subjects = []
        for one in map(self._at_home, asked.each()):
            with self._noting(str(one)):
                subjects.append(choose(self.session, self.dataset, one))
        return subjects

    def _baseline(self, subject: Subject, known: dict[Subject, Performed | None]) -> Performed | None:
        """What a system is compared with, measured once; None where there is none, or it failed."""
        baseline = subject.baseline
        if baseline is not None and baseline not in known:
            known[baseline] = None
            with self._noting(baseline.name):
                stage = Eval(self.session, self.dataset, baseline)
                known[baseline] = perform(stage, force=self.force)
        return known[baseline] if baseline else None

    def _with_changes(self, measured: Measured, worst: int, best: int) -> Measured:
        """With the queries that changed most against the baseline."""
        if measured.baseline is None or not (worst or best):
            return measured
        pair = [(one, read_run(Path(one.run))) for one in (measured.evaluation, measured.baseline)]
        main = self.session.project.eval.metrics[0]
        lost, gained = changes(pair[0], pair[1], self.dataset, main, worst=worst, best=best)
        return replace(measured, worst=tuple(lost) if worst else None, best=tuple(gained) if best else None)

    @contextmanager
    def _noting(self, system: str) -> Iterator[None]:
        try:
            yield
        except SynegError as error:
            self.failed.append(Failure(self.dataset.name, system, error))

    def _at_home(self, asked: Asked) -> Asked:
        """A model that was trained for another of the data sets, by its folder there."""
        models = tuple(map(self._folder, asked.models))
        baseline, scorer = (name and self._folder(name) for name in (asked.baseline, asked.rerank))
        return replace(asked, models=models, baseline=baseline, rerank=scorer)

    def _folder(self, name: str) -> str:
        places = [self.session.workspace(one).model(name) for one in (self.dataset, *self.others)]
        if Path(name).name != name or Path(name).exists() or name in (*BACKBONES, *WORDS):
            return name
        there = [place for place in places if place.is_dir()]
        return name if not there or there[0] == places[0] else str(there[0])


def _has_similarities(subject: Subject) -> bool:
    every = (one for one in (subject, subject.baseline) if one)
    return not all(one.is_run or one.is_bm25 for one in every)
