"""eval --rerank: a retriever, or a run, with a cross-encoder on top of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from syneg_cli.core import MissingArtifact, UsageError, counted
from syneg_cli.data import Dataset
from syneg_cli.encoding import is_cross_encoder, load_cross_encoder, locate, need_cross_encoder, weights_hash
from syneg_cli.evaluation import DEPTH, Reranked, TrainedOn, pair_count, rerank
from syneg_cli.stages.evaluate import Eval, Found, Measured, evaluation_of, vectors_of
from syneg_cli.stages.exposed import trained_on
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Performed, Plan, perform
from syneg_cli.stages.subjects import Asked, Subject, model_subject, retriever, subject_of, trained_here
from syneg_cli.training import CROSS_ENCODER


class Rerank(Eval):
    """A subject's first documents of each query in a cross-encoder's order, measured.

    No card gets its figures: they are those of two models together.

    Args:
        subject: what retrieves; None for the backbone of the model that the project trains.
        reranker: the cross-encoder; None for that model.
    """

    in_card = False

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        subject: Subject | None = None,
        reranker: Subject | None = None,
    ) -> None:
        super().__init__(session, dataset, subject)
        self._reranker = reranker
        self._pairs = 0

    @property
    def subject(self) -> Subject:
        return self._subject or own_retriever(self.session)

    @property
    def reranker(self) -> Subject:
        return self._reranker or trained_here(self.session, self.dataset)

    @property
    def label(self) -> str:
        return f"eval {self.called}" if self._reranker else self.name

    @property
    def called(self) -> str:
        return f"{super().called}+{self.reranker.name}@{self.settings.depth}"

    @property
    def stored_as(self) -> str:
        return f"{super().stored_as}+{self.reranker.name}@{self.settings.depth}"

    def plan(self) -> Plan:
        scorer = self.reranker.location
        plan = super().plan()
        need_cross_encoder(scorer)
        return replace(
            plan,
            inputs={**plan.inputs, "cross-encoder": weights_hash(scorer)},
            settings={**plan.settings, "depth": self.settings.depth},
            reads=[*plan.reads, *([Path(scorer)] if Path(scorer).is_dir() else [])],
        )

    def prepare(self) -> None:
        super().prepare()
        locate(self.reranker.location, progress=self.session.progress)

    def found(self, depth: int = DEPTH) -> Found:
        first, progress = self.settings.depth, self.session.progress
        retrieved = super().found(max(depth, first))
        run = retrieved.run
        split = self.settings.split
        count = pair_count(run, self.dataset, split, first)
        progress.note(f"{self.label}: {counted(count, 'pair')} to score with {self.reranker.name}")
        model = load_cross_encoder(self.reranker.location, progress)
        size = self.settings.batch_size
        reranked, self._pairs = rerank(
            run, self.dataset, split, model, depth=first, batch_size=size, progress=progress
        )
        return replace(retrieved, run=reranked)

    def learned(self) -> TrainedOn | None:
        """What the cross-encoder was trained on, and what retrieves, where that is recorded."""
        own = trained_on(self.session, self.dataset, self.reranker)
        return own and own.joined(super().learned(), self.dataset)

    def run(self, plan: Plan, to: Path) -> Made:
        made = super().run(plan, to)
        self._warn_of_a_leak(self.reranker)
        return replace(made, counts={**made.counts, "pairs": self._pairs})


def own_retriever(session: Session) -> Subject:
    """What retrieves for the cross-encoder that a project trains: what it began as, or else what mines.

    Raises:
        UsageError: both are cross-encoders.
    """
    project = session.project
    named = [name for name in (project.train.backbone, project.mine.backbone) if name]
    encoders = [name for name in named if not is_cross_encoder(name)]
    if not encoders:
        raise UsageError(
            f"{project.train.backbone} is a cross-encoder, so no retriever is named to put one on top of.",
            hint="Name one: `syneg eval --backbone ALIAS --rerank NAME`, or `backbone` of [mine].",
        )
    return retriever(encoders[0])


def need_no_depth(session: Session) -> None:
    """Raises UsageError where a depth is given on the command line, and nothing to rerank with."""
    if session.named("eval.depth"):
        raise UsageError("--depth says how much --rerank reads again.", hint="Add `--rerank MODEL`.")


def retriever_of(session: Session, dataset: Dataset, asked: Asked) -> Subject:
    """What a cross-encoder is put on top of, as a user names it.

    Raises:
        UsageError: as `subject_of`.
    """
    named = asked.models or asked.backbone or asked.runs
    if not named and session.project.train.kind == CROSS_ENCODER:
        dataset.qrels(session.project.eval.split)
        return own_retriever(session)
    return replace(subject_of(session, dataset, asked), baseline=None)


def measure_reranked(
    session: Session, dataset: Dataset, subject: Subject, model: str, *, force: bool = False
) -> Measured:
    """A subject with a cross-encoder on top of it, against itself without.

    Args:
        model: the cross-encoder, by the name of one trained here, its folder or its hub id.

    Raises:
        UsageError: there is no such model, or it is an encoder.
    """
    reranker = model_subject(session, dataset, model, flag="--rerank")
    Rerank(session, dataset, subject, reranker).plan()  # what is wrong with it is said before all else
    alone = perform(Eval(session, dataset, subject), force=force)
    stage = Rerank(session, dataset, subject, reranker)
    return reranked_of(stage, reranker, perform(stage, force=force), alone)


def reranked_of(stage: Eval, reranker: Subject, done: Performed, alone: Performed) -> Measured:
    """What was measured with and without a cross-encoder."""
    if not isinstance(pairs := done.counts.get("pairs"), int):
        said = f"The manifest of {done.path} does not say how many pairs were scored."
        raise MissingArtifact(said, hint="Measure again with --force.")
    depth = stage.settings.depth
    about = Reranked(reranker.name, reranker.location, depth, pairs, done.seconds)
    return Measured(
        stage.exposed(evaluation_of(done)), evaluation_of(alone), about, vectors=vectors_of(alone)
    )
