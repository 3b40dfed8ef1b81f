"""What the tests of pilots share: a data set of twelve pairs, a server that writes and judges, the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, write_dataset
from tests.servers import Body, ChatServer, Reply, good_reply, prompt_of
from tests.verification.conftest import verdict_json

STORED = Path(".syneg/data/synthetic/default.pilot.json")
DOCS = 12
"""Documents, each the answer to a query of its own."""


@pytest.fixture
def data(cli: Cli, tmp_path: Path, tiny_model: Path) -> Path:
    """A data set of twelve training pairs, and a project that names a backbone and mines by words."""
    things = [
        "vitamin",
        "aspirin",
        "sleep",
        "bone",
        "heart",
        "memory",
        "mood",
        "dose",
        "men",
        "women",
        "risk",
        "trial",
    ]
    docs = {
        f"d{at}": (f"{thing} study", f"{thing} was compared in groups of adults")
        for at, thing in enumerate(things)
    }
    folder = write_dataset(
        tmp_path / "data",
        docs,
        {f"q{at}": f"{thing} in adults" for at, thing in enumerate(things)},
        {"train": [(f"q{at}", f"d{at}", 1) for at in range(DOCS)], "test": [("q0", "d0", 1)]},
    )
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{folder}"\ndev_fraction = 0\n[generate]\nllm = "openai:m"\nprice = [1, 2]\n'
        f'[mine]\nminers = ["bm25"]\n[train]\nbackbone = "{tiny_model}"\n',
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with ChatServer(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        yield server


def answer(body: Body, number: int) -> Reply:
    """Negatives; a judge finds none of them relevant."""
    judged = '"evidence"' in prompt_of(body)
    return Reply(text=verdict_json(False)) if judged else good_reply(body, number)


def made(cli: Cli, *arguments: object, code: int = 0) -> dict[str, Any]:
    result = cli("generate", *arguments, "--json")
    assert result.code == code, result.err
    return dict(result.json)
