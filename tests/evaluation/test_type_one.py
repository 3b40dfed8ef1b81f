"""The tests of significance find what is not there no more often than they say: benchmarks/type_one.py, in small."""

from __future__ import annotations

import importlib.util
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
