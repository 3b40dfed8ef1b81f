"""Keyword arguments as settings."""

from __future__ import annotations

from typing import Any

import pytest

from syneg_cli.core import UsageError
from syneg_cli.data import DatasetSettings
from syneg_cli.library.arguments import settings_from


@pytest.mark.parametrize("given", [{"train_queries": True}, {"dev_seed": False}, {"dev_fraction": False}])
def test_true_and_false_are_no_numbers(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(given))}: expected a number, not (True|False)"):
        settings_from(DatasetSettings, given)


def test_true_and_false_are_what_they_are_where_they_are_meant() -> None:
    assert settings_from(DatasetSettings, {"disjoint": True, "train_queries": 3}).disjoint
