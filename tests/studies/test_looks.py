"""What a sequential study says while it runs, and what its table for programs does."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from syneg_cli.studies.comparing import lines
from syneg_cli.studies.tables import comma_separated
from tests.studies.test_parts import plan_of, results


def test_what_is_not_trained_waits_for_the_seeds_of_its_control() -> None:
    """It has no seed, and its control has one so far: of how far seeds are apart nothing is known yet."""
    plan = plan_of(5, sequential=True)
    ready = replace(plan.arm("good"), makes="backbone")
    plan = replace(plan, arms=tuple(ready if arm.name == "good" else arm for arm in plan.arms))
    words, alphas = {}, {}
    for seeds in (1, 2, 5):
        rows = [row for row in results(plan, seeds) if row.arm != "good" or row.seed == 0]
        rows = [replace(row, seed=None) if row.arm == "good" else row for row in rows]
        line = next(line for line in lines(plan, rows) if line.arm.name == "good")
        words[seeds], alphas[seeds] = line.parts["all"].verdict, line.alpha
    assert words == {1: "undecided", 2: "better", 5: "better"}
    assert alphas == {1: 0.0, 2: plan.looks[0][1], 5: plan.looks[-1][1]}


@pytest.mark.parametrize("sequential", [False, True])
def test_every_verdict_follows_from_the_columns_beside_it(sequential: bool) -> None:
    plan = plan_of(5, sequential=sequential)
    rows = results(plan, 5)
    middle = dict.fromkeys(rows[0].scores, 0.5)
    alike = [replace(row, scores=middle) if row.arm in ("dense", "same") else row for row in rows]
    words = set()
    for found in (lines(replace(plan, margin=0.04), rows), lines(replace(plan, margin=0.04), alike)):
        for row in csv.DictReader(io.StringIO(comma_separated(plan, found))):
            if not row["control"]:
                assert (row["verdict"], row["alpha"], row["freedom"]) == ("", "", "")
                continue
            different, equivalent = (
                float(row[f"{name}_holm"] or row[name]) for name in ("p", "p_equivalence")
            )
            word = "equivalent" if equivalent < float(row["alpha"]) else "undecided"
            if different < float(row["alpha"]):
                word = "better" if float(row["difference"]) > 0 else "worse"
            assert row["verdict"] == word, row
            words.add(word)
    assert {"better", "equivalent"} <= words
