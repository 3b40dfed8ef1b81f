"""Which of a study's tables the page shows, and which of several studies it begins with."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.core import Workspace
from syneg_cli.report.facts import Facts
from tests.evaluation.test_result_scripts import run
from tests.report.test_sections import lead
from tests.report.test_study_section import page, parted, stored
from tests.studies.test_parts import plan_of, results


def test_a_table_whose_arms_are_all_in_another_one_is_shown_once(work: Workspace) -> None:
    plan, rows = parted()
    arms = tuple(
        replace(arm, tables=("levers", "sources") if arm.name == "same" else ("sources",))
        for arm in plan.arms
    )
    study = stored(work, replace(plan, arms=arms), rows)
    assert [table.key for table in study.tables] == ["sources", "levers"], "the files have every one"
    told = page(Facts("tiny", [], studies=[study]))
    assert "Sources of negatives" in told
    assert "Other levers" not in told


def test_a_table_that_has_no_arm_of_its_own_is_none(work: Workspace) -> None:
    """What arms are compared with is in their table, too; without them it says nothing more than its own."""
    plan, rows = parted()
    study = stored(
        work,
        replace(plan, arms=tuple(replace(arm, tables=("sources", "levers")) for arm in plan.arms)),
        rows,
    )
    assert [table.key for table in study.tables] == ["sources"]


def test_of_studies_with_as_many_seeds_the_newest_is_the_first_sentence(work: Workspace) -> None:
    """Not the first by its name; and what is not trained has all the seeds that it could have."""
    plan, rows = parted()
    untrained = replace(plan, name="z", primary="zero-judged", control="zero")
    judged = replace(plan.arm("zero"), name="zero-judged", control="zero")
    more = [replace(row, arm="zero-judged") for row in rows if row.arm == "zero"]
    older = stored(work, replace(plan, name="a"), rows)
    newer = stored(work, replace(untrained, arms=(*plan.arms, judged)), [*rows, *more])
    few = stored(work, *(parted(2)))
    for age, study in enumerate((few, newer, older)):
        file = Path(study.folder) / "results.jsonl"
        os.utime(file, (10_000 - age, 10_000 - age))
    facts = Facts("tiny", [], studies=[older, few, newer])
    assert lead(facts).startswith("d, study z: zero-judged against zero.")


def test_splits_count_each_query_once(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two splits that share three of five queries, by hand."""
    plan = replace(plan_of(1), queries=4)
    folders = []
    for name, queries in (("a", "wxyz"), ("b", "vwxy")):
        rows = [row for row in results(plan, 1) if row.arm in ("dense", "good")]
        values = {"dense": 0.25, "good": 0.5 if name == "a" else 0.75}
        kept = [replace(row, scores=dict.fromkeys(queries, values[row.arm])) for row in rows]
        folders.append(stored(work, replace(plan, name=name), kept).folder)
    run(monkeypatch, "resplits.py", *folders, "--of", "good", "--against", "dense")
    # z 0.5; w, x and y the mean of 0.5 and 0.75; v 0.75.
    told = capsys.readouterr().out
    assert told.startswith("0.6250 to 0.2500: +0.3750 ["), told
    assert re.search(r", 5 queries$", told)
