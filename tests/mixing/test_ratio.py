"""The ratio in words: 0.7 : 1 is a share of 0.7 / 1.7."""

from __future__ import annotations

import pytest

from syneg_cli.mixing import asked, reached, reached_share, share_of


def test_ratios_in_words() -> None:
    assert share_of(0.7) == pytest.approx(7 / 17)
    assert (asked(0.7), asked(0), asked(2)) == (
        "0.7 : 1 (41 % synthetic)",
        "0 : 1 (0 % synthetic)",
        "2 : 1 (67 % synthetic)",
    )
    assert reached({"synthetic": 30, "dense": 40, "bm25": 20}) == "0.50 : 1 (33 % synthetic)"
    assert reached({"synthetic": 2}) == "all synthetic"
    assert reached({"dense": 2}) == "0.00 : 1 (0 % synthetic)"
    assert reached({}) == "no negatives but in-batch ones"
    assert reached_share({}) is None
