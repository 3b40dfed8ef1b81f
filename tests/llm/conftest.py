"""A server that runs, and a key for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.llm.asking import KEY
from tests.servers import ChatServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ChatServer() as running:
        yield running
