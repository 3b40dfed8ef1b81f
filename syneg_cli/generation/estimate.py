"""What a run will need, before anything is sent.

Tokens in are the rendered prompts' characters divided by characters per token, tokens out are
guessed from the lengths asked for; both ratios come from earlier answers of the same model in
the cache where there are some, with their spread as the error, and else from rules of thumb
with wide bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from syneg_cli.core import Pair
from syneg_cli.generation.filling import open_items
from syneg_cli.generation.requests import CHUNK, Asker
from syneg_cli.llm import CHARS_PER_TOKEN, LLM, Cache, Price, Request, generation_key

TOKENS_PER_WORD = 1.4
REASONING_TOKENS = 110
"""Plan, reflection, title and JSON around one negative."""

REQUIREMENT_TOKENS = 80
INPUT_SPREAD, OUTPUT_SPREAD = (0.85, 1.2), (0.6, 1.6)
"""Bounds without earlier answers, as factors: tokenizers differ, models differ more."""

Z95 = 1.96
LEAST_EARLIER = 10
Range = tuple[float, float, float]
"""(low, expected, high)"""


@dataclass(frozen=True)
class Estimate:
    """`cost` is None where the model is unpriced. `earlier` answers taught the ratios."""

    pairs: int
    cached: int
    calls: int
    prompt_tokens: Range
    completion_tokens: Range
    cost: Range | None
    earlier: int


def estimate(
    asker: Asker, pairs: Sequence[Pair], cache: Cache, price: Price | None, *, again: bool = False
) -> Estimate:
    """Render every prompt, take away what the cache answers, and add up the rest, as a run would ask it.

    Args:
        again: answers that could not be used are asked for again.
    """
    characters = words = calls = 0
    for items in open_items(asker, pairs, cache, again=again):
        for item in items:
            calls += 1
            characters += sum(len(text) for _, text in item.request.messages)
            words += int(item.about["words"])
    earlier = _earlier(cache, asker.llm.model, asker.prompt.name)
    n = asker.asking.n
    tokens_in = _guess(characters, [e[0] for e in earlier], 1 / CHARS_PER_TOKEN, INPUT_SPREAD, calls)
    rule = (words * n * TOKENS_PER_WORD + calls * (n * REASONING_TOKENS + REQUIREMENT_TOKENS)) / max(
        1, words * n
    )
    tokens_out = _guess(words * n, [e[1] for e in earlier], rule, OUTPUT_SPREAD, calls)
    cost = None if price is None else _cost(price, tokens_in, tokens_out)
    asked = _asked(asker, pairs)
    return Estimate(asked, asked - calls, calls, tokens_in, tokens_out, cost, len(earlier))


def estimate_alike(
    asker: Asker, pairs: Sequence[Pair], cache: Cache, price: Price | None, *, out: float, again: bool = False
) -> Estimate:
    """As `estimate`, of answers that are all about as long.

    Args:
        out: tokens of an answer, where there are too few earlier ones.
    """
    open_ = (item.request for part in open_items(asker, pairs, cache, again=again) for item in part)
    new = estimate_each(open_, asker.llm, cache, price, prompt=asker.prompt.name, out=out, again=again)
    asked = _asked(asker, pairs)
    return replace(new, pairs=asked, cached=asked - new.calls)


def _asked(asker: Asker, pairs: Sequence[Pair]) -> int:
    """The pairs that can be asked about."""
    return sum(asker.lacks(pair) is None for pair in pairs)


def estimate_each(
    requests: Iterable[Request],
    llm: LLM,
    cache: Cache,
    price: Price | None,
    *,
    prompt: str,
    out: float,
    again: bool = False,
) -> Estimate:
    """As `estimate`, of requests whose answers are all about as long, and are not corrected.

    Args:
        prompt: the name under which earlier answers are stored.
        out: tokens of an answer, where there are too few earlier ones.
        again: as in `estimate`.
    """
    asked, new, identity = 0, dict[str, int](), llm.identity()
    waiting = iter(requests)
    while part := list(islice(waiting, CHUNK)):
        keys = [generation_key(identity, request) for request in part]
        known = cache.answers(keys, messages=False)
        for key, request in zip(keys, part, strict=True):
            if key not in known or not known[key].serves(request.max_tokens, again=again):
                new[key] = sum(len(text) for _, text in request.messages)
        asked += len(part)
    characters = sum(new.values())
    earlier = _earlier(cache, llm.model, prompt, "1", "TRUE")
    tokens_in = _guess(characters, [e[0] for e in earlier], 1 / CHARS_PER_TOKEN, INPUT_SPREAD, len(new))
    tokens_out = _guess(len(new), [e[1] for e in earlier], out, OUTPUT_SPREAD, len(new))
    cost = None if price is None else _cost(price, tokens_in, tokens_out)
    return Estimate(asked, asked - len(new), len(new), tokens_in, tokens_out, cost, len(earlier))


def _earlier(
    cache: Cache, model: str, prompt: str, unit: str = "(words * n)", known: str = "words > 0 AND n > 0"
) -> list[tuple[float, float]]:
    """(tokens in per character, tokens out per word asked) of the model's latest answers to the prompt.

    Args:
        unit, known: SQL of what tokens out are counted per, and of whether a row has it.
    """
    rows = cache.file.dicts(
        "SELECT prompt_tokens * 1.0 / LENGTH(messages) AS tokens_in, "
        f"completion_tokens * 1.0 / {unit} AS tokens_out FROM answers WHERE model = ? AND prompt = ? "
        f"AND prompt_tokens > 0 AND {known} AND status = 'ok' ORDER BY id DESC LIMIT 1000",
        [model, prompt],
    )
    found = [(row["tokens_in"], row["tokens_out"]) for row in rows]
    return found if len(found) >= LEAST_EARLIER else []


def _guess(
    units: float, ratios: Sequence[float], rule: float, spread: tuple[float, float], calls: int
) -> Range:
    """The sum over `calls` of a ratio times its units, with a 95 % interval.

    The error of a sum of N calls whose ratio was learnt from k earlier ones has variance
    sd^2 (N + N^2 / k), in units of the mean call.
    """
    if not ratios or not calls:
        return units * rule * spread[0], units * rule, units * rule * spread[1]
    mean = sum(ratios) / len(ratios)
    deviation = math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / max(1, len(ratios) - 1))
    error = Z95 * deviation * (units / calls) * math.sqrt(calls + calls**2 / len(ratios))
    return max(0.0, units * mean - error), units * mean, units * mean + error


def _cost(price: Price, tokens_in: Range, tokens_out: Range) -> Range:
    low, middle, high = (price.cost(i, o) for i, o in zip(tokens_in, tokens_out, strict=True))
    return low, middle, high
