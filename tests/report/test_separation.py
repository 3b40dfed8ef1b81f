"""By what sources of negatives are told apart, on texts made for it."""

from __future__ import annotations

import numpy as np
import pytest

from syneg_cli.report.sections.sources import quantiles
from syneg_cli.report.separation import FEWEST, POSITIVE, Text, apart

COUNT = 40


def texts(written: str, retrieved: str, count: int = COUNT) -> list[Text]:
    found = []
    for place in range(count):
        sources = ((POSITIVE, "a text"), ("dense", retrieved), ("synthetic", written))
        found += [Text(f"q{place}", source, text) for source, text in sources]
    return found


def found_by(texts: list[Text], similarity: list[float], vectors: np.ndarray) -> dict[str, float]:
    return {one.by: one.auc.value for one in apart(texts, similarity, vectors)}


def noise(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 4))


def test_what_differs_in_nothing_cannot_be_told_apart() -> None:
    both = texts("The same text.", "The same text.")
    found = found_by(both, [0.5] * len(both), noise(len(both)))
    assert found["similarity to the query"] == 0.5
    assert found["length and style"] == 0.5
    assert abs(found["embedding"] - 0.5) < 0.2


def test_each_means_sees_its_own() -> None:
    plain = texts("The same text.", "The same text.")
    nearer = [0.9 if text.source == "synthetic" else 0.1 for text in plain]
    assert found_by(plain, nearer, noise(len(plain)))["similarity to the query"] == 1.0
    styled = texts("SHOUTED, 1 2 3!", "The same text.")
    assert found_by(styled, [0.5] * len(styled), noise(len(styled)))["length and style"] == 1.0
    vectors = noise(len(plain))
    vectors[[text.source == "synthetic" for text in plain], 2] += 9
    assert found_by(plain, [0.5] * len(plain), vectors)["embedding"] == 1.0


def test_queries_of_one_source_do_not_count_and_few_are_not_measured() -> None:
    few = texts("a", "b", FEWEST - 1)
    alone = [Text(f"x{place}", "dense", "c") for place in range(COUNT)]
    assert apart([*few, *alone], [0.5] * (len(few) + COUNT), noise(len(few) + COUNT)) == []
    enough = texts("a", "b", FEWEST)
    measured = apart([*enough, *alone], [0.5] * (len(enough) + COUNT), noise(len(enough) + COUNT))
    assert {one.texts for one in measured} == {2 * FEWEST}


def test_quantiles_are_linear_between_neighbours() -> None:
    assert quantiles(range(101)) == pytest.approx((5, 25, 50, 75, 95))
    assert quantiles([7.0]) == (7, 7, 7, 7, 7)
