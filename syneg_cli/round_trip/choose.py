"""Which documents get queries: all, a random sample, or one that is spread over what they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syneg_cli.core import UsageError, digest, listed
from syneg_cli.data import Dataset, Words, says_nothing
from syneg_cli.generation import QuerySettings, has_words

if TYPE_CHECKING:
    import numpy as np

JUDGED, SHORT, NOT_DRAWN = "judged already", "too short", "not drawn"
KEPT_OUT = "kept out of training (disjoint)"
CLUSTERS, ROUNDS, STARTS = 256, 20, 5
"""Most clusters that a sample is spread over; rounds of k-means, and starts, of which the best counts."""


@dataclass(frozen=True)
class Chosen:
    """The documents, in corpus order, and how many others there are, by reason."""

    doc_ids: tuple[str, ...]
    left_out: Mapping[str, int]


def choose_documents(
    dataset: Dataset, settings: QuerySettings, vectors: Callable[[], np.ndarray], *, seed: int = 0
) -> Chosen:
    """The documents that queries are written for. What dev and test judge plays no part in it, unless
    the data set keeps their positives out of training: nothing would be trained with their queries.

    Args:
        vectors: gives (documents, d) float32 in corpus order, for a sample that is spread.

    Raises:
        UsageError: a sample without a size, or a size without a sample.
    """
    if (settings.documents == "all") != (settings.sample is None):
        given, lacking = f"--documents {settings.documents}", "how many, with `--sample 1000`"
        if settings.sample is not None:
            given, lacking = f"--sample {settings.sample}", "which, with `--documents spread` or `random`"
        raise UsageError(f"{given}: a sample is which documents, and how many.", hint=f"Say {lacking}.")
    judged = frozenset() if settings.judged else _judged(dataset)
    fit, short = [], 0
    for start, texts in dataset.corpus.blocks():
        for doc_id, text in zip(dataset.corpus.ids[start:], texts, strict=False):
            if doc_id in judged or doc_id in dataset.kept_out:
                continue
            if says_nothing(text) or not has_words(Words(text), settings.min_words):
                short += 1
            else:
                fit.append(doc_id)
    drawn = fit
    if settings.sample is not None and settings.sample < len(fit):
        ranked = sorted(fit, key=lambda doc_id: digest(listed(seed, "documents", doc_id)))
        if settings.documents == "spread":
            ranked = _dealt(ranked, _clusters(dataset, ranked, vectors(), settings.sample, seed))
        chosen = frozenset(ranked[: settings.sample])
        drawn = [doc_id for doc_id in fit if doc_id in chosen]
    kept_out = len(dataset.kept_out - judged)
    left_out = {
        JUDGED: len(judged),
        KEPT_OUT: kept_out,
        SHORT: short,
        NOT_DRAWN: len(fit) - len(drawn),
    }
    return Chosen(tuple(drawn), {why: count for why, count in left_out.items() if count})


def _judged(dataset: Dataset) -> frozenset[str]:
    """The documents that a real training query finds relevant."""
    train = dataset.judgements.get("train", {})
    real = (grades for query_id, grades in train.items() if query_id not in dataset.synthetic)
    return frozenset[str]().union(*map(dataset.right, real))


def _clusters(
    dataset: Dataset, doc_ids: Sequence[str], vectors: np.ndarray, sample: int, seed: int
) -> list[int]:
    """The cluster of each document, by k-means of its vector: as many as are drawn, at most 256."""
    import faiss
    import numpy as np

    rows = sorted(map(dataset.corpus.row, doc_ids))  # in corpus order, so that k-means sees one order
    known = np.ascontiguousarray(vectors[rows], dtype=np.float32)
    k = min(sample, CLUSTERS, len(rows))
    means = faiss.Kmeans(
        known.shape[1], k, niter=ROUNDS, nredo=STARTS, seed=seed % 2**31, min_points_per_centroid=1
    )
    means.train(known)
    nearest: Any = means.index.search(known, 1)[1][:, 0]
    of_row = dict(zip(rows, map(int, nearest), strict=True))
    return [of_row[dataset.corpus.row(doc_id)] for doc_id in doc_ids]


def _dealt(doc_ids: Sequence[str], clusters: Sequence[int]) -> list[str]:
    """The documents in rounds: the first of each cluster, then the second of each, ..."""
    seen: dict[int, int] = {}
    places = []
    for place, cluster in enumerate(clusters):
        seen[cluster] = seen.get(cluster, 0) + 1
        places.append((seen[cluster], place))
    return [doc_ids[place] for _, place in sorted(places)]
