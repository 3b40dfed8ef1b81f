"""Bringing the answer about every pair into the cache: the paid, slow part, stopped and resumed anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from syneg_cli.core import BudgetExceeded, LLMError, LLMSetupError, Pair
from syneg_cli.generation.answer_objects import LONGEST
from syneg_cli.generation.requests import CHUNK, NO_CANDIDATE, NOT_RECORDED, Asker
from syneg_cli.llm import (
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
)


def fill(
    asker: Asker,
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

    work = partial(_settle, asker, engine, keys)
    drive(engine, _open_items(asker, pairs, engine, keys), work, tick)


def _open_items(
    asker: Asker, pairs: Sequence[Pair], engine: Engine, keys: list[str | None]
) -> Iterator[Item | None]:
    """The pairs that the cache cannot answer, found chunk by chunk while others are being asked."""
    most = asker.asking.max_tokens
    for start in range(0, len(pairs), CHUNK):
        part = enumerate(pairs[start : start + CHUNK], start=start)
        items = [asker.item(index, pair) for index, pair in part if _can_be_asked(asker, pair, engine.stats)]
        known = engine.cache.answered([item.key for item in items], most, again=engine.again)
        for item in items:
            if item.key in known:
                keys[item.index] = item.key
                engine.stats.hit(known[item.key])
            else:
                yield item
        yield None


def _can_be_asked(asker: Asker, pair: Pair, stats: Stats) -> bool:
    """Whether prompt and model have what this pair needs; counts it where not."""
    lacking = asker.lacks(pair)
    stats.no_candidate += lacking == NO_CANDIDATE
    stats.misses += lacking == NOT_RECORDED
    stats.done += lacking is not None
    return lacking is None


async def _settle(asker: Asker, engine: Engine, keys: list[str | None], item: Item) -> None:
    """Ask, and where the answer cannot be used at all, show the model what is wrong and ask again."""
    stats, request = engine.stats, item.request
    hits, key = True, None
    try:
        for _ in range(asker.asking.corrections + 1):
            known = item.key if request is item.request else ""
            stored, cached = await engine.ask(request, asker.classify, item.about, key=known)
            hits, key = hits and cached, stored.key
            if not _can_be_corrected(stored):
                break
            request = corrected(request, stored, asker.problem(stored))
    except (LLMSetupError, BudgetExceeded):
        raise
    except NoRecording:
        keys[item.index] = key  # nobody will correct it
        stats.misses += key is None
    except LLMError:
        stats.failed += 1
    else:
        keys[item.index] = stored.key
        if hits:
            stats.hit(stored.cost_usd)
            return
        _look_at(asker, stats, stored)
    stats.done += 1


def recall(asker: Asker, pairs: Sequence[Pair], cache: Cache, keys: list[str | None]) -> None:
    """Find answers that other processes have got meanwhile, after a cap or a stop: nobody is asked."""
    for _ in _recalled(asker, pairs, cache, keys):
        pass


def every_item(
    asker: Asker, pairs: Sequence[Pair], cache: Cache, again: bool = False
) -> Iterator[list[Item]]:
    """All requests that can be made, in chunks: about each pair, then the corrections of unusable answers.

    What is recorded before the next chunk is drawn counts.

    Args:
        again: all is asked anew, so that there is nothing to correct yet.
    """
    for start in range(0, len(pairs), CHUNK):
        part = enumerate(pairs[start : start + CHUNK], start=start)
        asked = [asker.item(index, pair) for index, pair in part if not asker.lacks(pair)]
        for _ in range(1 if again else asker.asking.corrections + 1):
            yield asked
            known = cache.answers([item.key for item in asked])
            bad = ((item, known[item.key]) for item in asked if item.key in known)
            asked = [_correction(asker, item, stored) for item, stored in bad if _can_be_corrected(stored)]


def open_items(
    asker: Asker, pairs: Sequence[Pair], cache: Cache, *, again: bool = False
) -> Iterator[list[Item]]:
    """What there is to ask that the cache does not answer, in chunks; corrections of bad answers, too.

    Args:
        again: instead of its correction, the request that got a bad answer.
    """
    if not again:
        yield from _recalled(asker, pairs, cache, [None] * len(pairs))
        return
    for items in every_item(asker, pairs, cache, again):
        known = cache.answers([item.key for item in items], messages=False)
        bounds = {item.key: item.request.max_tokens for item in items}
        good = {key for key, stored in known.items() if stored.serves(bounds[key], again=True)}
        yield [item for item in items if item.key not in good]


def _recalled(
    asker: Asker, pairs: Sequence[Pair], cache: Cache, keys: list[str | None]
) -> Iterator[list[Item]]:
    """Put the answers' keys into `keys` where it has none, and give what has no answer.

    A pair whose unusable answer can still be corrected has none yet.
    """
    lacking = [at for at, key in enumerate(keys) if key is None and not asker.lacks(pairs[at])]
    for start in range(0, len(lacking), CHUNK):
        asked = [asker.item(at, pairs[at]) for at in lacking[start : start + CHUNK]]
        unanswered: list[Item] = []
        for left in range(asker.asking.corrections, -1, -1):
            known = cache.answers([item.key for item in asked])
            corrections: list[Item] = []
            for item in asked:
                request, stored = item.request, known.get(item.key)
                if stored is None or not stored.serves(request.max_tokens):
                    unanswered.append(item)
                elif left and _can_be_corrected(stored):
                    corrections.append(_correction(asker, item, stored))
                else:
                    keys[item.index] = item.key
            asked = corrections
        yield unanswered


LOOK_SECONDS = 0.05


def _look_at(asker: Asker, stats: Stats, stored: Stored) -> None:
    """For the live view, a few times a second: what the answer is worth."""
    if time.monotonic() - stats.looked_at >= LOOK_SECONDS:
        stats.looked_at = time.monotonic()
        asker.look_at(stored, stats)


def _can_be_corrected(stored: Stored) -> bool:
    """Whether the model is shown what is wrong; not with an answer that does not end."""
    return stored.status == UNPARSABLE and len(stored.response) <= LONGEST


def _correction(asker: Asker, item: Item, stored: Stored) -> Item:
    """The next request about a pair whose answer cannot be used."""
    request = corrected(item.request, stored, asker.problem(stored))
    return replace(item, request=request, key=generation_key(asker.llm.identity(), request))


def corrected(request: Request, stored: Stored, problem: str) -> Request:
    """The request of the correction round: the answer as it came, and what is wrong with it."""
    words = f"{problem} Answer again with exactly one JSON object in the format asked for, and nothing else."
    return replace(request, messages=(*request.messages, ("assistant", stored.response), ("user", words)))
