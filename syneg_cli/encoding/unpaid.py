"""What the vectors of some texts would take that the cache has not, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from syneg_cli.encoding.asking_vectors import BLOCK, DENSE_BYTES, Asker, Texts, largest_request
from syneg_cli.encoding.text_vectors import dimension_of, known_vectors, text_hash
from syneg_cli.llm import CHARS_PER_TOKEN, Price, embedding_price, most_inputs, open_embedder

FEWER = 0.85
"""Of the tokens that are expected: what a tokenizer with longer words makes of English."""


@dataclass(frozen=True)
class Unpaid:
    """Of all different texts with letters: how many there are, how many the cache has, what the rest takes.

    Tokens and US dollars are (low, expected, high); `cost` is None where the model is unpriced.
    """

    model: str
    texts: int
    cached: int
    calls: int
    prompt_tokens: tuple[float, float, float]
    cost: tuple[float, float, float] | None


def unpaid(encoder: Asker, lists: Sequence[Texts]) -> Unpaid:
    """What the vectors of these lists need. At 4 letters a token; at most a token for 3 bytes of UTF-8.

    Raises:
        UsageError: there is a cap in dollars and no price, or no such address.
    """
    own = encoder.settings
    llm = open_embedder(encoder.name, base_url=own.base_url, dimensions=own.dimensions)
    limits = encoder.terms.limits
    price = embedding_price(llm, own.price, max_cost=limits.max_cost, named=encoder.name)
    wanted = {hashed for texts in lists for hashed, _ in _sent(texts)}
    every = len(wanted)
    for hashes, _ in known_vectors(encoder.cache, encoder.fingerprint, set(wanted)):
        wanted.difference_update(hashes)
    cached = every - len(wanted)
    most = most_inputs(own.batch_size, own.dimensions or dimension_of(encoder.cache, encoder.fingerprint))
    largest = largest_request(limits.max_cost, price)
    calls = characters = total = 0
    for texts in lists:
        count = size = 0
        for hashed, text in _sent(texts):
            if hashed not in wanted:
                continue
            wanted.discard(hashed)
            bytes_ = len(text.encode("utf-8", "surrogatepass"))
            if not count or count >= most or size + bytes_ > largest:
                calls, count, size = calls + 1, 0, 0
            count, size = count + 1, size + bytes_
            characters, total = characters + len(text), total + bytes_
    tokens = _range(characters, total)
    return Unpaid(encoder.name, every, cached, calls, tokens, _cost(price, tokens))


def _sent(texts: Texts) -> Iterator[tuple[bytes, str]]:
    """(hash, text) of what is sent of a list: empty texts are not."""
    for start in range(0, texts.count, BLOCK):
        for text in texts.sent(range(start, min(start + BLOCK, texts.count))):
            if text:
                yield text_hash(text), text


def _range(characters: int, total: int) -> tuple[float, float, float]:
    expected = characters / CHARS_PER_TOKEN
    return expected * FEWER, expected, max(expected, total / DENSE_BYTES)


def _cost(price: Price | None, tokens: tuple[float, float, float]) -> tuple[float, float, float] | None:
    if price is None:
        return None
    low, expected, high = (price.cost(one, 0) for one in tokens)
    return low, expected, high
