"""A server that embeds, and a key for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedding_apis.asking import KEY
from tests.servers import EmbedServer


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[EmbedServer]:
    with EmbedServer() as running:
        yield running
