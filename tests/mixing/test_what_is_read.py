"""Which negatives a strategy needs at all."""

from __future__ import annotations

import pytest

from syneg_cli.mixing.strategies import STRATEGIES


@pytest.mark.parametrize(
    ("strategy", "k", "needs"),
    [
        ("hybrid", 1, (True, True)),
        ("hybrid", 0, (False, False)),
        ("synthetic", 1, (True, False)),
        ("retrieved", 1, (False, True)),
        ("mirror", 1, (True, True)),
        ("mirror", 0, (True, False)),
    ],
)
def test_what_a_strategy_reads(strategy: str, k: int, needs: tuple[bool, bool]) -> None:
    assert STRATEGIES[strategy].reads(k) == needs
