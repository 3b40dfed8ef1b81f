"""A server of batches, and the command that is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.llm.cache import Cache
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


@pytest.fixture
def bare(cli: Cli, tiny: Path) -> tuple[object, ...]:
    """The command for those who have neither server nor key."""
    Path("syneg.toml").write_text("[dataset]\ndev_fraction = 0\n[generate]\nprice = [10, 20]\n")
    return "generate", tiny, "--llm", "openai:m", "--json"


def totals() -> dict[str, Any]:
    """What the only job has used."""
    with Cache(Path(".syneg/generations.db")) as cache:
        return cache.file.dicts("SELECT * FROM jobs")[0]
