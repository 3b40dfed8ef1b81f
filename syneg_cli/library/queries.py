"""Queries in Python: written for documents, or reworded, checked, and used in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from syneg_cli.core import LLMError, NoProgress, Pair, Progress, SyntheticQuery, UsageError, content_hash
from syneg_cli.data import Dataset
from syneg_cli.data import with_queries as used
from syneg_cli.encoding import Encoder, find_model
from syneg_cli.generation import (
    JUDGEMENT,
    QUERIES,
    REWRITES,
    Asking,
    GenerateSettings,
    Nouns,
    Outcome,
    QuerySettings,
    documents_of,
    fill,
    load_prompt,
    query_asker,
    read_queries,
    select_pairs,
    training_queries,
)
from syneg_cli.library.arguments import (
    WORK_DIR,
    answers,
    embeddings,
    engine_for,
    need_dataset,
    need_local,
    need_text,
    need_written,
    settings_from,
    ticking,
)
from syneg_cli.library.spoken import step
from syneg_cli.llm import Asked, Classify, ask_each, open_llm
from syneg_cli.mining import MineSettings, Setup
from syneg_cli.round_trip import CheckTools, check_queries, choose_documents
from syneg_cli.verification import CHECKS, Tools, VerifySettings


@dataclass(frozen=True, repr=False)
class WrittenQueries:
    """LLM-written queries, dropped ones too, each with its reason; `counts` says how many of what."""

    queries: tuple[SyntheticQuery, ...]
    counts: Mapping[str, int]
    cost_usd: float | None
    """Of this call, without a judge; None for an unpriced model."""

    def __repr__(self) -> str:
        return f"<WrittenQueries: {self.counts['ok']} kept, {dict(self.counts)}>"

    def __iter__(self) -> Iterator[SyntheticQuery]:
        return iter(self.queries)

    def __len__(self) -> int:
        return len(self.queries)


@step
def write_queries(
    dataset: Dataset,
    llm: str,
    *,
    rewrite: bool = False,
    backbone: str | PathLike[str] = "minilm",
    cross_encoder: str | None = None,
    work_dir: str | Path = WORK_DIR,
    progress: Progress | None = None,
    **settings: Any,
) -> WrittenQueries:
    """Let a language model write queries for documents that have none, and keep those that find theirs again.

    Args:
        llm: `PROVIDER:MODEL`, as for `--llm`.
        rewrite: reword the training queries instead.
        backbone: the encoder of the round trip, beside BM25; where it is not on this machine BM25 is alone.
        cross_encoder: for `check="cross-encoder"`.
        settings: those of [queries] (n, documents, sample, check, top, ...), and of the calls (seed,
            temperature, max_cost, base_url, ...).

    Raises:
        BudgetExceeded: at a cap. What was answered is kept; the same call with a higher cap goes on.
        LLMError: nothing usable came.
    """
    need_dataset(dataset)
    need_local(backbone)
    need_text("backbone", str(backbone) if isinstance(backbone, PathLike) else backbone)
    of_calls = GenerateSettings.model_fields.keys() - QuerySettings.model_fields.keys()
    calling = {key: settings.pop(key) for key in list(settings) if key in of_calls}
    chosen = settings_from(QuerySettings, settings, leave_out=("name", "weight"))
    calls = settings_from(GenerateSettings, calling, leave_out=("limit", "max_words"), llm=llm)
    told = progress or NoProgress()
    model = open_llm(llm, base_url=calls.base_url, timeout=calls.timeout)
    model.tell = told.warn

    setup = partial(_setup, backbone=str(backbone), cache=embeddings(work_dir), told=told)
    name, kind = (chosen.rewrite_prompt, REWRITES) if rewrite else (chosen.prompt, QUERIES)
    asker = query_asker(dataset, load_prompt(name, Path.cwd(), kind=kind), model, Asking.of(calls), chosen)
    every = training_queries(dataset) if rewrite else _documents(dataset, chosen, setup, calls.seed)
    pairs = select_pairs(every, shard=chosen.shard)
    keys: list[str | None] = [None] * len(pairs)
    job = content_hash(["queries", dataset.name, dict(model.identity()), asker.prompt.source])[:16]
    judge = _judge(calls, llm, job, Path(work_dir), told)
    tools = CheckTools(setup, judge, _retrievers(chosen, str(backbone), told), cross_encoder, told)
    with answers(calls, work_dir) as cache:
        engine = engine_for(calls, model, cache, job)
        with told.task("queries", len(pairs), "queries" if rewrite else "documents") as advance:
            fill(asker, pairs, engine, keys, tick=ticking(advance))
        outcome = Outcome(engine.stats, keys, nouns=Nouns(("document", "documents"), ("query", "queries")))
        counters = {"unusable": outcome.unusable, "none": outcome.none}
        written = list(read_queries(asker, pairs, keys, cache, **counters))
    checked = check_queries(written, dataset, chosen, tools)
    outcome.negatives.update(query.reason or "ok" for query in checked)
    if not outcome.usable:
        raise LLMError(f"{llm} wrote no query that can be used: {outcome.causes()}.")
    counts = {"asked": len(pairs), "answered": outcome.answered, "ok": outcome.usable, **outcome.dropped}
    return WrittenQueries(tuple(checked), counts, None if engine.stats.unpriced else engine.stats.cost_usd)


@step
def with_queries(
    dataset: Dataset, queries: Iterable[SyntheticQuery], *, weight: float = 1.0, dev_fraction: float = 0.1
) -> Dataset:
    """The data set with LLM-written queries in train, those that are kept; test stays as it is.

    Args:
        weight: what one of them counts in training, a real query being 1.
        dev_fraction: where there is no real query, the share of documents whose queries are dev.
    """
    need_dataset(dataset)
    given = need_written(queries)
    if not 0 <= weight <= 1:
        raise UsageError(f"weight: expected a number from 0 to 1, not {weight!r}.")
    return used(dataset, given, weight=weight, dev_fraction=dev_fraction)


def _setup(dataset: Dataset, *, backbone: str, cache: Path, told: Progress) -> Setup:
    make_encoder = partial(Encoder.load, backbone, cache=cache, progress=told)
    return Setup.of(MineSettings(), dataset, make_encoder, told)


def _documents(
    dataset: Dataset, chosen: QuerySettings, setup: Callable[[Dataset], Setup], seed: int
) -> list[Pair]:
    def vectors() -> Any:
        return setup(dataset).encoder.encode_corpus(dataset.corpus)

    return documents_of(choose_documents(dataset, chosen, vectors, seed=seed).doc_ids)


def _retrievers(chosen: QuerySettings, backbone: str, told: Progress) -> tuple[str, ...]:
    if chosen.retriever != "auto":
        return tuple(chosen.retriever.split("+"))
    if find_model(backbone):
        return "bm25", "dense"
    told.note(f"{backbone} is not on this machine: BM25 alone looks for the documents")
    return ("bm25",)


def _judge(
    calls: GenerateSettings, llm: str, job: str, work_dir: Path, told: Progress
) -> Callable[[Dataset], Any]:
    """What makes the judge of a data set; it asks the model that writes."""

    def ask(count: int, make: Any, classify: Classify) -> list[Asked]:
        model = open_llm(llm, base_url=calls.base_url, timeout=calls.timeout)
        model.tell = told.warn
        with answers(calls, work_dir) as cache, told.task("judge", count, "judgements") as advance:
            engine = engine_for(calls, model, cache, job)
            return ask_each(engine, count, make, classify=classify, tick=ticking(advance))

    def judge(dataset: Dataset) -> Any:
        settings = VerifySettings()
        return CHECKS["judge"](
            Tools(
                dataset,
                settings,
                make_encoder=lambda: Encoder.load("minilm"),
                prompt=lambda: load_prompt(settings.prompt, Path.cwd(), kind=JUDGEMENT),
                ask=ask,
                seed=calls.seed,
                progress=told,
            )
        )

    return judge
