"""From negatives to a measured model in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from syneg_cli.core import (
    MinedNegative,
    NoProgress,
    Progress,
    Run,
    SyntheticNegative,
    SyntheticQuery,
    TrainingInstance,
    UsageError,
)
from syneg_cli.data import Dataset, best_first
from syneg_cli.encoding import Encoder, load_cross_encoder
from syneg_cli.evaluation import (
    NO_SHARE,
    EvalSettings,
    Evaluation,
    Expansion,
    TrainedOn,
    WordScores,
    depth_for,
    exposure,
    retrieve,
    score,
    without_itself,
)
from syneg_cli.evaluation import rerank as reranked
from syneg_cli.library.arguments import (
    WORK_DIR,
    checked_run,
    embeddings,
    listed,
    need_dataset,
    need_local,
    need_records,
    need_written,
    settings_from,
)
from syneg_cli.library.spoken import step
from syneg_cli.mining import bm25_run, words_of
from syneg_cli.mixing import Mixed, MixSettings, Texts, check_strategy, mix_negatives, texts_of
from syneg_cli.training import Around, TrainSettings, fine_tune

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

ROUNDS = 8
BM25 = "bm25"
"""What BM25 is called among the systems that are measured; a folder of that name is `./bm25`."""
Negative = SyntheticNegative | MinedNegative


@dataclass(frozen=True, repr=False)
class TrainingSet:
    """Training instances with the data set and the texts that they refer to."""

    dataset: Dataset
    mixed: Mixed
    texts: Texts

    @property
    def instances(self) -> tuple[TrainingInstance, ...]:
        return self.mixed.instances

    def __repr__(self) -> str:
        return f"<TrainingSet: {len(self.instances)} instances of {self.dataset.name}>"

    def __str__(self) -> str:
        draws = sum(self.mixed.composition.values())
        by_size = sorted(self.mixed.composition.items(), key=lambda item: (-item[1], item[0]))
        lines = [f"{count / draws:6.1%} got {what}" for what, count in by_size]
        return "\n".join([f"{len(self.instances)} training instances of {self.dataset.name}", *lines])


@step
def mix(dataset: Dataset, *negatives: Iterable[Negative], epochs: int = 2, **settings: Any) -> TrainingSet:
    """Training instances from written and mined negatives, in any order.

    Args:
        epochs: how long training will be, for strategies that go by epochs (graded).
        settings: those of [mix]: strategy, ratio, negatives, weights, max_risk, ...
    """
    need_dataset(dataset)
    chosen = settings_from(MixSettings, settings, leave_out=("name", "file", "mirror"))
    long = settings_from(TrainSettings, {"epochs": epochs}).epochs
    every = [negative for group in negatives for negative in listed(group)]
    need_records(dataset, every)
    synthetic = [negative for negative in every if isinstance(negative, SyntheticNegative)]
    mined = [negative for negative in every if isinstance(negative, MinedNegative)]
    rounds = chosen.rounds or (long if check_strategy(chosen.strategy).by_epoch else ROUNDS)
    mixed = mix_negatives(dataset, synthetic, mined, chosen, rounds=rounds)
    return TrainingSet(dataset, mixed, texts_of(synthetic))


@overload
def train(
    backbone: str | PathLike[str],
    training_set: TrainingSet,
    *,
    kind: Literal["bi-encoder"] = "bi-encoder",
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> SentenceTransformer: ...
@overload
def train(
    backbone: str | PathLike[str],
    training_set: TrainingSet,
    *,
    kind: Literal["cross-encoder"],
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> CrossEncoder: ...
@step
def train(
    backbone: str | PathLike[str],
    training_set: TrainingSet,
    *,
    kind: str = "bi-encoder",
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> SentenceTransformer | CrossEncoder:
    """A fine-tuned sentence-transformers model.

    Args:
        backbone: an alias, a folder or a hub id.
        kind: "bi-encoder", a retriever, or "cross-encoder", a reranker.
        settings: those of [train]: epochs, batch_size, lr, temperature, ...
    """
    if not isinstance(training_set, TrainingSet):
        raise UsageError(f"{training_set!r} is not a training set.", hint="Make one with mix(data, ...).")
    chosen = settings_from(TrainSettings, settings, leave_out=("output",), backbone=backbone, kind=kind)
    around = Around(
        training_set.dataset, training_set.texts, progress or NoProgress(), cache=embeddings(work_dir)
    )
    model, _ = fine_tune(training_set.instances, chosen, around)
    return model


@step
def evaluate(
    model: str | PathLike[str] | SentenceTransformer | Run,
    dataset: Dataset,
    *,
    rerank: str | PathLike[str] | CrossEncoder | None = None,
    trained_on: TrainingSet | None = None,
    queries: Iterable[SyntheticQuery] = (),
    name: str | None = None,
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> Evaluation:
    """How good a retriever is; `.against(other)` says whether it is better than another.

    Args:
        model: an alias, a folder or a hub id; "bm25"; a model in memory; or a run (query -> document
            -> score).
        rerank: a cross-encoder that puts the `depth` first documents of each query in order: a
            folder, a hub id or a model in memory.
        trained_on: what a model in memory was trained on: it parts the queries by what training saw.
            A model folder of `syneg train` says so itself.
        queries: LLM-written ones, which `expansion` puts into the vectors of their documents;
            `expansion_from="judged"` puts those that train judges there, "both" both.
        settings: those of [eval]: split, metrics, precision, batch_size, depth, max_length, lexical,
            expansion, expansion_from; `.against` tells of the first metric.
    """
    need_dataset(dataset)
    need_local(model)
    chosen = settings_from(EvalSettings, settings)
    _check_settings(model, rerank, settings)
    qrels = dataset.qrels(chosen.split)
    expansion = _expansion(dataset, chosen, need_written(queries))
    told, model = progress or NoProgress(), str(model) if isinstance(model, PathLike) else model
    _need_model(model)
    recorded = _learned(model, dataset, trained_on, told)
    learned = TrainedOn.with_index(recorded, dataset, expansion)
    scorer = None if rerank is None else _scorer(rerank, told)
    run, precision, length = _found(model, dataset, chosen, expansion, embeddings(work_dir), told)
    if scorer is not None:
        options = {"depth": chosen.depth, "batch_size": chosen.batch_size}
        run, _ = reranked(run, dataset, chosen.split, scorer, progress=told, **options)
    called, scores = name or _called(model, rerank, chosen), score(run, qrels, chosen.metrics)
    return Evaluation(
        name=called,
        model=BM25 if model == BM25 else called,
        dataset=dataset.name,
        split=chosen.split,
        precision=precision,
        metrics=scores.metrics,
        per_query=scores.per_query,
        run="",
        written_queries=len(dataset.synthetic & qrels.keys()),
        exposure=exposure(learned, dataset, chosen.split),
        max_length=length,
        lexical=0.0 if isinstance(model, Mapping) else chosen.lexical,
        expansion=chosen.expansion,
        expansion_from=chosen.search.expansion_from,
        expanded=expansion.documents / len(dataset.corpus) if expansion else 0.0,
    )


def _check_settings(model: object, rerank: object, settings: Mapping[str, Any]) -> None:
    """Raises UsageError for a setting that has no part in what is measured."""
    if rerank is None and "depth" in settings:
        raise UsageError("depth says how much a reranker reads again.", hint="Add rerank=MODEL.")
    if "expansion_from" in settings and not settings.get("expansion"):
        raise UsageError(
            NO_SHARE,
            hint="Give it, too: expansion=0.5.",
        )
    for beside in (
        {"lexical", "expansion", "expansion_from"} & settings.keys()
        if isinstance(model, Mapping) or model == BM25
        else ()
    ):
        system = "BM25" if model == BM25 else "a run"
        told_of_run = f"{beside} is what counts beside a model's own vectors, and {system} has none."
        raise UsageError(told_of_run, hint="Give a model, or leave it out.")


def _expansion(dataset: Dataset, chosen: EvalSettings, queries: list[SyntheticQuery]) -> Expansion | None:
    """Raises UsageError where an expansion has no queries, or queries no expansion; or as `Expansion.of`."""
    if bool(queries) != chosen.search.reads_written:
        raise UsageError(
            "expansion is the share of LLM-written queries in documents' vectors, and goes with queries.",
            hint="Give both, as in evaluate(model, data, queries=write_queries(data, llm), expansion=0.5), "
            'or expansion_from="judged" and no queries.',
        )
    if not chosen.expansion:
        return None
    return Expansion.of(queries, dataset, chosen.split, chosen.expansion, chosen.expansion_from)


def _called(model: object, rerank: object, chosen: EvalSettings) -> str:
    """What a system is called that nobody gave a name."""
    called = "run" if isinstance(model, Mapping) else chosen.search.called(_name(model, "model"))
    return called if rerank is None else f"{called}+{_name(rerank, 'reranker')}@{chosen.depth}"


def _name(model: object, otherwise: str) -> str:
    return str(model) if isinstance(model, (str, PathLike)) else otherwise


def _need_model(model: object) -> None:
    """Raises UsageError where something is neither a retriever nor a run."""
    if model == "" or not (isinstance(model, (str, Mapping)) or hasattr(model, "similarity_fn_name")):
        if hasattr(model, "rank"):
            raise UsageError(
                "A cross-encoder scores pairs of texts, and retrieves nothing.",
                hint="Give a retriever, and it as rerank.",
            )
        raise UsageError(
            f"{model!r} is no model.", hint="Give an alias, a folder, a hub id, a model or a run."
        )


def _learned(
    model: object, dataset: Dataset, trained_on: TrainingSet | None, progress: Progress
) -> TrainedOn | None:
    """What a model was trained on; None where nobody says it."""
    if trained_on is None:
        learned = TrainedOn.read(Path(model)) if isinstance(model, str) else None
    elif isinstance(trained_on, TrainingSet):
        known = trained_on.dataset
        learned = TrainedOn.instances(trained_on.instances, known, known.synthetic)
    else:
        raise UsageError(f"trained_on: {trained_on!r} is no training set.", hint="mix(data, ...) gives one.")
    if learned is None or learned.of(dataset):
        return learned
    if said := learned.told_of_others(Path(model).name if isinstance(model, str) else "model", dataset):
        progress.warn(said)
    return None


def _scorer(model: str | PathLike[str] | CrossEncoder, progress: Progress) -> CrossEncoder:
    """Raises UsageError where something is no cross-encoder, BackboneError where it cannot be loaded."""
    if isinstance(model, (str, PathLike)) and str(model):
        return load_cross_encoder(str(model), progress)
    if isinstance(model, (str, PathLike)) or not hasattr(model, "rank"):
        raise UsageError(
            f"rerank: {model!r} is no cross-encoder.", hint="Give a folder, a hub id or a CrossEncoder."
        )
    return model


def _found(
    model: str | SentenceTransformer | Run,
    dataset: Dataset,
    chosen: EvalSettings,
    expansion: Expansion | None,
    cache: Path,
    progress: Progress,
) -> tuple[Run, str, int | None]:
    """(what is retrieved, or the run as given; the encoder's precision, and tokens of a text).

    Raises:
        UsageError: a model in memory is to read another length than it does.
    """
    if isinstance(model, Mapping):
        return without_itself(checked_run(model), dataset)[0], "-", None
    depth = max(depth_for(chosen.metrics), chosen.depth)
    if model == BM25:
        ranked = bm25_run(dataset, list(dataset.qrels(chosen.split)), depth + 1, progress)
        run = without_itself(ranked, dataset)[0]
        return {query_id: best_first(found, depth) for query_id, found in run.items()}, "-", None
    options: dict[str, Any] = {"precision": chosen.precision, "cache": cache}
    options["batch_size"] = chosen.batch_size
    if isinstance(model, str):
        encoder = Encoder.load(model, progress=progress, max_length=chosen.max_length, **options)
    elif chosen.max_length:
        raise UsageError("max_length is for models by name.", hint="Set the model's own max_seq_length.")
    else:
        encoder = Encoder(model, **options)
    lexical = chosen.lexical
    words = WordScores(words_of(dataset, progress).scores, lexical) if lexical else None
    beside: dict[str, Any] = {"words": words, "expansion": expansion}
    run = retrieve(dataset, chosen.split, encoder, depth=depth, progress=progress, **beside)
    return run, encoder.precision, encoder.max_length
