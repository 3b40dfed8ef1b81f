"""`openai:MODEL` and `ollama:MODEL` as encoders: their embedding APIs, reached as their chats are."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from syneg_cli.core import LLMError, UsageError
from syneg_cli.llm.addresses import OF_OLLAMA, OF_OPENAI, public_url
from syneg_cli.llm.base import Answer, Request, TooLong, TooMany, Unanswerable, Unreachable, Unusable
from syneg_cli.llm.embeddings import NOT_KEPT, Embedded, read_vectors
from syneg_cli.llm.ollama import Ollama
from syneg_cli.llm.openai import OPTION_STATUSES, OpenAI, address, read_limits
from syneg_cli.llm.options import Forms, Options
from syneg_cli.llm.refusals import Refusal

ENCODING = "encoding_format"
OF_THE_NUMBER = (400, 413, 422)
NUMBER = re.compile(
    r"array too long|batch[ _-]?size|maximum (?:batch|number of inputs)|too many (?:inputs|items)"
    r"|(?:list|input|array) (?:should|must|can) have at most|tokens per request|fewer (?:inputs|texts|items)"
)
"""What servers say, in lower case, of more texts than they take at once."""

LENGTH = re.compile(r"too large to process|(?:less than|at most|more than|maximum of|limit of) \d+ tokens")
"""... and of one that is too long, beside what chats say of it."""


class Embeds:
    """What all embedding APIs share."""

    provider: str
    model: str
    endpoint: str
    named = "--backbone"
    dimensions: int | None = None
    """How long vectors are asked to be."""
    known: int | None = None
    """How long earlier vectors of this model are."""

    def identity(self) -> Mapping[str, str]:
        """As a chat's, under another name: the same words are another request."""
        return {"provider": f"{self.provider} embeddings", "model": self.model, "endpoint": self.endpoint}

    def read(self, found: Sequence[Any], request: Request) -> Any:
        """(n, d) float32 of length 1. Raises Unusable as `read_vectors`, or where others were longer."""
        vectors = read_vectors(found, len(request.messages), self.dimensions, self.endpoint)
        if self.known and vectors.shape[1] != self.known:
            raise Unusable(
                f"{self.endpoint} sent vectors of {vectors.shape[1]} dimensions, where those before have "
                f"{self.known}: it is another model by now.",
                hint="Ask for one size (--dimensions), or begin anew: "
                f"`syneg cache prune-embeddings --model {self.provider}:{self.model} --yes`.",
            )
        return vectors


class OpenAIEmbedder(Embeds, OpenAI):
    """`/v1/embeddings`. Vectors come as base64, which is shorter, or as the server will have it."""

    def __init__(self, model: str, *, base_url: str | None, timeout: float, dimensions: int | None) -> None:
        super().__init__(model, base_url=base_url, timeout=timeout)
        self.dimensions = dimensions
        self.taken = Options({ENCODING: ("base64", "float", "")}, {ENCODING: rf"{ENCODING}|base64"})

    def _create(self, body: dict[str, Any]) -> Awaitable[Any]:
        return self.client.embeddings.with_raw_response.create(**body)

    async def complete(self, request: Request) -> Answer:
        started, forms = time.perf_counter(), self.taken.forms
        while True:
            body, headers = await self._send(self.options(request, forms))
            if not isinstance(body, Refusal):
                break
            error = self._error(body)
            further = None
            if body.status in OPTION_STATUSES and not isinstance(error, Unanswerable):
                further = self.taken.without(forms, (body.sentence, body.words), [ENCODING])
            if further is None:
                raise error
            forms = further
        self.taken.accept(forms)
        vectors = self.read(_in_order(body, self.endpoint), request)
        usage = body.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        tokens = _count(usage.get("prompt_tokens")) or _count(usage.get("total_tokens"))
        seconds = time.perf_counter() - started
        return Embedded("", tokens, seconds=seconds, limits=read_limits(headers), vectors=vectors)

    def options(self, request: Request, forms: Forms | None = None) -> dict[str, Any]:
        forms = forms or self.taken.forms
        options: dict[str, Any] = {"model": self.model, "input": [text for _, text in request.messages]}
        if forms[ENCODING]:
            options[ENCODING] = forms[ENCODING]
        else:
            options["extra_body"] = {ENCODING: None}  # left out, the client puts base64 in again
        return options | ({"dimensions": self.dimensions} if self.dimensions else {})

    def _error(self, refusal: Refusal) -> LLMError:
        return _too_much(refusal, self.endpoint) or super()._error(refusal)


class OllamaEmbedder(Embeds, Ollama):
    """`/api/embed`. The server is told to refuse what it would cut in silence."""

    path = "/api/embed"

    def __init__(self, model: str, *, base_url: str | None, timeout: float, dimensions: int | None) -> None:
        super().__init__(model, base_url=base_url, timeout=timeout)
        self.dimensions = dimensions

    async def complete(self, request: Request) -> Answer:
        started = time.perf_counter()
        body = await self._send(request, self.taken.forms)
        if isinstance(body, Refusal):
            raise self._error(body)
        found = body.get("embeddings") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise Unreachable(f"{self.endpoint} sent something that is no answer of Ollama.", hint=OF_OLLAMA)
        vectors = self.read(found, request)
        tokens, seconds = _count(body.get("prompt_eval_count")), time.perf_counter() - started
        return Embedded("", tokens, seconds=seconds, vectors=vectors)

    def _body(self, request: Request, forms: Forms) -> dict[str, Any]:
        texts = [text for _, text in request.messages]
        asked = {"model": self.model, "input": texts, "truncate": False}
        return asked | ({"dimensions": self.dimensions} if self.dimensions else {})

    def _error(self, refusal: Refusal) -> LLMError:
        return _too_much(refusal, self.endpoint) or super()._error(refusal)


Embedder = OpenAIEmbedder | OllamaEmbedder
EMBEDDERS: dict[str, type[OpenAIEmbedder] | type[OllamaEmbedder]] = {
    "openai": OpenAIEmbedder,
    "ollama": OllamaEmbedder,
}


def embedding_api(name: str) -> tuple[str, str] | None:
    """(provider, model) of `openai:MODEL` or `ollama:MODEL`; None for a model that runs here.

    Raises:
        UsageError: no model is named.
    """
    provider, colon, model = name.partition(":")
    if not colon or provider not in EMBEDDERS:
        return None
    if not model:
        raise UsageError(
            f"--backbone {name}: no model is named.",
            hint="For example openai:text-embedding-3-small or ollama:nomic-embed-text.",
        )
    return provider, model


def open_embedder(
    name: str, *, base_url: str | None, timeout: float = 120.0, dimensions: int | None = None
) -> Embedder:
    """The model behind an API that a backbone's name means. Nothing is sent yet.

    Raises:
        UsageError, LLMSetupError: as `open_llm`.
    """
    api = embedding_api(name)
    assert api is not None, name
    provider, model = api
    return EMBEDDERS[provider](model, base_url=base_url, timeout=timeout, dimensions=dimensions)


def embedding_endpoint(name: str, base_url: str | None) -> str:
    """The server that would be asked, without secrets; no key is needed to know.

    Raises:
        UsageError: its address is none.
    """
    if name.startswith("openai:"):
        return public_url(address(base_url))
    return Ollama(name.partition(":")[2], base_url=base_url, timeout=1).endpoint


def _too_much(refusal: Refusal, endpoint: str) -> TooLong | None:
    """The error of a text that is too long, or of too many at once; None for other refusals."""
    if refusal.status in (*OF_THE_NUMBER, 500) and LENGTH.search(refusal.words):
        return TooLong(f"{endpoint} does not take so long a text ({refusal.status}): {refusal.said}")
    if refusal.status in OF_THE_NUMBER and NUMBER.search(refusal.words):
        return TooMany(f"{endpoint} does not take so many texts at once ({refusal.status}): {refusal.said}")
    return None


def _in_order(body: Any, endpoint: str) -> list[Any]:
    """The vectors of an answer in the order of the texts, however the server sorted them.

    Raises:
        Unreachable: this is nothing that an embedding API sends.
        Unusable: the places do not go from 0 on.
    """
    items = body.get("data") if isinstance(body, dict) else None
    if not isinstance(items, list) or not all(isinstance(one, dict) and "embedding" in one for one in items):
        raise Unreachable(f"{endpoint} sent something that is no list of embeddings.", hint=OF_OPENAI)
    places = [one.get("index") for one in items]
    if all(place is None for place in places):
        return [one["embedding"] for one in items]
    if not all(type(place) is int for place in places) or sorted(places) != [*range(len(items))]:
        raise Unusable(f"{endpoint} sent vectors whose places (index) are not 0, 1, 2, ...", hint=NOT_KEPT)
    return [one["embedding"] for _, one in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 2**53 else 0
