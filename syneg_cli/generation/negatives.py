"""Pairs + prompt + LLM + cache -> synthetic negatives.

In two passes. `fill` brings an answer for every pair into the cache: it is the paid, slow
part, and may be stopped and resumed anywhere. `read_negatives` turns the answers into
records, in the order of the pairs: it asks nobody, so the same cache gives the same file.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from syneg_cli.core import BudgetExceeded, LLMError, LLMSetupError, Pair, SyntheticNegative
from syneg_cli.data import Dataset
from syneg_cli.generation.answer_checks import (
    EMPTY,
    CorpusTexts,
    Draft,
    Positives,
    check_drafts,
    classify,
    own_query_problem,
    parse_negatives,
)
from syneg_cli.generation.answer_objects import LONGEST
from syneg_cli.generation.requests import CHUNK, NO_CANDIDATE, NOT_RECORDED, Generator
from syneg_cli.generation.shared_texts import SharedTexts
from syneg_cli.llm import (
    OK,
    UNPARSABLE,
    Cache,
    Engine,
    Item,
    NoRecording,
    Request,
    Stats,
    Stored,
    Tick,
    drive,
    generation_key,
    rare_collection,
)


def fill(
    generator: Generator,
    pairs: Sequence[Pair],
    engine: Engine,
    keys: list[str | None],
    *,
    tick: Tick | None = None,
) -> None:
    """Bring the answer of every pair into the cache.

    Args:
        keys: gets the key of each pair's answer as it comes; None, as at the start, is none.

    Ctrl-C finishes what is in flight and then raises KeyboardInterrupt; a second one drops it.

    Raises:
        BudgetExceeded: a cap is reached; everything answered is in the cache.
        LLMSetupError: no call can succeed, or too many failed in a row.
    """
    engine.stats.total = len(pairs)

    work = partial(_settle, generator, engine, keys)
    drive(engine, _open_items(generator, pairs, engine, keys), work, tick)


def _open_items(
    generator: Generator, pairs: Sequence[Pair], engine: Engine, keys: list[str | None]
) -> Iterator[Item | None]:
    """The pairs that the cache cannot answer, found chunk by chunk while others are being asked."""
    most = generator.asking.max_tokens
    for start in range(0, len(pairs), CHUNK):
        part = enumerate(pairs[start : start + CHUNK], start=start)
        items = [
            generator.item(index, pair)
            for index, pair in part
            if _can_be_asked(generator, pair, engine.stats)
        ]
        known = engine.cache.answered([item.key for item in items], most, again=engine.again)
        for item in items:
            if item.key in known:
                keys[item.index] = item.key
                engine.stats.hit(known[item.key])
            else:
                yield item
        yield None


def _can_be_asked(generator: Generator, pair: Pair, stats: Stats) -> bool:
    """Whether prompt and model have what this pair needs; counts it where not."""
    lacking = generator.lacks(pair)
    stats.no_candidate += lacking == NO_CANDIDATE
    stats.misses += lacking == NOT_RECORDED
    stats.done += lacking is not None
    return lacking is None


async def _settle(generator: Generator, engine: Engine, keys: list[str | None], item: Item) -> None:
    """Ask, and where the answer cannot be used at all, show the model what is wrong and ask again."""
    stats, request = engine.stats, item.request
    hits = True
    try:
        for _ in range(generator.asking.corrections + 1):
            stored, cached = await engine.ask(request, classify, item.about)
            hits &= cached
            if not _can_be_corrected(stored):
                break
            request = corrected(request, stored)
    except (LLMSetupError, BudgetExceeded):
        raise
    except NoRecording:
        stats.misses += 1
    except LLMError:
        stats.failed += 1
    else:
        keys[item.index] = stored.key
        if hits:
            stats.hit(stored.cost_usd)
            return
        _look_at(generator, stats, stored)
    stats.done += 1


def recall(generator: Generator, pairs: Sequence[Pair], cache: Cache, keys: list[str | None]) -> None:
    """Find answers that other processes have got meanwhile, after a cap or a stop: nobody is asked."""
    identity = generator.llm.identity()
    lacking = [at for at, key in enumerate(keys) if key is None and not generator.lacks(pairs[at])]
    for start in range(0, len(lacking), CHUNK):
        asked = {at: generator.item(at, pairs[at]).request for at in lacking[start : start + CHUNK]}
        for _ in range(generator.asking.corrections + 1):
            named = {at: generation_key(identity, request) for at, request in asked.items()}
            known = cache.answers([*named.values()])
            corrections: dict[int, Request] = {}
            for at, key in named.items():
                if (stored := known.get(key)) is None or not stored.serves(asked[at].max_tokens):
                    continue
                keys[at] = key
                if _can_be_corrected(stored):
                    corrections[at] = corrected(asked[at], stored)
            asked = corrections


LOOK_SECONDS, SAMPLE_SECONDS = 0.05, 5.0


def _look_at(generator: Generator, stats: Stats, stored: Stored) -> None:
    """For the live view, a few times a second: why drafts will be dropped, and now and then a good one."""
    if time.monotonic() - stats.looked_at < LOOK_SECONDS:
        return
    stats.looked_at = time.monotonic()
    drafts = parse_negatives(stored.response, finish=stored.finish_reason).drafts[: generator.asking.n]
    query = generator.dataset.queries[stored.query_id].text
    positive = generator.dataset.corpus[stored.doc_id].full_text
    reasons = check_drafts(drafts, query=query, positive=positive, words=stored.words, corpus=None)
    for draft, reason in zip(drafts, reasons, strict=True):
        if reason:
            stats.problems[reason] += 1
        elif stats.looked_at - stats.sampled_at > SAMPLE_SECONDS:
            stats.sampled_at = stats.looked_at
            stats.sample = (query, f"{draft.title} {draft.text}".strip())


def _can_be_corrected(stored: Stored) -> bool:
    """Whether the model is shown what is wrong; not with an answer that does not end."""
    return stored.status == UNPARSABLE and len(stored.response) <= LONGEST


def corrected(request: Request, stored: Stored) -> Request:
    """The request of the correction round: the answer as it came, and what is wrong with it."""
    problem = parse_negatives(stored.response, finish=stored.finish_reason).error
    words = f"{problem} Answer again with exactly one JSON object in the format asked for, and nothing else."
    return replace(request, messages=(*request.messages, ("assistant", stored.response), ("user", words)))


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
