"""What a call can cost before it is sent, and what it did cost."""

from __future__ import annotations

from collections.abc import Callable

from syneg_cli.core import UsageError
from syneg_cli.llm.base import LLM, Answer, Request
from syneg_cli.llm.prices import FREE, Price, price_of
from syneg_cli.llm.settings import CallSettings
from syneg_cli.llm.stored import schema_size

CHARS_PER_TOKEN = 4.0
MESSAGE_TOKENS = 16
"""More than any chat template adds around one message."""

ABSURD, SLACK = 4, 100_000
"""More than so many times a bound, and so many tokens, is no count; thoughts may pass a bound."""


def guess_tokens(request: Request) -> float:
    return sum(len(text) for _, text in request.messages) / CHARS_PER_TOKEN


def most_tokens(request: Request) -> int:
    """What the prompt cannot pass: a token is at least one byte of it."""
    tokens = sum(len(text.encode()) + MESSAGE_TOKENS for _, text in request.messages)
    return tokens + schema_size(request.schema)  # servers may write the schema into the prompt


def most_it_can_cost(request: Request, price: Price | None) -> float:
    """US dollars that the call cannot pass.

    An unpriced call reserves nothing, and a cap on its cost is refused beforehand.
    """
    if price is None or price == FREE:
        return 0.0
    return price.cost(most_tokens(request), request.max_tokens)


def billed(request: Request, answer: Answer, price: Price) -> tuple[float, bool]:
    """(US dollars by the server's counts, whether they can be trusted).

    A count that is missing, or far beyond what the call can have taken, counts as the most it can be.
    """
    most_in, most_out = most_tokens(request), request.max_tokens
    known_in = 0 < answer.prompt_tokens <= ABSURD * most_in + SLACK
    known_out = (answer.completion_tokens > 0 or not answer.text) and (
        answer.completion_tokens <= ABSURD * most_out + SLACK
    )
    tokens_in = answer.prompt_tokens if known_in else most_in
    tokens_out = answer.completion_tokens if known_out else most_out
    return price.cost(tokens_in, tokens_out), known_in and known_out


def cost_of(
    request: Request,
    answer: Answer,
    price: Price | None,
    server: str,
    tell: Callable[[str, str], None],
    *,
    capped: bool,
) -> float | None:
    """US dollars of an answer, as `billed`; None for an unpriced model.

    Args:
        tell: (about what, sentence): told what is odd about the counts.
        capped: whether a cap in dollars has to hold.
    """
    if price is None or price == FREE:
        return None if price is None else 0.0
    cost, trusted = billed(request, answer, price)
    if not trusted:
        told = f"{server} counts no tokens, or absurd ones: such calls are taken to cost the most they can"
        tell("no counts", told)
    elif answer.completion_tokens > request.max_tokens and capped:
        wrote = f"{server} wrote {answer.completion_tokens} tokens where it was given {request.max_tokens}"
        tell("too many", f"{wrote}: calls in flight can cost more than is left of --max-cost")
    return cost


def check_cap(max_cost: float | None, price: Price | None, model: str) -> None:
    """A cap in dollars needs a price.

    Raises:
        UsageError: the model is unpriced.
    """
    if max_cost is not None and price is None:
        raise UsageError(
            f"--max-cost: nobody knows what {model} costs.",
            hint="Set price = [IN, OUT] (dollars per million tokens) in [generate], or use --max-calls.",
        )


def settled_price(settings: CallSettings, llm: LLM) -> Price | None:
    """The model's price, checked against the cap that may need it.

    Raises:
        UsageError: there is a cap in dollars and no price.
    """
    if len(settings.price) == 1:
        raise UsageError("price in [generate] needs two numbers: dollars per million tokens in, and out.")
    found = price_of(llm, settings.price)
    check_cap(settings.max_cost, found, settings.llm or llm.model)
    return found
