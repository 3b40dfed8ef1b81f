"""Whether a written query finds its own document again, among all documents of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from syneg_cli.core import NoProgress, Progress, Query, SyntheticQuery
from syneg_cli.data import Dataset
from syneg_cli.encoding import load_cross_encoder, pair_scores
from syneg_cli.generation import QuerySettings
from syneg_cli.mining import Setup, make_miner, reciprocal_ranks

DEPTH = 100
"""Ranks of each retriever that are fused."""

POOL = 30
"""Documents that a cross-encoder ranks the own one among: the best retrieved, filled up with others."""

BLOCK = 4096
TOP, TOP_OF_CROSS_ENCODER = 20, 3


def default_top(check: str) -> int:
    """Where a query's own document has to be, where the settings do not say."""
    return TOP_OF_CROSS_ENCODER if check == "cross-encoder" else TOP


def asked_of(dataset: Dataset, queries: Sequence[SyntheticQuery]) -> Dataset:
    """The data set with these queries alone, each with its own document."""
    known = {query.id: Query(query.id, query.text) for query in queries}
    return replace(dataset, queries=known, judgements={"train": {q.id: {q.doc_id: 1} for q in queries}})


@dataclass(frozen=True)
class Found:
    """What a query found: corpus rows, best first, and the rank of its own document (or of one with
    the same text) in this order and by each retriever; 0 where it is not among the first hundred.
    """

    rows: tuple[int, ...]
    rank: int
    ranks: dict[str, int]


def search(
    dataset: Dataset,
    queries: Sequence[SyntheticQuery],
    retrievers: Sequence[str],
    setup: Callable[[Dataset], Setup],
    *,
    depth: int = DEPTH,
    progress: Progress | None = None,
) -> list[Found]:
    """The documents that each query finds; several retrievers are fused by reciprocal rank.

    Args:
        retrievers: miners: "bm25", "dense".
        setup: what the miners are made from, for a data set that has these queries.
    """
    if not queries:
        return []
    made = setup(asked_of(dataset, queries))
    miners = {name: make_miner(name, made) for name in retrievers}
    found: list[Found] = []
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK]
        rankings = {name: miner.rank([q.id for q in block], depth).rows for name, miner in miners.items()}
        for place, query in enumerate(block):
            own = frozenset(map(dataset.corpus.row, dataset.corpus.identical(query.doc_id)))
            listed = {name: [int(row) for row in rows[place] if row >= 0] for name, rows in rankings.items()}
            fused = reciprocal_ranks(list(listed.values()))
            best = sorted(fused, key=lambda row: (-fused[row], row))[:depth]
            ranks = {name: _rank(rows, own) for name, rows in listed.items()}
            found.append(Found(tuple(best), _rank(best, own), ranks))
    for note in (note for miner in miners.values() for note in miner.notes):
        (progress or NoProgress()).note(note)
    return found


def _rank(rows: Sequence[int], own: frozenset[int]) -> int:
    return next((rank for rank, row in enumerate(rows, start=1) if row in own), 0)


def cross_encoder_ranks(
    dataset: Dataset,
    queries: Sequence[SyntheticQuery],
    found: Sequence[Found],
    model: str,
    progress: Progress | None = None,
) -> list[int]:
    """The rank of each query's own document among the best that were retrieved, by a cross-encoder.

    Raises:
        BackboneError: the model cannot be loaded.
        SynegError: a score is not finite.
    """
    if not queries:
        return []
    scorer = load_cross_encoder(model, progress)
    ranks: list[int] = []
    with (progress or NoProgress()).task("Scoring by cross-encoder", len(queries), "queries") as advance:
        for query, one in zip(queries, found, strict=True):
            own = frozenset(map(dataset.corpus.row, dataset.corpus.identical(query.doc_id)))
            others = _pool(one.rows, own, len(dataset.corpus))
            texts = dataset.corpus.texts([dataset.corpus.row(query.doc_id), *others])
            pairs = [(query.text, text) for text in texts]
            scores = pair_scores(scorer, pairs).tolist()
            ranks.append(1 + sum(score > scores[0] for score in scores[1:]))
            advance(1)
    return ranks


def _pool(found: Sequence[int], own: frozenset[int], documents: int) -> list[int]:
    """What a document is ranked among. Where too few were retrieved (a query without a word that BM25 knows)
    those that follow it in the corpus fill up: among nothing every document would come first.
    """
    start = min(own)
    following = ((start + step) % documents for step in range(1, documents))
    rows = dict.fromkeys(row for row in (*found, *islice(following, POOL + len(own))) if row not in own)
    return list(rows)[:POOL]


def top_of(settings: QuerySettings) -> int:
    return settings.top or default_top(settings.check)
