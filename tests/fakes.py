"""A language model that says what the test queued, and what surrounds it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.generation.prompt_files import load_prompt
from syneg_cli.generation.requests import Asking, Generator
from syneg_cli.llm.base import Answer, Live, Request
from syneg_cli.llm.cache import Cache
from syneg_cli.llm.engine import Engine
from syneg_cli.llm.limits import Limits
from syneg_cli.llm.prices import Price
from syneg_cli.verification.verdicts import Effect, N, NoVerdict, Verdict, applied, place_of, settled
from tests.servers import negatives_text

ASKING, QUICK, CHEAP = Asking(), Limits(backoff=0.001), Price(1e-6, 1e-6)


class FakeLLM(Live):
    """Answers what was queued (an exception is raised), then good answers."""

    provider = "fake"
    model = "fake-1"

    def __init__(self) -> None:
        self.queue: deque[Answer | BaseException] = deque()
        self.asked: list[Request] = []

    def enqueue(self, *replies: Answer | BaseException | str) -> None:
        self.queue.extend(Answer(r, 100, 50) if isinstance(r, str) else r for r in replies)

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": "here"}

    async def complete(self, request: Request) -> Answer:
        self.asked.append(request)
        reply = self.queue.popleft() if self.queue else Answer(good(f"a{len(self.asked)}"), 100, 50)
        if isinstance(reply, BaseException):
            raise reply
        return reply


def good(tag: str = "x", n: int = 2, words: int = 10) -> str:
    return negatives_text(n, words=words, tag=tag)


def open_tiny(folder: Path) -> Dataset:
    return load_dataset(str(folder), cache=folder.parent / "corpora", dev_fraction=0)


def make_generator(
    folder: Path, llm: FakeLLM, asking: Asking = ASKING, *, prompt: str = "syneg"
) -> Generator:
    return Generator(open_tiny(folder), load_prompt(prompt), llm, asking)


def make_engine(
    llm: FakeLLM,
    cache: Cache,
    *,
    limits: Limits = QUICK,
    price: Price | None = CHEAP,
    again: bool = False,
) -> Engine:
    return Engine(llm, cache, price=price, job="job", limits=limits, again=again)


def judged(
    negative: N, verdicts: Mapping[str, Verdict | NoVerdict], effect: Effect, *, all_agree: bool = False
) -> N:
    """A negative after `verify`."""
    found = settled(place_of(negative), verdicts, effect, all_agree=all_agree)
    return applied([negative], [found])[0]
