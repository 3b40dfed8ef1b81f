"""Answers about pairs -> synthetic negatives.

`filling.fill` brings an answer for every pair into the cache. `read_negatives` turns the answers
into records, in the order of the pairs: it asks nobody, so the same cache gives the same file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from syneg_cli.core import Pair, SyntheticNegative
from syneg_cli.data import Dataset
from syneg_cli.generation.answer_checks import (
    EMPTY,
    CorpusTexts,
    Draft,
    Positives,
    check_drafts,
    own_query_problem,
    parse_negatives,
)
from syneg_cli.generation.requests import CHUNK, Generator
from syneg_cli.generation.shared_texts import SharedTexts
from syneg_cli.llm import OK, Cache, Stored, rare_collection


def read_negatives(
    generator: Generator,
    pairs: Sequence[Pair],
    keys: Sequence[str | None],
    cache: Cache,
    *,
    counts: Counter[str],
    unusable: Counter[str] | None = None,
    shared: SharedTexts | None = None,
) -> Iterator[SyntheticNegative]:
    """The records of all answered pairs, in order.

    Args:
        counts: gets the negatives: "ok", and the drops by reason.
        unusable: gets the answers that hold no negative at all: "truncated", "unparsable", "empty".
        shared: gets the texts of the usable negatives.
    """
    texts = CorpusTexts(generator.dataset.corpus)
    positives_of = lru_cache(maxsize=1)(partial(_positives, generator.dataset))  # pairs come query by query
    places = [(pair, key) for pair, key in zip(pairs, keys, strict=True) if key is not None]
    with rare_collection():
        for start in range(0, len(places), CHUNK):
            part = places[start : start + CHUNK]
            stored = cache.answers([key for _, key in part], messages=False)
            for pair, key in part:
                others = positives_of(pair.query_id)
                records = list(_records(generator, pair, stored[key], texts, others))
                if not records and unusable is not None:
                    unusable[EMPTY if stored[key].status == OK else stored[key].status] += 1
                counts.update(record.reason or "ok" for record in records)
                if shared is not None:
                    shared.add(records)
                yield from records


def _positives(dataset: Dataset, query_id: str) -> Positives | None:
    """The query's positives where there is more than one."""
    found = dataset.positives(query_id)
    return Positives(dataset.corpus[doc_id].full_text for doc_id in found) if len(found) > 1 else None


def _records(
    generator: Generator, pair: Pair, stored: Stored, texts: CorpusTexts, others: Positives | None
) -> Iterator[SyntheticNegative]:
    drafts = parse_negatives(stored.response, finish=stored.finish_reason).drafts[: generator.asking.n]
    query = generator.dataset.queries[pair.query_id].text
    reasons = check_drafts(
        drafts,
        query=query,
        positive=generator.dataset.corpus[pair.doc_id].full_text,
        words=stored.words,
        corpus=texts,
        others=others,
    )
    attributes = stored.drawn
    for index, (draft, reason) in enumerate(zip(drafts, reasons, strict=True), start=1):
        yield SyntheticNegative(
            query_id=pair.query_id,
            positive_id=pair.doc_id,
            index=index,
            title=draft.title,
            text=draft.text,
            prompt=stored.prompt,
            llm=f"{stored.provider}:{stored.model}",
            key=stored.key,
            plan=draft.plan,
            reflection=draft.reflection,
            attributes=attributes,
            status="dropped" if reason else "ok",
            reason=reason,
            extra=_checked_extra(draft, query),
        )


def _checked_extra(draft: Draft, query: str) -> dict[str, Any]:
    """What the prompt asked for beyond the usual; a query of the negative's own only if it can be one."""
    extra = dict(draft.extra)
    own = extra.get("query")
    if own is not None and own_query_problem(str(own), document=draft.text, query=query):
        extra["rejected_query"] = extra.pop("query")
    return extra
