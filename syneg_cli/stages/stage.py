"""A stage makes one artefact: `plan()` says what from, `run()` makes it, `perform` does the rest.

Two equal plans make equal files. `perform` alone decides whether a stage has to run, says why,
takes the time, and puts what was made in its place, its manifest first.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from syneg_cli.core import (
    Manifest,
    MissingArtifact,
    SynegError,
    Unlockable,
    UsageError,
    changed_since,
    check_place,
    check_unedited,
    content_hash,
    duration,
    is_damaged,
    locked,
    near,
    read_manifest,
    settle,
    staged,
    stale_reason,
    tidy,
    world,
)
from syneg_cli.data import Dataset
from syneg_cli.stages.owner import claim, need_own
from syneg_cli.stages.remaking import remake
from syneg_cli.stages.session import Session


@dataclass(frozen=True)
class Plan:
    """What a stage would write, and from what: content hashes by role, and settings."""

    stage: str
    path: Path
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What a manifest means that does not name a setting yet."""
    reads: Sequence[Path] = ()
    """The artefacts that it is made from."""

    def stale(self) -> str | None:
        """Why the stage has to run; None when its output is up to date."""
        return stale_reason(self.path, self.inputs, self.settings, self.defaults)


@dataclass(frozen=True)
class Made:
    """What a stage did. `counts` is for machines, `record` is what people are shown."""

    counts: Mapping[str, Any]
    record: Any = None
    cost_usd: float | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where inputs are, for a later stage that needs their texts."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """Settings as they turned out; a difference from the plan makes the result stale."""
    error: SynegError | None = None
    """Raised when what was made is kept: the result is only a part."""
    card: str = ""
    """As the manifest has it."""
    written: bool = True
    """False where nothing was written, because nothing usable came or what is there is better."""


@dataclass(frozen=True)
class Performed:
    """A stage that was run, or found up to date."""

    stage: str
    path: Path
    reason: str
    """Why it ran, or "up to date"."""
    counts: Mapping[str, Any]
    """As the manifest has them, also where it was up to date."""
    seconds: float = 0.0
    record: Any = None
    """What the stage made, for people; None where it was up to date."""
    skipped: bool = False

    def as_json(self) -> dict[str, Any]:
        place = {"stage": self.stage, "path": str(self.path), "skipped": self.skipped, "reason": self.reason}
        return place | {**self.counts, "seconds": round(self.seconds, 3)}


class Stage(ABC):
    """One artefact of a data set."""

    name: ClassVar[str]
    shared: ClassVar[bool] = False
    """Whether several processes may work for the same artefact at once, each doing a part in `share`."""

    follows: ClassVar[bool] = False
    """Whether it is made from what the stages before it make."""

    named_by: ClassVar[str] = ""
    """The flag that gives the artefact another name."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        self.session = session
        self.dataset = dataset
        self.project = session.project
        self.workspace = session.workspace(dataset)

    @property
    def label(self) -> str:
        """How notes call the stage."""
        return self.name

    @abstractmethod
    def plan(self) -> Plan:
        """What would be written, and from what; reads files and sends nothing.

        Raises:
            MissingArtifact: an earlier stage has to run first.
        """

    def prepare(self) -> None:  # noqa: B027 (most stages have nothing to fetch)
        """Fetch what the plan only knows by name so far, such as a model of the hub."""

    def forget(self, plan: Plan) -> None:  # noqa: B027 (most stages keep nothing of the kind)
        """Drop what an interrupted run left to go on from: --force begins at the beginning."""

    def settled(self, plan: Plan) -> None:  # noqa: B027 (nor is there anything to drop)
        """Drop what an interrupted run would have gone on from: the artefact is in its place."""

    def share(self, plan: Plan) -> None:  # noqa: B027 (most stages are made by one process)
        """What several processes may do at once, before one of them makes the artefact."""

    def edited(self, path: Path) -> Path | None:
        """A file of the artefact at `path` that somebody edited and that the manifest has no hash of."""
        return None

    @abstractmethod
    def run(self, plan: Plan, to: Path) -> Made:
        """Make the artefact at `to`; it then takes the place of `plan.path`, as do files beside it.

        Of several processes, the leading one writes it.
        """


def never_negatives(dataset: Dataset, *splits: str) -> tuple[dict[str, str], dict[str, str]]:
    """(settings of a plan over these splits that say what is no negative, what a manifest without one means).

    Where no query has the id of a document, `identical_ids` changes nothing and is its default, as is
    `same_document` where no positive is a passage of a document that was cut. Manifests of 0.1 mean that
    nothing was left out for its id, and those without `same_document` that nothing was for its document.
    """
    settings, before = {"identical_ids": "auto"}, {"identical_ids": "auto"}
    if any(dataset.shares_ids(split) for split in splits if split in dataset.judgements):
        settings, before = {"identical_ids": dataset.identical_ids}, {"identical_ids": "keep"}
    if "train" in dataset.judgements and dataset.cut:
        return settings | {"same_document": dataset.same_document}, before | {"same_document": "none"}
    return settings | {"same_document": "beside"}, before | {"same_document": "beside"}


FORCED = "--force"


def perform(stage: Stage, *, force: bool = False, because: str = FORCED) -> Performed:
    """Run a stage unless its output is up to date; says which of the two, and why.

    Args:
        because: the reason that is told where `force` is.

    Raises:
        SynegError: what the stage raised; where it made a part, after that is written.
    """
    plan = stage.plan()
    with _held(stage, plan, wanted=not stage.shared, because=because if force else plan.stale()):
        reason = world().gather(because if force else plan.stale())[0]  # as the leading process finds
        if reason is None:
            return _up_to_date(stage, plan)
        need_place(stage, plan)
        if reason != FORCED:
            check_unedited(plan.path, reason, stage.edited(plan.path))
        stage.session.progress.note(f"{stage.label}: running ({reason})")
        if force:
            stage.forget(plan)
        started = time.monotonic()
        stage.prepare()
        plan = stage.plan()
        _look_at(stage, plan)
        stage.share(plan)
        with (
            _held(stage, plan, wanted=stage.shared, because=reason),
            staged(plan.path) as to,
        ):
            made = stage.run(plan, to)
            seconds = time.monotonic() - started
            if world().leads and made.written:
                settle(to, plan.path, _manifest(plan, made, seconds))
                stage.settled(plan)
                claim(stage.session, stage.dataset)
    world().wait()
    if made.error is not None:
        raise made.error
    if made.written:
        stage.session.progress.note(f"{stage.label}: done in {duration(seconds)} -> {near(plan.path)}")
    elif plan.path.exists():
        stage.session.progress.warn(
            f"{stage.label}: {near(plan.path)} holds more than this run made, and is left as it is"
        )
    else:
        stage.session.progress.note(f"{stage.label}: nothing usable came, and nothing is written")
    return Performed(stage.name, plan.path, reason, made.counts, seconds, made.record)


def need_place(stage: Stage, plan: Plan) -> None:
    """Raises UsageError where the artefact may not be put in its place, before anything is paid for it."""
    need_own(stage.session, stage.dataset)
    check_place(plan.path, stage.named_by, plan.stage)


def _up_to_date(stage: Stage, plan: Plan) -> Performed:
    stage.session.progress.note(f"{stage.label}: up to date, nothing to do ({near(plan.path)})")
    manifest = read_manifest(plan.path)
    if manifest and changed_since(plan.path, manifest):
        stage.session.progress.warn(
            f"{near(plan.path)} was changed since it was made; it is used as it is, --force makes it again"
        )
    counts = manifest.counts if manifest else {}
    return Performed(stage.name, plan.path, "up to date", counts, skipped=True)


def _look_at(stage: Stage, plan: Plan) -> None:
    """Says which artefacts that are read were changed since they were made.

    Raises:
        MissingArtifact: one is empty, or a folder with a damaged file; of others the reader names the line.
    """
    for path in plan.reads:
        manifest = read_manifest(path)
        if manifest is None or not changed_since(path, manifest):
            continue
        if (path.is_dir() or not path.stat().st_size) and is_damaged(path, manifest):
            raise MissingArtifact(
                f"{near(path)} is damaged since {manifest.stage} wrote it.",
                hint=remake(stage.session, path, manifest),
            )
        stage.session.progress.warn(
            f"{near(path)} was changed since {manifest.stage} wrote it; it is used as it is"
        )


def _manifest(plan: Plan, made: Made, seconds: float) -> Manifest:
    return Manifest(
        stage=plan.stage,
        inputs=plan.inputs,
        settings={**plan.settings, **made.found},
        counts=made.counts,
        seconds=round(seconds, 3),
        cost_usd=made.cost_usd,
        paths=made.paths,
        card=made.card,
    )


@contextmanager
def _held(stage: Stage, plan: Plan, *, wanted: bool, because: str | None) -> Iterator[None]:
    """The lock of an artefact, held by the leading process; where it waited, the plan is looked at after.

    Where nothing can be written, nobody makes anything: what is up to date needs no lock.

    Args:
        because: why it is made, as far as is known before.
    """
    if not wanted or not world().leads:
        yield
        return
    # However the way to it is spelt: two processes at one artefact have to meet.
    place = content_hash(str(plan.path.parent.resolve() / plan.path.name))
    name = f"{plan.stage}-{plan.path.stem[:80]}-{place[:8]}.lock"
    lock = locked(stage.workspace.locks / name, f"{stage.label} {plan.path.stem}", stage.session.progress)
    with ExitStack() as held:
        try:
            held.enter_context(lock)
            tidy(plan.path)
        except Unlockable as error:
            if because is not None:
                told = f"{near(plan.path)} has to be made ({because}), and {error.message}"
                raise UsageError(f"{stage.label}: {told}", hint=error.hint) from None
        yield
