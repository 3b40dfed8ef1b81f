"""eval: how good is a model, a backbone or a run; measured once for the same weights and data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from syneg_cli.core import (
    Run,
    SynegError,
    UsageError,
    changed_since,
    content_hash,
    counted,
    file_hash,
    need_file,
    read_manifest,
    write_text,
)
from syneg_cli.data import Dataset, best_first, read_known_run, read_run, run_lines
from syneg_cli.encoding import need_retriever
from syneg_cli.evaluation import (
    DEPTH,
    METRICS,
    Change,
    EvalSettings,
    Evaluation,
    Expansion,
    Exposure,
    Reranked,
    Search,
    TrainedOn,
    WordScores,
    depth_for,
    exposure,
    is_metric,
    retrieve,
    score,
    tells_little,
    without_itself,
)
from syneg_cli.mining import BM25_B, BM25_K1, bm25_run, words_of
from syneg_cli.stages import encoders
from syneg_cli.stages.card_metrics import note_in_card
from syneg_cli.stages.expanding import expansion_of, tell_of, written_for
from syneg_cli.stages.exposed import told_of_leak, trained_on
from syneg_cli.stages.session import Session
from syneg_cli.stages.stage import Made, Performed, Plan, Stage
from syneg_cli.stages.subjects import Subject, trained_here


@dataclass(frozen=True)
class Measured:
    """A subject's evaluation, and its baseline's where it has one: with a cross-encoder, itself without."""

    evaluation: Evaluation
    baseline: Evaluation | None = None
    rerank: Reranked | None = None
    worst: tuple[Change, ...] | None = None
    """The queries that lost most against the baseline, and those that gained most; None: not asked for."""
    best: tuple[Change, ...] | None = None
    vectors: Sequence[Mapping[str, Any]] = ()
    """What embedding APIs cost for it, over all runs."""


@dataclass(frozen=True)
class Found:
    """What a subject finds for every query, with what, and how many documents were the query itself."""

    run: Run
    left_out: int
    precision: str = "-"
    max_length: int | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)
    """Of the manifest that it was read from."""


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
        self._anew = False
        self.expansion: Expansion | None = None
        """What documents are expanded with, as the plan has it: the file may change while it is measured."""
        self.settings = self.project.eval

    @property
    def subject(self) -> Subject:
        return self._subject or trained_here(self.session, self.dataset)

    @property
    def label(self) -> str:
        return f"eval {self.called}" if self._subject else self.name

    @property
    def search(self) -> Search:
        """What is beside the subject's own vectors; a run and BM25 have none."""
        alone = self.subject.is_run or self.subject.is_bm25 or self.subject.alone
        return Search() if alone else self.settings.search

    @property
    def called(self) -> str:
        """The name of what is measured."""
        return self.search.called(self.subject.name)

    @property
    def stored_as(self) -> str:
        return self.search.called(self.subject.stored_as)

    def plan(self) -> Plan:
        subject, split = self.subject, self.settings.split
        if subject.is_run:
            need_file(Path(subject.location), UsageError, hint="Give a TREC run file to --run.")
        inputs = self.dataset.inputs(split)
        path = self.workspace.evaluation(f"{self.stored_as}-{split}")
        stored = _measured(path)
        wanted = {*METRICS, *self.settings.metrics, *stored}  # what was measured once stays
        always = {"identical_ids": self.dataset.identical_ids, "metrics": sorted(wanted)}
        before = EvalSettings().deciding() | self._before(subject) | {"metrics": stored}
        if expansion := expansion_of(self.session, self.dataset, self.search):
            inputs |= expansion.inputs | expansion.asked
        self.expansion = expansion
        if subject.is_bm25 or self.search.lexical:
            inputs |= {"bm25": content_hash(["lucene", BM25_K1, BM25_B, self.dataset.language])}
        if subject.is_bm25:
            return Plan(self.name, path, inputs, always, before)
        if not subject.is_run:
            need_retriever(subject.location)
            inputs |= {"model": encoders.identity(self.session, subject.location)}
            decided = always | self.settings.deciding() | asdict(self.search)
            decided |= encoders.settings_of(self.session, subject.location)
            reads = [model] if (model := Path(subject.location)).is_dir() else []
            reads += [written_for(self.session, self.dataset)] if self.search.reads_written else []
            return Plan(self.name, path, inputs, decided, before, reads)
        return Plan(self.name, path, inputs | {"run": file_hash(Path(subject.location))}, always, before)

    def _before(self, subject: Subject) -> dict[str, str]:
        """What manifests of 0.1 mean: a model's own ids were dropped, a run's kept, whatever their texts."""
        if not self.dataset.shares_ids(self.settings.split):
            return {"identical_ids": self.dataset.identical_ids}
        return {"identical_ids": "keep" if subject.is_run else "drop"}

    def prepare(self) -> None:
        if not (self.subject.is_run or self.subject.is_bm25):
            encoders.fetch(self.session, self.subject.location)

    def forget(self, plan: Plan) -> None:
        self._anew = True

    def run(self, plan: Plan, to: Path) -> Made:
        subject, qrels = self.subject, self.dataset.qrels(self.settings.split)
        metrics = plan.settings["metrics"]
        kept = None if self._anew else _kept(plan)
        found = kept or self.found(depth_for(metrics))
        run, left_out = found.run, found.left_out
        if kept:
            self.session.progress.note(f"{self.label}: what is new is computed from the stored run")
        if left_out:
            self.session.progress.note(
                f"documents left out, each for the query that it is itself: {left_out} "
                f"(identical_ids = {self.dataset.identical_ids})"
            )
        if missing := sum(not run.get(query_id) for query_id in qrels):
            self.session.progress.warn(
                f"{missing} of {len(qrels)} {self.settings.split} queries have no result and score 0"
            )
        scores = score(run, qrels, sorted(metrics, key=_in_order))
        write_text(to.with_suffix(".trec"), "\n".join(run_lines(run, self.called)) + "\n")
        evaluation = Evaluation(
            name=self.called,
            model=subject.location,
            dataset=self.dataset.name,
            split=self.settings.split,
            precision=found.precision,
            metrics=scores.metrics,
            per_query=scores.per_query,
            run=str(plan.path.with_suffix(".trec")),
            written_queries=len(self.dataset.synthetic & qrels.keys()),
            exposure=self._recorded(),
            max_length=found.max_length,
            lexical=self.search.lexical,
            expansion=self.search.expansion,
            expansion_from=self.search.expansion_from,
            expanded=expansion.documents / len(self.dataset.corpus) if (expansion := self.expansion) else 0.0,
        )
        write_text(to, json.dumps(asdict(evaluation), ensure_ascii=False, indent=1) + "\n")
        self._warn_of_a_leak(subject)
        if self.in_card and not self.search:  # which would be figures of two systems together
            note_in_card(subject, evaluation, self.session.progress)
        here = subject.is_run or subject.is_bm25
        vectors = [] if here else encoders.bills(self.session, self.dataset, subject.location)
        counts = {**found.counts, "queries": len(qrels), "left_out_as_query": left_out, "vectors": vectors}
        counts |= scores.metrics
        return Made(counts, evaluation)

    def learned(self) -> TrainedOn | None:
        """What the subject was trained on, or its index holds; None where that is not recorded."""
        recorded = trained_on(self.session, self.dataset, self.subject)
        return TrainedOn.with_index(recorded, self.dataset, self.expansion)

    def _recorded(self) -> Exposure | None:
        """What is stored: train as it is now may change, so what it would have seen is not."""
        learned = self.learned()
        return exposure(learned, self.dataset, self.settings.split) if learned else None

    def exposed(self, evaluation: Evaluation) -> Evaluation:
        """With the queries parted, where what is stored does not part them."""
        if evaluation.exposure is not None:
            return evaluation
        parted = exposure(self.learned(), self.dataset, self.settings.split)
        return replace(evaluation, exposure=parted)

    def _warn_of_a_leak(self, subject: Subject) -> None:
        if leak := told_of_leak(self.session, self.dataset, subject, self.settings.split):
            self.session.progress.warn(leak)

    def found(self, depth: int = DEPTH) -> Found:
        """What the subject finds."""
        subject, split, progress = self.subject, self.settings.split, self.session.progress
        if subject.is_run:
            read = read_known_run(Path(subject.location), self.dataset, split, progress.warn)
            run, left_out = without_itself(read, self.dataset)
            return Found(run, left_out)
        if subject.is_bm25:
            queries = list(self.dataset.qrels(split))
            run, left_out = without_itself(bm25_run(self.dataset, queries, depth + 1, progress), self.dataset)
            return Found({query_id: best_first(found, depth) for query_id, found in run.items()}, left_out)
        encoder = encoders.open_encoder(
            self.session,
            self.dataset,
            subject.location,
            precision=self.settings.precision,
            batch_size=self.settings.batch_size,
            max_length=self.settings.max_length,
        )
        lexical, beside = self.search.lexical, self.expansion
        words = WordScores(words_of(self.dataset, progress).scores, lexical) if lexical else None
        if beside:
            tell_of(self.session, self.dataset, beside)
        run = retrieve(
            self.dataset, split, encoder, depth=depth, words=words, expansion=beside, progress=progress
        )
        left_out = sum(len(self.dataset.itself(query_id)) for query_id in run)
        return Found(run, left_out, encoder.precision, encoder.max_length)


def measuring(session: Session, dataset: Dataset) -> Session:
    """The session that measures on held-out LLM-written queries, where there are no others to measure on."""
    named = session.resolved.origins.get("eval.split", "default") != "default"
    held_out = dataset.judgements.get("dev", {}).keys()
    written = held_out and not held_out - dataset.synthetic
    if named or session.project.eval.split in dataset.judgements or not written:
        return session
    queries = counted(len(held_out), "held-out query", "held-out queries")
    session.progress.note(f"{dataset.name} has no test queries: measured is on {queries} that an LLM wrote")
    section = session.project.eval.model_copy(update={"split": "dev"})
    project = session.project.model_copy(update={"eval": section})
    return replace(session, resolved=replace(session.resolved, project=project))


def vectors_of(*done: Performed) -> list[Mapping[str, Any]]:
    """What embedding APIs cost for evaluations; nothing where manifests of an earlier version do not say."""
    return [bill for each in done for bill in each.counts.get("vectors") or ()]


def tell_of_few(session: Session, dataset: Dataset) -> None:
    """Says where a split has too few queries to see a difference."""
    split = session.project.eval.split
    if told := tells_little(len(dataset.qrels(split)), split):
        made = split in ("dev", "test") and split in dataset.carved
        made = made and session.project.dataset.resplit == "none"
        more = f"; a larger {split}_fraction in [dataset] holds out more" if made else ""
        session.progress.note(f"eval: {told}{more}")


def evaluation_of(performed: Performed) -> Evaluation:
    """What was measured, now or before; its run is where it is now."""
    evaluation = Evaluation.read(performed.path)
    return replace(evaluation, run=str(performed.path.with_suffix(".trec")))


def _measured(path: Path) -> list[str]:
    """The metrics that a stored evaluation has, of those that this version knows."""
    manifest = read_manifest(path)
    named = manifest.settings.get("metrics") if manifest else None
    names = named if isinstance(named, list) else [*METRICS]
    return sorted(name for name in names if manifest and name in manifest.counts and is_metric(name))


def _in_order(name: str) -> tuple[int, str]:
    """Those of `METRICS` first, as they are there."""
    return ([*METRICS].index(name) if name in METRICS else len(METRICS)), name


def _kept(plan: Plan) -> Found | None:
    """What a stored evaluation found that lacks metrics, and nothing else.

    None where it is another's, was touched, or its run is not deep enough for the new metrics.
    """
    manifest, file = read_manifest(plan.path), plan.path.with_suffix(".trec")
    measured = _measured(plan.path)
    same = replace(plan, settings={**plan.settings, "metrics": measured})
    if manifest is None or same.stale() or changed_since(plan.path, manifest):
        return None
    if file.name not in manifest.files or not isinstance(manifest.counts.get("left_out_as_query"), int):
        return None  # of a version that kept no hash of the run, or did not count these
    if depth_for(plan.settings["metrics"]) > depth_for(measured):
        return None
    try:
        stored, counts = Evaluation.read(plan.path), manifest.counts
        run = read_run(file)
        return Found(run, counts["left_out_as_query"], stored.precision, stored.max_length, counts)
    except SynegError:
        return None
