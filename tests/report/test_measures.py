"""The formulas of the page, by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from syneg_cli.report.drawing import Scale, scale_of, ticks
from syneg_cli.report.measures import STYLE, auc, probe, quantiles, share_interval, style


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    # Of the four pairs 3>1, 3>2, 2>1 are in order, and 2=2 is half.
    assert auc([3, 2], [1, 2]) == 3.5 / 4
    assert auc([1, 1], [1, 1]) == 0.5
    assert auc([0], [1, 2]) == 0
    with pytest.raises(ValueError, match="both kinds"):
        auc([], [1])


def noise(rows: int, columns: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, columns))


def test_a_probe_tells_apart_what_a_line_separates() -> None:
    kinds = [place % 2 == 0 for place in range(60)]
    features = noise(60)
    features[:, 3] += np.where(kinds, 6.0, -6.0)
    assert probe(features, kinds, [str(place // 2) for place in range(60)]) == (1.0, 1.0)


def test_a_probe_is_a_coin_on_noise_and_where_both_kinds_are_the_same() -> None:
    kinds = [place % 2 == 0 for place in range(400)]
    groups = [str(place // 2) for place in range(400)]
    area, right = probe(noise(400), kinds, groups)
    assert abs(area - 0.5) < 0.1
    assert abs(right - 0.5) < 0.1
    assert probe(np.ones((400, 5)), kinds, groups)[0] == 0.5


def test_a_probe_knows_nothing_of_a_query_that_it_was_not_fitted_on() -> None:
    """Each query has a feature that names its kinds: a split over texts would use it."""
    kinds = [place % 4 < 2 for place in range(80)]
    groups = [str(place // 4) for place in range(80)]
    features = np.zeros((80, 40))
    for place, kind in enumerate(kinds):
        features[place, 2 * (place // 4) + kind] = 1.0
    area, _ = probe(features, kinds, groups)
    assert area == pytest.approx(0.5, abs=0.01)
    leaky, _ = probe(features, kinds, [str(place) for place in range(80)])
    assert leaky > 0.9


def test_the_rarer_kind_counts_as_much_as_the_other() -> None:
    kinds = [place % 10 == 0 for place in range(200)]
    _, right = probe(noise(200), kinds, [str(place) for place in range(200)])
    assert right < 0.65, "to call all of them the frequent kind would be right nine times in ten"


def test_a_probe_needs_two_kinds_and_two_groups() -> None:
    for kinds, groups in (([True, True], ["a", "b"]), ([True, False], ["a", "a"])):
        with pytest.raises(ValueError, match="two kinds"):
            probe(noise(2), kinds, groups)


def test_style_by_hand() -> None:
    found = dict(zip(STYLE, style("Ab cd. Ab 12!"), strict=True))
    assert found == {
        "characters (log)": math.log(13),
        "characters a sentence (log)": math.log(13 / 2),
        "letters a word": (2 + 3 + 2 + 3) / 4,
        "digits": 2 / 13,
        "punctuation": 2 / 13,
        "capitals": 2 / 13,
        "different words": 3 / 4,
    }
    assert all(map(math.isfinite, style("")))


def test_wilsons_interval_by_hand() -> None:
    low, high = share_interval(5, 10)
    # Agresti and Coull (1998): 0.5 ± 1.96 · sqrt(0.25/10 + 1.96²/400) / (1 + 1.96²/10)
    half = 1.959964 * math.sqrt(0.025 + 1.959964**2 / 400) / (1 + 1.959964**2 / 10)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half))
    assert share_interval(0, 10)[0] == 0
    assert share_interval(10, 10)[1] == pytest.approx(1)


def test_quantiles_are_linear_between_neighbours() -> None:
    assert quantiles(range(101)) == (5, 25, 50, 75, 95)
    assert quantiles([7.0]) == (7, 7, 7, 7, 7)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-0.013, 0.072), (0, 300), (1e-9, 2e-9), (-5e6, 7e6), (3, 3.01)]
)
def test_ticks_are_few_round_and_within(low: float, high: float) -> None:
    found = ticks(low, high, 6)
    assert 2 <= len(found) <= 6
    assert low - 1e-12 <= found[0]
    assert found[-1] <= high * (1 + 1e-12)
    steps = {round((b - a) / (high - low), 6) for a, b in pairwise(found)}
    assert len(steps) == 1


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [3.0], [-1.0, 0.0], [1.0, 2.0]])
@pytest.mark.parametrize("zero", [True, False])
def test_a_scale_has_all_values_and_some_room(values: list[float], zero: bool) -> None:
    scale = scale_of(values, 0, 100, zero=zero)
    assert all(0 <= scale(value) <= 100 for value in values)
    assert not zero or 0 <= scale(0) <= 100
    assert Scale(0, 2, 10, 20)(1) == 15
