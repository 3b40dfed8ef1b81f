"""Negatives with their similarities: to their query, beside that of its positive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from syneg_cli.core import MinedNegative, Progress, SyntheticNegative, listed, stream
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.forecast.records import PilotNegative
from syneg_cli.verification import Place, place_of

if TYPE_CHECKING:
    import numpy as np

PER_QUERY = 10
"""Mined negatives of a query that are looked at."""


def draw_mined(mined: Iterable[MinedNegative], seed: int, most: int = PER_QUERY) -> list[MinedNegative]:
    """Up to `most` of each query's negatives, drawn as a mix draws: any of them, whatever its rank."""
    by_query: dict[str, list[MinedNegative]] = {}
    for one in mined:
        by_query.setdefault(one.query_id, []).append(one)
    return [
        own[at]
        for query_id, own in by_query.items()
        for at in stream(listed(seed, "pilot", query_id)).sample(range(len(own)), min(most, len(own)))
    ]


def scored(
    dataset: Dataset,
    encoder: Encodes,
    synthetic: Sequence[SyntheticNegative],
    mined: Sequence[MinedNegative],
    relevant: Mapping[Place, bool],
    *,
    whole_corpus: bool,
    progress: Progress,
) -> tuple[list[PilotNegative], list[PilotNegative]]:
    """Both kinds with their similarities: the encoder's inner products, as it compares texts.

    Args:
        relevant: what a judge says of those that it was asked about.
        whole_corpus: whether the corpus is, or will be, encoded anyway: its vectors are taken then.
    """
    query_ids = list(dict.fromkeys([one.query_id for one in synthetic] + [one.query_id for one in mined]))
    texts = [dataset.queries[query_id].text for query_id in query_ids]
    queries = dict(zip(query_ids, encoder.encode_queries(texts, progress), strict=True))
    doc_ids = {one.doc_id for one in mined} | {one.positive_id for one in synthetic}
    doc_ids |= {doc_id for one in mined for doc_id in dataset.positives(one.query_id)}
    documents = _documents(dataset, encoder, sorted(doc_ids), progress, whole=whole_corpus)
    written = encoder.encode_texts([one.full_text for one in synthetic], progress)
    ours = [
        PilotNegative(
            one.query_id,
            one.full_text,
            float(vector @ queries[one.query_id]),
            float(documents[one.positive_id] @ queries[one.query_id]),
            relevant.get(place_of(one)),
        )
        for one, vector in zip(synthetic, written, strict=True)
    ]
    lowest = {
        query_id: min(float(documents[doc_id] @ queries[query_id]) for doc_id in dataset.positives(query_id))
        for query_id in {one.query_id for one in mined}
    }
    theirs = [
        PilotNegative(
            one.query_id,
            dataset.corpus[one.doc_id].full_text,
            float(documents[one.doc_id] @ queries[one.query_id]),
            lowest[one.query_id],
            relevant.get(place_of(one)),
        )
        for one in mined
    ]
    return ours, theirs


def _documents(
    dataset: Dataset, encoder: Encodes, doc_ids: Sequence[str], progress: Progress, *, whole: bool
) -> dict[str, np.ndarray]:
    if whole:
        vectors = encoder.encode_corpus(dataset.corpus, progress)
        return {doc_id: vectors[dataset.corpus.row(doc_id)] for doc_id in doc_ids}
    texts = [dataset.corpus[doc_id].full_text for doc_id in doc_ids]
    return dict(zip(doc_ids, encoder.encode_texts(texts, progress), strict=True))
