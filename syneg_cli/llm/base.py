"""What a language model is to syneg: one request in, one answer out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from syneg_cli.core import BadResponse, LLMError, LLMSetupError

Messages = tuple[tuple[str, str], ...]
"""(role, text) in order; the roles are user and assistant."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about. Recorded answers are looked up by it; it is no part of the key."""

    query_id: str
    doc_id: str
    prompt: str
    index: int | None = None
    """The negative's number, where the request is about one negative of the pair."""


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that is asked, in the words of no particular provider.

    `temperature` and `seed` are left to the server where None. `max_tokens` bounds the
    answer. `schema` is the JSON schema the answer has to follow, or None.
    """

    subject: Subject
    messages: Messages
    schema: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int = 4096
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One of many requests: its place among them, its key in the cache, and what the cache says about it."""

    index: int
    request: Request
    key: str
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the server's headers say is left; None where they say nothing. Resets are in seconds."""

    requests: int | None = None
    requests_reset: float | None = None
    tokens: int | None = None
    tokens_reset: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`finish` is "stop", "length", "refusal" or the server's own word. `seconds` is what the call took."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish: str = "stop"
    seconds: float = 0.0
    limits: RateLimits | None = None


class NoRecording(LLMError):
    """Recorded answers hold none for this request: counted as a miss, not as a failure."""


class Refused(LLMError):
    """The server will never answer this one request (too long, filtered); others may pass."""


class Unanswerable(Refused):
    """The server does not take this one text (too long, filtered): it says nothing about the others."""


class NotSent(Unanswerable):
    """Nothing may be sent now, and the cache has no answer."""


class TooLong(Unanswerable):
    """The server takes no text as long; it may take a shorter one."""


class TooMany(TooLong):
    """The server takes fewer texts in one request."""


class Unusable(BadResponse, LLMSetupError):
    """An answer came, and was paid for, and every other one would be as wrong."""


class Unreachable(LLMSetupError):
    """No model server answers at the endpoint. At the start that is final; later it may pass."""


class TimedOut(LLMError):
    """No answer in time. The server may still have done, and billed, the work."""


class Broken(LLMError):
    """The connection broke under the call; the server may still have done, and billed, the work."""


class LLM(Protocol):
    """A provider. A new one is one file with such a class and one line in `PROVIDERS`."""

    provider: str
    model: str
    free: bool
    """True where calls cost nothing: in process, on an own machine, recorded."""
    unhurried: bool
    """True where waiting is no sign of trouble, so that no time limit makes sense: in process."""

    bounded: bool
    """True where a cap in dollars needs every answer bounded: then no call goes without `max_tokens`."""

    tell: Callable[[str], None]
    """Takes what whoever runs the calls has to know, such as an option that the server refused."""

    def identity(self) -> Mapping[str, str]:
        """What decides the answer besides the request: provider, model, endpoint; never a key."""
        ...

    async def complete(self, request: Request) -> Answer:
        """Ask once, without retries.

        Raises:
            LLMSetupError: no call can succeed (key, model, server).
            RateLimited: the server asks to wait.
            Refused: this request can never succeed; `Unanswerable` where that is due to its text alone.
            TimedOut, Broken: no whole answer came.
            BadResponse: an answer came that is not one.
            NoRecording: recorded answers hold none.
            LLMError: anything that may pass.
        """
        ...

    def recorded(self, subject: Subject) -> Mapping[str, Any] | None:
        """What is recorded about the subject (attributes, words); None for a live model."""
        ...

    def knows(self, subject: Subject) -> bool:
        """False where it is plain beforehand that there is no answer: a miss, and no call."""
        ...

    def documents(self, prompt: str) -> frozenset[str]:
        """The documents that answers without a query are recorded about; none of a live model."""
        ...

    def prompts(self) -> frozenset[str]:
        """The names of the prompts that answers are recorded to; none of a live model."""
        ...

    async def close(self) -> None: ...


class Live:
    """What every provider that really asks a model shares."""

    free = False
    unhurried = False
    bounded = False
    tell: Callable[[str], None] = staticmethod(lambda message: None)

    def recorded(self, subject: Subject) -> Mapping[str, Any] | None:
        return None

    def knows(self, subject: Subject) -> bool:
        return True

    def documents(self, prompt: str) -> frozenset[str]:
        return frozenset()

    def prompts(self) -> frozenset[str]:
        return frozenset()

    async def close(self) -> None:
        return None


class NoModel(Live):
    """Nobody to ask: for looking at requests that are not sent."""

    provider = model = "none"
    free = True

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.model, "endpoint": ""}

    async def complete(self, request: Request) -> Answer:
        raise LLMSetupError("There is no model to ask.")
