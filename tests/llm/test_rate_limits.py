"""AIMD, pauses and rates, on a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest

from syneg_cli.core.errors import UsageError
from syneg_cli.llm import open_llm, split_spec
from syneg_cli.llm.base import RateLimits, Request, Subject, TimedOut
from syneg_cli.llm.budget import check_cap, most_it_can_cost
from syneg_cli.llm.prices import Price, price_of
from syneg_cli.llm.rate_limits import Gate, PerMinute, within
from tests.patience import PATIENCE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_overloads_halve_once_per_round_and_answers_raise_by_one_per_round() -> None:
    clock = Clock()
    gate = Gate(16, clock=clock)
    gate.in_flight = 16
    for _ in range(5):  # five 429s of calls that were sent together
        gate.overloaded(99.0 if _ else 100.0, None)
    assert gate.allowed == 8
    clock.now += 1
    gate.overloaded(101.0, None)
    assert gate.allowed == 4
    for _ in range(5):
        gate.answered()
    assert 5 <= gate.allowed < 5.3
    for _ in range(500):
        gate.answered()
    assert gate.allowed == 16


def test_it_never_goes_below_one() -> None:
    gate = Gate(4, clock=Clock())
    for sent in range(10):
        gate.overloaded(float(200 + sent), None)
    assert gate.allowed == 1


def test_a_pause_is_what_the_server_asked_for() -> None:
    gate = Gate(4, clock=Clock())
    gate.overloaded(100.0, 7.0)
    assert gate.paused_until == 107
    gate.obey(RateLimits(requests=0, requests_reset=12.0, tokens=5, tokens_reset=99.0))
    assert gate.paused_until == 112
    gate.obey(RateLimits(requests=3, requests_reset=50.0))
    gate.obey(None)
    assert gate.paused_until == 112


def test_no_more_than_allowed_are_inside() -> None:
    async def main() -> int:
        gate, inside, most = Gate(3), 0, 0

        async def call() -> None:
            nonlocal inside, most
            await gate.enter()
            inside, most = inside + 1, max(most, inside + 1)
            await asyncio.sleep(0)
            inside -= 1
            gate.leave()

        await asyncio.gather(*(call() for _ in range(20)))
        return most

    assert asyncio.run(main()) == 3


def test_a_rate_spreads_calls() -> None:
    clock = Clock()
    rate = PerMinute(60, clock=clock)
    waits = [rate.reserve() for _ in range(4)]
    assert waits == [0, 0, 1, 2]  # one second's worth at once, then one a second
    clock.now += 10
    assert rate.reserve() == 0
    assert PerMinute(None).reserve(1e9) == 0


def test_within_a_time() -> None:
    async def main() -> str:
        assert await within(None, asyncio.sleep(0, "a")) == "a"
        assert await within(PATIENCE, asyncio.sleep(0, "b")) == "b"
        with pytest.raises(TimedOut, match=r"No answer within 0\.01 s"):
            await within(0.01, asyncio.Event().wait())
        return await within(PATIENCE, asyncio.sleep(0, "still works"))

    assert asyncio.run(main()) == "still works"


def test_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    known, unknown = price_of(open_llm("openai:gpt-4o-mini")), price_of(open_llm("openai:no-such-model"))
    assert known is not None
    assert known.cost(1_000_000, 1_000_000) == pytest.approx(0.15 + 0.60)
    assert unknown is None
    assert price_of(open_llm("openai:gpt-4o-mini", base_url="http://127.0.0.1:1/v1")) is None
    assert price_of(open_llm("ollama:llama3")) == Price(0, 0)
    assert price_of(open_llm("openai:own"), (1, 2)) == Price(1e-6, 2e-6)
    with pytest.raises(UsageError, match="nobody knows"):
        check_cap(1.0, None, "openai:own")
    check_cap(None, None, "openai:own")


def test_the_most_a_call_can_cost_bounds_every_tokenizer() -> None:
    request = Request(Subject("q", "d", "p"), (("user", "ü" * 100),), max_tokens=10)
    assert most_it_can_cost(request, Price(1.0, 100.0)) == 200 + 16 + 1000
    assert most_it_can_cost(request, None) == 0


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("gpt-4", "names no provider"),
        ("opnai:x", "Did you mean 'openai'"),
        ("openai:", "no model"),
        ("replay:nowhere", "is not there"),
    ],
)
def test_wrong_names_of_models(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        open_llm(spec)


def test_a_model_may_hold_colons() -> None:
    assert split_spec("ollama:llama3:8b") == ("ollama", "llama3:8b")
