"""The tests of significance find what is not there no more often than they say: benchmarks/type_one.py, in small."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

SIMULATIONS = 200


@pytest.fixture(scope="module")
def benchmark() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "type_one.py"
    spec = importlib.util.spec_from_file_location("type_one", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_goes_into_its_place_and_names_its_simulations(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for file in ("benchmarks/type_one.py", "docs/significance.md"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(root / file, tmp_path / file)
    page = tmp_path / "docs/significance.md"
    before = page.read_text(encoding="utf-8")
    command = [sys.executable, "benchmarks/type_one.py", "--simulations", "3", "--write"]
    subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    after = page.read_text(encoding="utf-8")
    begin, end = "<!-- type_one.py: begin -->", "<!-- type_one.py: end -->"
    assert after.split(begin)[0] == before.split(begin)[0], "nothing else is touched"
    assert after.split(end)[1] == before.split(end)[1]
    table, old = (text.split(begin)[1].split(end)[0] for text in (after, before))
    assert "3 simulations a row" in table
    assert re.search(r"\d simulations a row", old), "and the page says how many its table rests on"
    assert [row.split("|")[1:3] for row in table.splitlines() if row.startswith("| ")] == [
        row.split("|")[1:3] for row in old.splitlines() if row.startswith("| ")
    ], "every row that the script has is in the page"


MOST = int(stats.binom.ppf(1 - 1e-6, SIMULATIONS, 0.05)) / SIMULATIONS
"""At a rate of 5 of 100, more are found once in a million; the draws are the same each time besides."""


@pytest.mark.parametrize(
    "simulate",
    [
        lambda b, rng: b.randomisation(rng, 100),
        lambda b, rng: b.t_test(rng, 100),
        lambda b, rng: b.two_level(rng, 300, 2, 2),
        lambda b, rng: b.two_level(rng, 1000, 3, 3),
        lambda b, rng: b.two_level(rng, 300, 3, 1),
        lambda b, rng: b.untrained(rng, 300, 3),
        lambda b, rng: b.at_the_margin(rng, 300, 0.05),
        lambda b, rng: b.family(rng, 100, 5, True),
        lambda b, rng: b.sequential(rng, 300, True),
    ],
    ids=["randomisation", "t", "2 seeds", "3 seeds", "3 against 1", "untrained", "margin", "Holm", "sequential"],
)  # fmt: skip
def test_false_positives_are_as_rare_as_is_said(benchmark: Any, simulate: Callable[[Any, Any], bool]) -> None:
    assert benchmark.rate(lambda rng: simulate(benchmark, rng), SIMULATIONS, 0) <= MOST


@pytest.mark.parametrize(
    "simulate",
    [
        lambda b, rng: b.means_of_seeds(rng, 2000, 2),
        lambda b, rng: b.family(rng, 100, 10, False),
    ],
    ids=["without the seeds' part", "without a correction"],
)  # fmt: skip
def test_a_test_that_is_wrong_would_be_seen(benchmark: Any, simulate: Callable[[Any, Any], bool]) -> None:
    assert benchmark.rate(lambda rng: simulate(benchmark, rng), SIMULATIONS, 0) > MOST
