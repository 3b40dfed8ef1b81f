"""The rules of a forecast: each fires on one side only, with its whole interval, and the default is not to know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syneg_cli.forecast import Evidence, Interval, rules
from syneg_cli.forecast.records import NOTHING, Says


def around(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high)


RULES: dict[str, tuple[Callable[[Interval], Evidence], list[tuple[float, float, Says]]]] = {
    "false negatives": (
        lambda found: rules.false_negatives(found, NOTHING),
        [(0.0, 0.09, "help"), (0.05, 0.2, "open"), (0.11, 0.3, "harm")],
    ),
    "hardness": (
        rules.hardness,
        [(0.31, 0.6, "help"), (0.8, 1.0, "help"), (0.2, 0.4, "open"), (0.1, 0.29, "harm")],
    ),
    "similarity": (
        rules.similarity,
        [
            (0.4, 0.69, "help"),
            (0.31, 0.5, "help"),
            (0.6, 0.8, "open"),
            (0.2, 0.5, "open"),
            (0.85, 0.95, "open"),
            (0.91, 0.99, "harm"),
            (0.01, 0.09, "harm"),
        ],
    ),
    "style": (
        rules.style,
        [
            (0.2, 0.5, "help"),
            (0.5, 0.69, "help"),
            (0.6, 0.8, "open"),
            (0.85, 0.95, "open"),
            (0.91, 1.0, "harm"),
        ],
    ),
    "copies": (rules.repeated, [(0.0, 0.09, "help"), (0.05, 0.2, "open"), (0.11, 0.3, "harm")]),
}


@pytest.mark.parametrize(
    ("name", "low", "high", "says"), [(name, *case) for name, (_, cases) in RULES.items() for case in cases]
)
def test_a_rule_speaks_only_with_its_whole_interval(name: str, low: float, high: float, says: Says) -> None:
    assert RULES[name][0](around(low, high)).says == says


@pytest.mark.parametrize("name", RULES)
def test_what_was_not_measured_speaks_for_nothing(name: str) -> None:
    found = RULES[name][0](NOTHING)
    assert found.says == "open"
    assert "nan" not in found.text


def test_what_tells_the_source_best_is_named_where_it_can_be_told() -> None:
    told = rules.style(around(0.92, 0.98), ("length", 0.03)).text
    assert "an AUC of 0.95 [0.92, 0.98]; most by length, of which synthetic ones have less (AUC 0.03)" in told
    assert "most by" not in rules.style(around(0.4, 0.6), ("length", 0.6)).text


def test_usable_pairs_by_hand() -> None:
    """Wilson: 45 of 50 is [0.79, 0.96], 30 of 50 [0.46, 0.72], 15 of 50 [0.19, 0.44]."""
    assert [rules.usable(count, 50, 0.5).says for count in (45, 30, 15)] == ["help", "open", "harm"]
    assert rules.usable(15, 50, 0.1).says == "help", "the threshold is the mix's own"
    assert (
        "15 of 50 pairs got a usable negative [19%, 44%]; a mix needs 50%" in rules.usable(15, 50, 0.5).text
    )


def test_the_verdict_is_cannot_tell_unless_all_is_well_or_one_thing_is_not() -> None:
    def verdict(*says: Says) -> str:
        return rules.forecast_verdict([Evidence("r", one, NOTHING, "") for one in says])

    assert verdict("help", "help") == "likely to help"
    assert verdict("help", "open") == "cannot tell"
    assert verdict("help", "open", "harm") == "likely to harm"
    assert verdict("open") == verdict() == "cannot tell"
