"""A server of batches, and the command that is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.servers.batches import BatchServer


@pytest.fixture
def server() -> Iterator[BatchServer]:
    made = BatchServer()
    with made:
        yield made


@pytest.fixture
def base(cli: Cli, tiny: Path, server: BatchServer) -> tuple[str, ...]:
    Path("syneg.toml").write_text("[dataset]\ndev_fraction = 0\n[generate]\nprice = [10, 20]\n")
    return "generate", str(tiny), "--llm", "openai:m", "--base-url", server.openai_url, "--json"
