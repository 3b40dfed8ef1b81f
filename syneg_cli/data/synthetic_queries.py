"""LLM-written queries as training queries of a data set. They never enter test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from syneg_cli.core import Progress, Qrels, Query, SyntheticQuery, counted, digest
from syneg_cli.data.apart import joined_again, kept_apart
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.splits import leaks

NOUN = "LLM-written query", "LLM-written queries"


def with_queries(
    dataset: Dataset,
    written: Iterable[SyntheticQuery],
    *,
    weight: float = 1.0,
    dev_fraction: float = 0.1,
    dev_seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """The data set with LLM-written queries in train, each with the documents that it is relevant to.

    Used are those with status "ok", rewordings only of queries that are in train. What else is left
    out is said, with its reason. Where no real query is in train, those of a share of the documents
    are held out as dev, unless there is a real dev split.

    Args:
        weight: of one such query in the training loss; a real one has 1.
        dev_fraction, dev_seed: the share of documents whose queries are dev, and which these are.
    """
    if dataset.whole_train is not None:
        options: dict[str, Any] = {"weight": weight, "dev_fraction": dev_fraction, "dev_seed": dev_seed}
        every = with_queries(joined_again(dataset), written, **options, progress=progress)
        return kept_apart(every, progress)
    real = dataset.judgements.get("train", {})
    kept = [query for query in written if query.status == "ok"]
    unfit = {query.id: why for query in kept if (why := _unfit(query, dataset))}
    judged = {query.id: (query, _grades(dataset, query)) for query in kept if query.id not in unfit}
    train = {query_id: grades for query_id, (_, grades) in judged.items()}
    dev: Qrels = {}
    held: frozenset[str] = frozenset()
    if not real and "dev" not in dataset.judgements:
        held = _held_out((query.doc_id for query, _ in judged.values()), dev_fraction, dev_seed)
        dev = {query_id: train[query_id] for query_id, (query, _) in judged.items() if query.doc_id in held}
        train = {query_id: grades for query_id, grades in train.items() if query_id not in dev}
    # In front of test, as a data set with files for all would have them.
    judgements: dict[str, Qrels] = {"train": {**real, **train}} | ({"dev": dev} if dev else {})
    judgements |= {split: qrels for split, qrels in dataset.judgements.items() if split != "train"}
    queries = {query_id: Query(query_id, query.text) for query_id, (query, _) in judged.items()}
    held_out = f", those of {counted(len(held), 'document')} ({len(dev)}) held out as dev" if dev else ""
    note = f"{counted(len(train), *NOUN)} in train{held_out}"
    if progress is not None:
        progress.note(note)
        if unfit:
            progress.warn(f"{counted(len(unfit), *NOUN)} left out: {_causes(unfit)}")
        for warning in leaks({**judgements, "train": train}, {**dataset.queries, **queries}):
            progress.warn(warning)
    return replace(
        dataset,
        queries={**dataset.queries, **queries},
        judgements=judgements,
        notes=(*dataset.notes, note),
        carved=dataset.carved | ({"dev"} if dev else set()),
        synthetic=frozenset(queries),
        synthetic_weight=weight,
    )


def _unfit(query: SyntheticQuery, dataset: Dataset) -> str:
    """Why a kept query cannot be a training query of this data set; empty if it can."""
    if query.doc_id not in dataset.corpus:
        return "of a document that is not in the corpus"
    if query.rewrites and query.rewrites not in dataset.judgements.get("train", {}):
        return "a rewording of a query that is not in train"
    return "with the id of a query of the data set" if query.id in dataset.queries else ""


def _causes(unfit: Mapping[str, str]) -> str:
    """`2 of a document that is not in the corpus (the first is 'synthetic/d1/1')`."""
    first: dict[str, str] = {}
    for query_id, why in unfit.items():
        first.setdefault(why, query_id)
    count = Counter(unfit.values())
    return ", ".join(f"{count[why]} {why} (the first is {query_id!r})" for why, query_id in first.items())


def _grades(dataset: Dataset, query: SyntheticQuery) -> Mapping[str, int]:
    """A rewording has the judgements of its query; another one its own document, and what a judge found."""
    if query.rewrites:
        return dataset.judgements["train"][query.rewrites]
    found = [doc_id for doc_id in query.also_relevant if doc_id in dataset.corpus]
    return dict.fromkeys([query.doc_id, *found], 1)


def _held_out(doc_ids: Iterable[str], fraction: float, seed: int) -> frozenset[str]:
    """Documents, decided by their ids and the seed alone: the smallest seeded hashes, at least one."""
    ranked = sorted(set(doc_ids), key=lambda doc_id: digest(f"{seed}:{doc_id}"))
    if not fraction or len(ranked) < 2:
        return frozenset()
    return frozenset(ranked[: max(1, round(len(ranked) * fraction))])
