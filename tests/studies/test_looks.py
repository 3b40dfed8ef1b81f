"""What a sequential study says while it runs."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.studies.comparing import lines
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
