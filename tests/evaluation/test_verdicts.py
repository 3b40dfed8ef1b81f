"""What a comparison says, in a word and in a sentence."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from syneg_cli.evaluation import (
    Comparison,
    SeedComparison,
    as_data,
    compare,
    compare_seeds,
    decided,
    detectable,
    interval,
    p_value,
    plain_p,
    tells_little,
    verdict,
    within_margin,
)

NUMBERS: dict[str, Any] = {
    "difference": 0.0312,
    "low": 0.01,
    "high": 0.05,
    "wins": 30,
    "ties": 10,
    "losses": 5,
    "queries": 45,
    "detectable": 0.0405,
    "margin": 0.01,
    "p_equivalence": 0.93,
}
FOUND = Comparison(**NUMBERS, p_randomisation=0.012, p_t=0.01)
ONE_RUN = "Of what was trained this is one run: the seed adds variance of its own."
OF_THREE: dict[str, Any] = {"family": ("a", "b", "c"), "p_holm": 0.036, "p_equivalence_holm": 1.0}
SMALL: dict[str, Any] = {"difference": 0.004, "p_randomisation": 0.3, "p_equivalence": 0.0123}
SAME: dict[str, Any] = {"difference": 0.0, "wins": 0, "losses": 0, "p_randomisation": 1.0}


@pytest.mark.parametrize(
    ("changes", "word", "says"),
    [
        ({}, "better", f"nDCG is better by 0.0312 (p = 0.0120). {ONE_RUN}"),
        ({"difference": -0.0312}, "worse", f"nDCG is worse by 0.0312 (p = 0.0120). {ONE_RUN}"),
        ({"p_randomisation": 0.00001}, "better", f"nDCG is better by 0.0312 (p < 0.0001). {ONE_RUN}"),
        ({"p_randomisation": 0.05}, "undecided", "nDCG is undecided: a difference of +0.0312 cannot be told from noise with 45 queries; it would have to be about 0.041."),
        ({"wins": 0}, "better", f"nDCG is better by 0.0312 (p = 0.0120). {ONE_RUN}"),
        ({"losses": 0}, "better", f"nDCG is better by 0.0312 (p = 0.0120). {ONE_RUN}"),
        (OF_THREE, "better", f"nDCG is better by 0.0312 (p = 0.0120, corrected for 3 comparisons = 0.0360). {ONE_RUN}"),
        (OF_THREE | {"p_holm": 0.05}, "undecided", "nDCG is undecided: a difference of +0.0312 cannot be told from noise with 45 queries (p = 0.0120, corrected for 3 comparisons = 0.0500); it would have to be about 0.047 as one of 3 comparisons."),
        (SMALL, "equivalent", f"nDCG is equivalent: the difference of +0.0040 is within ±0.01 (p = 0.0123). {ONE_RUN}"),
        (SMALL | {"p_equivalence": 0.05}, "undecided", "nDCG is undecided: a difference of +0.0040 cannot be told from noise with 45 queries; it would have to be about 0.041."),
        (SMALL | {"queries": 25}, "equivalent", f"nDCG is equivalent: the difference of +0.0040 is within ±0.01 (p = 0.0123). {ONE_RUN}"),
        (SMALL | {"queries": 24}, "undecided", "nDCG is undecided: a difference of +0.0040 cannot be told from noise with 24 queries; it would have to be about 0.041."),
        (SMALL | OF_THREE | {"p_holm": 0.9, "p_equivalence_holm": 0.0369}, "equivalent", f"nDCG is equivalent: the difference of +0.0040 is within ±0.01 (p = 0.0123, corrected for 3 comparisons = 0.0369). {ONE_RUN}"),
        (SMALL | OF_THREE | {"p_holm": 0.9, "p_equivalence_holm": 0.05}, "undecided", "nDCG is undecided: a difference of +0.0040 cannot be told from noise with 45 queries; it would have to be about 0.047 as one of 3 comparisons."),
        (SMALL | {"p_randomisation": 0.01}, "better", f"nDCG is better by 0.0040 (p = 0.0100), and by less than the margin of 0.01. {ONE_RUN}"),
        (SMALL | {"p_randomisation": 0.01, "difference": -0.004}, "worse", f"nDCG is worse by 0.0040 (p = 0.0100), and by less than the margin of 0.01. {ONE_RUN}"),
        (SAME | {"p_equivalence": 0.04}, "equivalent", f"nDCG is the same for every query. {ONE_RUN}"),
        (SAME | {"p_equivalence": 0.06}, "undecided", "nDCG is the same for every query: undecided, as 45 queries cannot rule out a difference of 0.01 on others."),
        (SAME | {"queries": 1}, "undecided", "nDCG is the same for every query: undecided, as 1 query cannot rule out a difference of 0.01 on others."),
    ],
)  # fmt: skip
def test_the_verdict(changes: dict[str, float], word: str, says: str) -> None:
    found = replace(FOUND, **changes)  # type: ignore[arg-type]
    assert decided(found) == word
    assert verdict("nDCG", found) == says


def test_a_look_has_an_alpha_of_its_own() -> None:
    assert decided(FOUND, alpha=0.012) == "undecided"
    assert decided(FOUND, alpha=0.0121) == "better"
    assert verdict("nDCG", FOUND, alpha=0.012).startswith("nDCG is undecided: ")
    small = replace(FOUND, p_equivalence=0.01)
    assert not within_margin(small, alpha=0.01)
    assert "margin" not in verdict("nDCG", small, alpha=0.01)
    assert within_margin(small, alpha=0.011)
    alike = replace(FOUND, **SMALL)
    assert decided(alike) == "equivalent"
    assert decided(alike, alpha=0.01) == "undecided", "its p of equivalence is 0.0123"


def test_what_a_look_would_show_goes_by_its_own_alpha() -> None:
    """Of 0.0405 at 5 %, z 1.9600 + 0.8416: at 1 % z is 2.5758, as one of two 2.8070."""
    open_ = replace(FOUND, p_randomisation=0.5)
    assert detectable(open_, alpha=0.01) == pytest.approx(0.0405 * 3.41745 / 2.80159, abs=1e-6)
    assert verdict("nDCG", open_, alpha=0.01).endswith("it would have to be about 0.049.")
    pair = replace(open_, family=("a", "b"), p_holm=1.0, p_equivalence_holm=1.0)
    assert detectable(pair, alpha=0.01) == pytest.approx(0.0405 * 3.64865 / 2.80159, abs=1e-6)
    before_any_look = verdict("nDCG", open_, alpha=0.0)
    assert before_any_look.endswith("how large it would have to be is unknown.")


BY_SEEDS = SeedComparison(
    **NUMBERS,
    p_seeds=0.012,
    p_randomisation=0.0001,
    seeds=3,
    baseline_seeds=3,
    sd_system=0.004,
    sd_baseline=0.005,
)


@pytest.mark.parametrize("comparisons", [1, 4, 9])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_of_few_seeds_no_difference_that_would_show_is_one_that_does_not(
    seeds: int, comparisons: int
) -> None:
    """By z, a difference that was said to be large enough was undecided: t needs far more where alpha is small."""
    rng = random.Random(seeds)
    hard = [0.3 + rng.random() * 0.2 for _ in range(100)]
    ours, theirs = (
        [[value + shift + rng.gauss(0, 0.02) for value in hard] for shift in shifts]
        for shifts in (
            [0.01 * number for number in range(seeds)],
            [-0.01 * number for number in range(seeds)],
        )
    )
    family = tuple(str(number) for number in range(comparisons)) if comparisons > 1 else ()
    found = replace(compare_seeds(ours, theirs), family=family)
    error = (found.high - found.low) / 2 / stats.t.ppf(0.975, found.freedom)
    least = detectable(found)
    assert least / error == pytest.approx(
        stats.t.isf(0.025 / comparisons, found.freedom) + stats.t.ppf(0.8, found.freedom)
    )
    assert 2 * stats.t.sf(least / error, found.freedom) * comparisons < 0.05
    assert found.freedom < 2 * seeds


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "Over 45 queries and 3 seeds."),
        ({"baseline_seeds": 5}, "Over 45 queries and 3 seeds against 5."),
        ({"baseline_seeds": 0, "sd_baseline": None}, "Over 45 queries and 3 seeds against an untrained baseline."),
        ({"baseline_seeds": 1, "sd_baseline": None}, "One of the two was trained once: its seeds are taken to vary as the other's do."),
        ({"seeds": 1, "sd_system": None}, "One of the two was trained once: its seeds are taken to vary as the other's do."),
        ({"seeds": 1, "baseline_seeds": 1, "sd_system": None, "sd_baseline": None}, "This is one training run: how much another seed changes is unknown."),
        ({"seeds": 1, "baseline_seeds": 0, "sd_system": None, "sd_baseline": None}, "This is one training run: how much another seed changes is unknown."),
    ],
)  # fmt: skip
def test_what_several_seeds_say(changes: dict[str, float], says: str) -> None:
    """By the p that is over seeds too, not by the one over queries alone."""
    found = replace(BY_SEEDS, **changes)  # type: ignore[arg-type]
    assert verdict("nDCG", found) == f"nDCG is better by 0.0312 (p = 0.0120). {says}"
    assert decided(replace(found, p_seeds=0.05)) == "undecided"


def test_one_seed_in_words() -> None:
    told = replace(BY_SEEDS, seeds=1, queries=1, baseline_seeds=0, p_seeds=0.5)
    assert "with 1 query and 1 seed against an untrained baseline; it" in verdict("nDCG", told)


def test_a_comparison_as_json_has_no_number_that_json_has_not() -> None:
    found = as_data(compare([0.5], [0.25]))
    assert (found["low"], found["high"], found["detectable"], found["p_t"]) == (None, None, None, None)
    assert (found["verdict"], found["difference"], found["p_holm"]) == ("undecided", 0.25, None)
    assert json.dumps(found, allow_nan=False)
    assert as_data(replace(FOUND, low=-math.inf))["low"] is None
    assert as_data(FOUND)["low"] == 0.01
    assert as_data(replace(FOUND, **OF_THREE))["family"] == ["a", "b", "c"]


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert plain_p(math.nan) == "unknown"
    assert interval(replace(FOUND, low=-math.inf, high=math.inf)) == "unknown"
    assert interval(replace(FOUND, low=-math.inf, high=-math.inf)) == "unknown"
    assert interval(FOUND) == "[+0.0100, +0.0500]"
    unknown = replace(FOUND, p_randomisation=0.5, detectable=math.inf)
    assert verdict("nDCG", unknown).endswith("45 queries; how large it would have to be is unknown.")


def test_p_values_as_they_are_read() -> None:
    assert [p_value(p) for p in (0.0001, 0.00009, 0.03124, 1.0)] == [
        "= 0.0001",
        "< 0.0001",
        "= 0.0312",
        "= 1.0000",
    ]


def test_less_than_twenty_five_queries_are_few() -> None:
    few = "with less than 25, only a large difference can be seen"
    assert tells_little(1, "dev") == f"1 dev query tells little: {few}"
    assert tells_little(24, "test") == f"24 test queries tell little: {few}"
    assert tells_little(25, "test") == ""
