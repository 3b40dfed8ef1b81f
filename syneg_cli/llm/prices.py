"""What a call costs. An unknown price is None, "unpriced", and never zero.

Prices come from genai-prices, in US dollars per token; `price` in [generate] overrides them.
Calls to a model on an own machine are free unless it does; recorded answers always are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syneg_cli.llm.base import LLM

MILLION = 1_000_000
RECORDED = "replay"
"""The provider of recorded answers: whatever a project pays its model, they cost nothing."""

SAMPLE = 1000
"""Tokens of the call that is priced: few, because some prices rise with a call's length."""

BATCH_DISCOUNT = 0.5
"""OpenAI's Batch API costs half."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token in and per token out."""

    input: float
    output: float

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        return prompt_tokens * self.input + completion_tokens * self.output

    def scaled(self, factor: float) -> Price:
        return Price(self.input * factor, self.output * factor)


FREE = Price(0.0, 0.0)


def price_of(llm: LLM, override: Sequence[float] | None = None) -> Price | None:
    """The price of a model; None when nobody knows it.

    Args:
        override: dollars per million tokens, (in, out), from the project file.
    """
    if llm.provider == RECORDED:
        return FREE
    if override:
        return Price(override[0] / MILLION, override[1] / MILLION)
    return FREE if llm.free else _listed(llm)


def _listed(llm: LLM) -> Price | None:
    from genai_prices import Usage, calc_price

    endpoint = llm.identity()["endpoint"]
    try:
        found = calc_price(
            Usage(input_tokens=SAMPLE, output_tokens=SAMPLE), llm.model, provider_api_url=endpoint
        )
    except LookupError:
        return None
    return Price(float(found.input_price) / SAMPLE, float(found.output_price) / SAMPLE)
