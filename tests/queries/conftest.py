"""A server that writes queries, and settings under which no model is loaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.queries.written import writer
from tests.servers import ChatServer


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole of train is train, and BM25 alone looks."""
    monkeypatch.setenv("SYNEG_DATASET_DEV_FRACTION", "0")
    monkeypatch.setenv("SYNEG_QUERIES_RETRIEVER", "bm25")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(writer) as made:
        yield made
