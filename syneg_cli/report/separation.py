"""How alike the sources of negatives are: how near to the query, and by what they can be told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import Progress, digest, listed
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder
from syneg_cli.evaluation import Auc, auc, probe_auc
from syneg_cli.forecast import style
from syneg_cli.report.negatives import Negative, Negatives

if TYPE_CHECKING:
    import numpy as np

POSITIVE = "positive"
FEWEST = 8
"""Texts of each kind that a probe needs at the least."""


@dataclass(frozen=True)
class Text:
    """A text that belongs to a query."""

    query_id: str
    source: str
    text: str


@dataclass(frozen=True)
class Apart:
    """How well texts of `one` source are told from those of the `other`, by something alone."""

    one: str
    other: str
    by: str
    auc: Auc
    texts: int


@dataclass(frozen=True)
class Separation:
    """What was measured on a sample; `similarity` is source -> one value for each text."""

    encoder: str
    queries: int
    similarity: Mapping[str, Sequence[float]]
    apart: Sequence[Apart]


def sample_texts(negatives: Negatives, dataset: Dataset) -> list[Text]:
    """For each query one positive and one usable negative of every source, drawn by their ids."""
    found: list[Text] = []
    for query_id, own in negatives.by_query.items():
        if query_id not in dataset.queries or not (positives := sorted(dataset.positives(query_id))):
            continue
        drawn = min(positives, key=lambda name: _draw(query_id, name))
        found.append(Text(query_id, POSITIVE, dataset.corpus[drawn].full_text))
        for source in negatives.sources:
            usable = [
                one for one in own if one.source == source and one.status == "ok" and _is_there(one, dataset)
            ]
            if usable:
                one = min(usable, key=lambda one: _draw(query_id, one.positive_id, one.doc_id, one.index))
                text = dataset.corpus[one.doc_id].full_text if one.doc_id else one.full_text
                found.append(Text(query_id, source, text))
    return found


def _is_there(one: Negative, dataset: Dataset) -> bool:
    return one.doc_id in dataset.corpus if one.doc_id else bool(one.full_text)


def _draw(*parts: object) -> bytes:
    return digest(listed("report", *parts))


def measure(
    texts: Sequence[Text], dataset: Dataset, encoder: Encoder, progress: Progress | None = None
) -> Separation:
    """Similarity and separability of the sources in a sample. Vectors are kept in the encoder's cache."""
    query_ids = list(dict.fromkeys(text.query_id for text in texts))
    queries = encoder.encode_queries([dataset.queries[name].text for name in query_ids], progress)
    vectors = encoder.encode_texts([text.text for text in texts], progress, keep="sample of the report")
    row = {name: place for place, name in enumerate(query_ids)}
    similarity = (queries[[row[text.query_id] for text in texts]] * vectors).sum(axis=1).tolist()
    by_source: dict[str, list[float]] = {}
    for text, value in zip(texts, similarity, strict=True):
        by_source.setdefault(text.source, []).append(value)
    return Separation(encoder.name or "", len(query_ids), by_source, apart(texts, similarity, vectors))


def apart(texts: Sequence[Text], similarity: Sequence[float], vectors: np.ndarray) -> list[Apart]:
    """Each LLM-written source against each retrieved one, by three means.

    Only queries that have both count, so that the kinds differ in nothing but who made them.
    """
    sources = list(dict.fromkeys(text.source for text in texts if text.source != POSITIVE))
    written = [source for source in sources if source.startswith("synthetic")]
    found: list[Apart] = []
    for one in written:
        for other in sources:
            if other not in written:
                found += _apart(one, other, texts, similarity, vectors)
    return found


def _apart(
    one: str, other: str, texts: Sequence[Text], similarity: Sequence[float], vectors: np.ndarray
) -> list[Apart]:
    both = {text.query_id for text in texts if text.source == one}
    both &= {text.query_id for text in texts if text.source == other}
    if len(both) < FEWEST:
        return []
    mine, theirs = (
        [row for row, text in enumerate(texts) if text.query_id in both and text.source == source]
        for source in (one, other)
    )
    ours, others = ([texts[row].query_id for row in rows] for rows in (mine, theirs))
    near, far = ([similarity[row] for row in rows] for rows in (mine, theirs))
    ways, theirs_ways = ([style(texts[row].text) for row in rows] for rows in (mine, theirs))
    found = {
        "similarity to the query": auc(near, far, ours, others),
        "length and style": probe_auc(ways, theirs_ways, ours, others),
        "embedding": probe_auc(vectors[mine].tolist(), vectors[theirs].tolist(), ours, others),
    }
    count = len(mine) + len(theirs)
    return [Apart(one, other, by, value, count) for by, value in found.items() if not math.isnan(value.value)]
