"""The judge of `syneg generate --pilot N --judge`: within the caps of the command, and in its estimate."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import syneg_cli as syneg
from syneg_cli.core import BudgetExceeded
from tests.conftest import Cli
from tests.forecast.conftest import STORED, made
from tests.servers import ChatServer


@pytest.mark.parametrize("calls", [3, 6, 13])
def test_the_caps_are_of_the_negatives_and_the_judge_together(
    cli: Cli, data: Path, server: ChatServer, calls: int
) -> None:
    """Run again, too: what is sent is never more, and what came is kept."""
    for _ in range(2):
        stopped = cli("generate", "--pilot", 6, "--judge", "--max-calls", calls, "--json")
        assert stopped.code == 1
        assert len(server.requests) == calls
        assert f"--max-calls {calls} is reached" in stopped.err
        assert str(stopped.json["hint"]).startswith("Raise the cap and run the same command again")
    kept = f"{calls - 6} of 24 judgements are made, and kept"
    assert (kept in stopped.err) == (calls >= 6)
    assert not STORED.exists()
    done = made(cli, "--pilot", 6, "--judge")
    assert done["total"]["calls"] == len(server.requests) == 30, "nothing is asked twice"


def test_a_cap_in_dollars_is_of_the_judge_too(cli: Cli, data: Path, server: ChatServer) -> None:
    """An answer is 100 tokens in and 50 out, at $1 and $2 a million."""
    stopped = cli("generate", "--pilot", 12, "--judge", "--max-tokens", 600, "--max-cost", 0.0105)
    assert stopped.code == 1, stopped.out
    assert "judgements are made, and kept" in stopped.err
    said = re.search(r"--max-cost \$0\.0105: \$([\d.]+) is spent", stopped.err)
    assert said
    assert float(said[1]) == pytest.approx(0.0002 * len(server.requests))
    assert float(said[1]) <= 0.0105


@pytest.mark.parametrize(("miner", "left"), [("bm25", 0), ("dense", 10)])
def test_an_estimate_of_a_pilot_has_the_judge_in_it(
    cli: Cli, data: Path, server: ChatServer, miner: str, left: int
) -> None:
    """At most: what an encoder would mine is not looked for."""
    judged = ("--pilot", 5, "--judge", "--set", f"mine.miners={miner}")
    shown = cli("generate", *judged, "--estimate").out
    assert "judge: calls" in shown
    assert "cost of both" in shown
    most = made(cli, *judged, "--estimate")
    assert (most["calls"], most["judge"]["asked"], most["judge"]["calls"]) == (5, 20, 20)
    assert server.requests == []
    found = made(cli, *judged)
    assert found["calls"] + found["judge"]["calls"] == len(server.requests) == 25
    after = made(cli, *judged, "--estimate")
    assert (after["calls"], after["judge"]["asked"]) == (0, 20)
    assert after["judge"]["calls"] <= left


def test_the_caps_hold_in_python(cli: Cli, data: Path, server: ChatServer, tiny_model: Path) -> None:
    more: Any = {"judge": True, "miner": "bm25", "backbone": tiny_model, "price": (1, 2)}
    loaded = syneg.load_dataset(str(data))
    with pytest.raises(BudgetExceeded, match="max_calls=11 is reached") as stopped:
        syneg.pilot(loaded, "openai:m", 6, max_calls=11, **more)
    assert len(server.requests) == 11
    assert "5 of 24 judgements are made, and kept" in stopped.value.message
    assert str(stopped.value.hint).startswith("Raise the cap")
    found = syneg.pilot(loaded, "openai:m", 6, max_calls=30, **more)
    assert len(server.requests) == found.counts["total"]["calls"] == 30
    assert found.cost_usd == pytest.approx(30 * 0.0002)
