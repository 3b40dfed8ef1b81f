"""The documents that an encoder finds for queries: search, leave out, keep the first."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from syneg_cli.core import NoProgress, Progress, Run
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes, Rows, exact
from syneg_cli.evaluation.expansion import Expanded, Expansion
from syneg_cli.evaluation.hybrid import WordScores, nearest_with_words
from syneg_cli.evaluation.metrics import metric_of

if TYPE_CHECKING:
    import numpy as np


DEPTH = 100
"""Documents kept per query: what Recall@100 and MAP@100 need."""


def depth_for(metrics: Iterable[str]) -> int:
    """The documents of a query that these metrics need, by their names in files."""
    return max([DEPTH, *(metric_of(name).cutoff for name in metrics)])


Id = TypeVar("Id", bound=Hashable)


def retrieve(
    dataset: Dataset,
    split: str,
    encoder: Encodes,
    *,
    depth: int = DEPTH,
    words: WordScores | None = None,
    expansion: Expansion | None = None,
    progress: Progress | None = None,
) -> Run:
    """The `depth` best documents of every query of a split.

    A document that is the query itself is left out (`Dataset.itself`).

    Args:
        words: what is added to the similarities, as in hybrid search.
        expansion: what is put into the documents' vectors; encoded as what it is compared with, queries.
    """
    progress = progress or NoProgress()
    query_ids = list(dataset.qrels(split))
    documents: Rows = encoder.encode_corpus(dataset.corpus, progress)
    if expansion is not None:
        written = encoder.encode_queries(expansion.texts, progress)
        documents = Expanded(documents, expansion.rows, written, expansion.share)
    texts = [dataset.queries[q].text for q in query_ids]
    queries = encoder.encode_queries(texts, progress)
    ids, excluded = dataset.corpus.ids, [dataset.itself(q) for q in query_ids]
    if words is None:
        found = nearest(queries, documents, ids, depth, excluded)
    else:
        found = nearest_with_words(texts, queries, documents, words, ids, depth, excluded)
    return dict(zip(query_ids, found, strict=True))


def without_itself(run: Run, dataset: Dataset) -> tuple[Run, int]:
    """(the run without documents that are their query itself, how many those are)."""
    out = {query_id: dataset.itself(query_id) & found.keys() for query_id, found in run.items()}
    kept = {
        query_id: {doc_id: score for doc_id, score in found.items() if doc_id not in out[query_id]}
        for query_id, found in run.items()
    }
    return kept, sum(map(len, out.values()))


def nearest(
    queries: np.ndarray,
    documents: Rows,
    ids: Sequence[Id],
    depth: int,
    excluded: Sequence[Collection[Id]] = (),
) -> Iterator[dict[Id, float]]:
    """For each query the `depth` documents with the largest inner product: id -> score, best first.

    Args:
        queries: (n, d) float32.
        documents: (m, d) float32.
        ids: what each of the m documents is called.
        excluded: what each of the n queries may not find; empty if nothing is excluded.
    """
    spare = max(map(len, excluded), default=0)
    scores, rows = exact(queries, documents, min(depth + spare, len(ids)))
    for out, values, found in zip(excluded or [()] * len(rows), scores, rows, strict=True):
        ranked = zip((ids[row] for row in found.tolist()), values.tolist(), strict=True)
        yield dict(islice((pair for pair in ranked if pair[0] not in out), depth))
