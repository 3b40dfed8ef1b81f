"""Vectors of texts: what is asked of an embedding API, what comes, and what asks within every limit.

A request is one of the engine's whose messages are the texts; its answer has vectors instead of words.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syneg_cli.core import UsageError
from syneg_cli.llm.base import LLM, Answer, Request, Subject, Unusable
from syneg_cli.llm.bodies import LARGEST_BODY
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.engine import Classify, Engine
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.prices import MILLION, Price, price_of
from syneg_cli.llm.stored import OK, Stored

if TYPE_CHECKING:
    import numpy as np

MOST_INPUTS = 2048
MOST_TOKENS = 300_000
"""What OpenAI takes in one request: texts, and tokens of all of them together."""

FIRST_INPUTS = 128
NUMBER_BYTES = 24
"""Of one number of a vector, written out as the longest is."""


NOT_KEPT = "Nothing of that answer is kept. Look at the server, or name another model with --backbone."


@dataclass(frozen=True, slots=True)
class Wanted(Request):
    """Texts to embed, as messages; `rows` is what the asker calls them."""

    rows: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[int], texts: Sequence[str]) -> Wanted:
        messages = tuple(("user", text) for text in texts)
        return cls(Subject("", "", ""), messages, max_tokens=0, rows=tuple(rows))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.messages]


@dataclass(frozen=True, slots=True)
class Embedded(Answer):
    """`vectors` is (texts, d) float32 of length 1, in the order of the request."""

    vectors: Any = None


class Embedding(Engine):
    """Asks one embedding model.

    Args:
        keep: puts vectors on the disk (request, answer, US dollars); only then they count.
    """

    def __init__(
        self,
        llm: LLM,
        cache: Cache,
        *,
        price: Price | None,
        job: str,
        limits: Limits,
        keep: Callable[[Wanted, Embedded, float | None], None],
    ) -> None:
        super().__init__(llm, cache, price=price, job=job, limits=limits)
        self._to_disk = keep

    async def embed(self, wanted: Wanted) -> None:
        """Ask for vectors and keep them. Raises as `ask`."""
        await self.ask(wanted, lambda answer: OK)

    async def record(
        self, key: str, request: Request, answer: Answer, classify: Classify, about: Mapping[str, object]
    ) -> Stored:
        stored = self.stored(key, request, answer, OK, about)
        assert isinstance(request, Wanted)
        assert isinstance(answer, Embedded)
        self._to_disk(request, answer, stored.cost_usd)
        self.cache.settle(key, job=self.job, prompt_tokens=stored.prompt_tokens, cost_usd=stored.cost_usd)
        return stored


def embedding_price(llm: LLM, price: float | None, *, max_cost: float | None, named: str) -> Price | None:
    """What an embedding model costs; None where nobody knows.

    Args:
        price: US dollars for a million tokens, where the user says it.

    Raises:
        UsageError: there is a cap in dollars and no price.
    """
    found = price_of(llm) if price is None else Price(price / MILLION, 0.0)
    if max_cost is not None and found is None:
        raise UsageError(
            f"--max-cost: nobody knows what {named} costs.",
            hint="Set price (dollars per million tokens, 0 for a server of your own) in [embed], "
            "or use --max-calls.",
        )
    return found


def most_inputs(wanted: int, dimension: int | None) -> int:
    """How many texts a request may have, so that the answer is no larger than one may be."""
    largest = LARGEST_BODY // (NUMBER_BYTES * dimension) if dimension else FIRST_INPUTS
    return max(1, min(wanted, largest, MOST_INPUTS))


def read_vectors(found: Sequence[Any], count: int, dimensions: int | None, endpoint: str) -> np.ndarray:
    """(count, d) float32 of length 1, from lists of numbers or base64 of float32.

    Raises:
        Unusable: these are not as many vectors of numbers, all as long (as asked), as there were texts.
    """
    import numpy as np

    if len(found) != count:
        raise Unusable(f"{endpoint} sent {len(found)} vectors for {count} texts.", hint=NOT_KEPT)
    try:
        rows = [_numbers(one) for one in found]
    except (TypeError, ValueError, OverflowError):
        raise Unusable(f"{endpoint} sent vectors that are no lists of numbers.", hint=NOT_KEPT) from None
    sizes = sorted({len(row) for row in rows})
    if len(sizes) != 1 or not sizes[0]:
        raise Unusable(
            f"{endpoint} sent vectors of {' and '.join(map(str, sizes))} dimensions in one answer.",
            hint=NOT_KEPT,
        )
    if dimensions and sizes[0] != dimensions:
        raise Unusable(
            f"{endpoint} sent vectors of {sizes[0]} dimensions, not of {dimensions} (--dimensions).",
            hint="Leave --dimensions out, or ask a model that can shorten its vectors.",
        )
    vectors = np.stack(rows)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(vectors).all() and (lengths > 0).all()):
        raise Unusable(
            f"{endpoint} sent vectors with numbers that are none (NaN), or of zeros alone.", hint=NOT_KEPT
        )
    unit: np.ndarray = (vectors / lengths).astype(np.float32)
    return unit


def _numbers(given: Any) -> np.ndarray:
    """One vector as (d,) float64; null is NaN.

    Raises:
        TypeError, ValueError: it is none.
    """
    import numpy as np

    if isinstance(given, str):
        return np.frombuffer(b64decode(given, validate=True), dtype="<f4").astype(np.float64)
    if not isinstance(given, list) or any(isinstance(one, (str, bool)) for one in given):
        raise TypeError
    row = np.array(given, dtype=np.float64)
    if row.ndim != 1:
        raise ValueError
    return row
