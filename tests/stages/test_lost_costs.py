"""What answers cost that never came: counted, and said to be that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.servers import ChatServer, Reply


def test_status_says_what_was_paid_for_answers_that_never_came(
    cli: Cli, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    Path("syneg.toml").write_text("[generate]\nprice = [1000, 1000]\nmax_tokens = 100\n")
    with ChatServer() as server:
        asked = ("--llm", "openai:m", "--base-url", server.openai_url)
        server.script.append(Reply(text="x", cut=True))
        assert cli("generate", tiny, *asked).code == 0
        shown, data = cli("status", tiny, *asked), cli("status", tiny, *asked, "--json").json
    stages: Any = data["stages"]
    generate = next(one for one in stages if one["stage"] == "generate")
    assert 0 < generate["lost"] < generate["cost"]
    told = " ".join(shown.out.split())
    assert "For answers that never came, counted at the most they can have cost: $" in told
    assert f"${generate['lost']:.2f} of generate." in told
    assert all(one["lost"] == 0 for one in stages if one["stage"] != "generate")


def test_status_takes_no_unknown_price_for_nothing(cli: Cli, tiny: Path) -> None:
    with ChatServer() as server:
        asked = ("--llm", "openai:m", "--base-url", server.openai_url)
        assert cli("generate", tiny, *asked).code == 0
        shown, data = cli("status", tiny, *asked), cli("status", tiny, *asked, "--json").json
    stages: Any = data["stages"]
    assert {one["stage"]: (one["cost"], one["price_known"]) for one in stages} == {
        "generate": (None, False),
        **dict.fromkeys(("mine", "verify", "mix", "train", "eval"), (None, True)),
    }
    row = next(line for line in shown.out.splitlines() if line.startswith("│ generate"))
    assert row.split("│")[-2].strip() == "unknown"
