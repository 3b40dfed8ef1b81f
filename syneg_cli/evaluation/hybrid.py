"""Hybrid search: what an encoder and words find together, as one ranking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.encoding import Rows, best_rows, similarities

if TYPE_CHECKING:
    import numpy as np

TOGETHER = 16
"""Queries that are compared with all documents at a time: so many rows of the corpus' size are held."""


@dataclass(frozen=True)
class WordScores:
    """`scores`: a query's text -> its score by words for each of the corpus' m documents, (m,), none below 0.

    `weight` is what the best of them counts beside a similarity.
    """

    scores: Callable[[str], np.ndarray]
    weight: float


def with_words(similarity: np.ndarray, words: np.ndarray, weight: float) -> np.ndarray:
    """(m,): similarity + weight * words / the largest of words; the similarities where no word is found.

    A convex combination, of which Bruch et al. (ACM TOIS 2023, arXiv 2210.11934) show that it orders
    documents better than rank fusion does.
    """
    best = words.max(initial=0.0)
    return similarity + weight * words / best if best > 0 else similarity


def nearest_with_words(
    texts: Sequence[str],
    queries: np.ndarray,
    documents: Rows,
    words: WordScores,
    ids: Sequence[str],
    depth: int,
    excluded: Sequence[Collection[str]],
) -> Iterator[dict[str, float]]:
    """For each query the `depth` documents with the largest sum of both: id -> score, best first.

    Every document is scored, as no list of candidates is cut from either ranking.

    Args:
        texts: the n queries.
        queries: (n, d) float32.
        documents: (m, d) float32.
        ids: what each of the m documents is called.
        excluded: what each of the n queries may not find.
    """
    for start in range(0, len(texts), TOGETHER):
        near = similarities(queries[start : start + TOGETHER], documents)
        for place, similarity in enumerate(near, start=start):
            scores = with_words(similarity, words.scores(texts[place]), words.weight)
            rows = best_rows(scores, depth + len(excluded[place])).tolist()
            kept = [row for row in rows if ids[row] not in excluded[place]][:depth]
            yield {ids[row]: float(scores[row]) for row in kept}
