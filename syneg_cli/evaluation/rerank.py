"""A cross-encoder on top of a retriever: its first documents, read again and put in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import Progress, Run
from syneg_cli.data import Dataset, best_first
from syneg_cli.encoding import pair_scores

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


@dataclass(frozen=True)
class Reranked:
    """What put a retriever's first `depth` documents in order; `seconds` are those of all of it, now."""

    name: str
    model: str
    depth: int
    pairs: int
    seconds: float


def rerank(
    run: Run,
    dataset: Dataset,
    split: str,
    model: CrossEncoder,
    *,
    depth: int,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> tuple[Run, int]:
    """(the run of a split's queries, reranked, how many pairs were scored for it).

    The `depth` best documents of each query come in the order of the model's scores. What is below
    keeps the run's order, and so do documents that the corpus lacks: their texts cannot be read.

    Raises:
        SynegError: a score is not finite.
    """
    ranked = _ranked(run, dataset, split)
    first = _first(ranked, dataset, depth)
    wanted = list(dict.fromkeys(doc_id for ids in first.values() for doc_id in ids))
    found = dataset.corpus.texts([dataset.corpus.row(doc_id) for doc_id in wanted])
    texts = dict(zip(wanted, found, strict=True))
    pairs = [(dataset.queries[q].text, texts[doc_id]) for q, ids in first.items() for doc_id in ids]
    scores = iter(pair_scores(model, pairs, batch_size=batch_size, progress=progress).tolist())
    reranked = {}
    for query_id, ids in ranked.items():
        own = {doc_id: next(scores) for doc_id in first[query_id]}
        lowest = min(own.values(), default=0.0)
        rest = [doc_id for doc_id in ids if doc_id not in own]
        below = {doc_id: lowest - place for place, doc_id in enumerate(rest, start=1)}
        reranked[query_id] = best_first(own) | below
    return reranked, len(pairs)


def pair_count(run: Run, dataset: Dataset, split: str, depth: int) -> int:
    """How many pairs `rerank` scores."""
    return sum(map(len, _first(_ranked(run, dataset, split), dataset, depth).values()))


def _ranked(run: Run, dataset: Dataset, split: str) -> dict[str, list[str]]:
    return {query_id: list(best_first(run[query_id])) for query_id in dataset.qrels(split) if query_id in run}


def _first(ranked: dict[str, list[str]], dataset: Dataset, depth: int) -> dict[str, list[str]]:
    """The documents of each query that are read again."""
    return {q: [doc_id for doc_id in ids[:depth] if doc_id in dataset.corpus] for q, ids in ranked.items()}
