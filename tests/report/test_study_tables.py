"""Which of a study's tables the page shows."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.core import Workspace
from syneg_cli.report.facts import Facts
from tests.report.test_study_section import page, parted, stored


def test_a_table_whose_arms_are_all_in_another_one_is_shown_once(work: Workspace) -> None:
    plan, rows = parted()
    arms = tuple(
        replace(arm, tables=("sources", "levers") if arm.name == "same" else ("sources",))
        for arm in plan.arms
    )
    study = stored(work, replace(plan, arms=arms), rows)
    assert [table.key for table in study.tables] == ["sources", "levers"], "the files have every one"
    told = page(Facts("tiny", [], studies=[study]))
    assert "Sources of negatives" in told
    assert "Other levers" not in told
