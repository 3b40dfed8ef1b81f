"""Single parts of a study, by hand: the placebo, soups, the budget, order, early stops, and text for LaTeX."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sentence_transformers import SentenceTransformer

from syneg_cli.core import SyntheticNegative, UsageError
from syneg_cli.evaluation import boundaries
from syneg_cli.studies import (
    Arm,
    ArmPlan,
    Beside,
    Rates,
    Row,
    Spent,
    StudyPlan,
    answer,
    average,
    built_in,
    chosen,
    decided_early,
    lines,
    looks,
    outcomes,
    remarks,
    seconds_of,
    shuffled,
    with_soups,
    within,
)
from syneg_cli.studies.tables import _tex


def negative(query: str, document: str, index: int) -> SyntheticNegative:
    text = f"{query} {document} {index}"
    return SyntheticNegative(query, document, index, "", text, "syneg", "m", text, extra={"query": "x"})


@given(
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=3, max_size=8),
    st.integers(0, 5),
    st.randoms(use_true_random=False),
)
def test_the_placebo_is_a_permutation_that_leaves_no_query_its_own(
    counts: list[list[int]], seed: int, rng: random.Random
) -> None:
    """Queries with pairs with numbers of negatives."""
    written = [
        negative(f"q{q}", f"d{d}", index)
        for q, pairs in enumerate(counts)
        for d, count in enumerate(pairs)
        for index in range(1, count + 1)
    ]
    if sum(map(len, counts)) < 2 * max(map(len, counts)):
        with pytest.raises(UsageError):
            shuffled(written, seed)
        return
    made = shuffled(written, seed)
    assert sorted(one.text for one in made) == sorted(one.text for one in written)
    assert {(one.query_id, one.positive_id) for one in made} == {
        (one.query_id, one.positive_id) for one in written
    }
    assert all(one.text.split()[0] != one.query_id for one in made)
    givers = {(one.query_id, one.positive_id, *one.text.split()[:2]) for one in made}
    assert len(givers) == sum(map(len, counts)), "each pair has those of one other pair"
    assert len({one.id for one in made}) == len(made)
    assert not any(one.extra for one in made), "a query of its own belongs to the query it was written for"
    mixed = rng.sample(written, len(written))
    assert {one.id: one.text for one in shuffled(mixed, seed)} == {one.id: one.text for one in made}


def test_a_soup_is_the_mean_of_the_weights(tiny_model: Path, tmp_path: Path) -> None:
    models = []
    for number in range(3):
        model = SentenceTransformer(str(tiny_model), device="cpu")
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.full_like(parameter, 0.01 * number**2))
        model.save(str(tmp_path / str(number)))
        models.append(model.state_dict())
    soup = average([tmp_path / str(number) for number in range(3)]).state_dict()
    for name, value in soup.items():
        if value.is_floating_point():
            by_hand = sum(model[name].double() for model in models) / 3
            assert torch.equal(value, by_hand.float()), name


def test_times_as_people_write_them() -> None:
    assert seconds_of("6h") == 21600
    assert seconds_of("1h30m") == seconds_of("90m") == 5400
    assert seconds_of("1.5 h") == 5400
    assert seconds_of("2d") == 172800
    for wrong in ("", "6", "h", "6 hours and more", "-1h"):
        with pytest.raises(ValueError, match="expected a time"):
            seconds_of(wrong)


def test_a_budget_keeps_the_first_that_fit_with_what_they_need() -> None:
    costs = {"zero": 1.0, "dense": 10.0, "hybrid": 10.0, "more": 12.0, "added": 12.0, "bm25": 9.0}
    needs = {"dense": ["zero"], "hybrid": ["dense"], "added": ["more"], "more": ["dense"], "bm25": ["dense"]}
    assert within(costs, needs, 100) == list(costs)
    assert within(costs, needs, 54) == list(costs)
    assert within(costs, needs, 53.9) == ["zero", "dense", "hybrid", "more", "added"]
    assert within(costs, needs, 33) == ["zero", "dense", "hybrid", "more"]
    assert within(costs, needs, 32.9) == ["zero", "dense", "hybrid", "bm25"]
    assert within(costs, needs, 20.9) == ["zero", "dense", "bm25"]
    assert within({"added": 12.0, "more": 12.0}, {"added": ["more"]}, 23) == ["more"]


def test_the_primary_arm_and_its_controls_come_first_and_soups_after_their_seeds() -> None:
    arms = with_soups(built_in(3), "hybrid")
    found, added = chosen(["sources", "soups", "added"], arms, "hybrid")
    names = [arm.name for arm in found]
    assert names[:3] == ["zero-shot", "dense", "hybrid"]
    assert added == ["dense-more"]
    for arm in found:
        assert all(names.index(other) < names.index(arm.name) for other in arm.after)
    assert {arm.name for arm in chosen(["all"], arms, "hybrid")[0]} == set(arms)


def test_controls_in_a_circle_are_refused() -> None:
    arms = {name: Arm(name, "", ("own",), 1, other) for name, other in (("a", "b"), ("b", "a"))}
    with pytest.raises(UsageError, match="circle"):
        chosen(["a"], arms, "a")


def test_as_many_texts_are_what_a_fair_control_has() -> None:
    own = Spent(10, 80, 3, 4)
    assert own.differs_from(own) == ()
    assert own.differs_from(Spent(10, 80.5, 3, 4)) == (), "a hundredth is rounding"
    assert own.differs_from(Spent(20, 80, 4, 4)) == (
        "optimiser steps: 10, its control 20",
        "negatives an instance: 3, its control 4",
    )


def plan_of(seeds: int, *, sequential: bool = False) -> StudyPlan:
    spent = Spent(1, 1, 1, 0)

    def arm(name: str, control: str | None, makes: str = "trained") -> ArmPlan:
        return ArmPlan(name, "", ("sources",), control, makes, "", False, False, {}, {}, spent)  # type: ignore[arg-type]

    arms = (arm("zero", None, "backbone"), arm("dense", "zero"), arm("good", "dense"), arm("same", "dense"))
    return StudyPlan(
        name="s",
        dataset="d",
        backbone="b",
        split="test",
        metric="ndcg@10",
        inputs={},
        seeds=tuple(range(seeds)),
        grid=(),
        no_grid="",
        primary="good",
        control="dense",
        alpha=0.05,
        margin=0.01,
        looks=looks(seeds, 3, 0.05) if sequential else (),
        unseen=(),
        queries=200,
        arms=arms,
    )


def score_of(value: float) -> float:
    """The nearest score that a metric can have."""
    return min(max(value, 0.0), 1.0)


def results(plan: StudyPlan, seeds: int) -> list[Row]:
    """Good is better by 0.2, same is as dense is but for noise, dense is a little better than zero."""
    rng = random.Random(0)
    base = [0.3 + rng.random() * 0.2 for _ in range(200)]
    found = []
    for name, gain in (("zero", 0.0), ("dense", 0.002), ("good", 0.2), ("same", 0.002)):
        for seed in [None] if name == "zero" else range(seeds):
            noise = random.Random(f"{name} {seed}")
            drawn = [value + gain + noise.gauss(0, 0.1) for value in base]
            scores = {f"q{n}": score_of(value) for n, value in enumerate(drawn)}
            found.append(Row(plan.hash, name, seed, {}, {}, scores))
    return found


def test_an_arm_that_a_look_decides_stops_and_others_go_on() -> None:
    plan = plan_of(5, sequential=True)
    assert [seeds for seeds, _ in plan.looks] == [2, 3, 4, 5]
    assert [p for _, p in plan.looks] == pytest.approx(boundaries([2, 3, 4, 5], alpha=0.05 / 3))
    assert decided_early(plan, results(plan, 1)) == set(), "of one seed nothing is known of seeds"
    assert decided_early(plan, results(plan, 2)) == {"good"}
    # What came later for another reason changes nothing of it.
    assert decided_early(plan, results(plan, 4)) == {"good"}
    assert decided_early(replace(plan, looks=()), results(plan, 2)) == set()


def test_a_stopped_arm_is_compared_with_the_seeds_that_both_have() -> None:
    plan = plan_of(5, sequential=True)
    rows = [row for row in results(plan, 5) if row.arm != "good" or row.seed in (0, 1)]
    found = {line.arm.name: line for line in lines(plan, rows)}
    assert found["good"].stopped
    assert not found["same"].stopped
    against = found["good"].parts["all"].against
    assert against is not None
    assert (against.seeds, against.baseline_seeds, against.p_holm) == (2, 2, None)
    assert found["good"].parts["all"].verdict == "better"
    assert found["dense"].parts["all"].against.baseline_seeds == 0  # type: ignore[union-attr]


def nearly(plan: StudyPlan, seeds: int, gain: float) -> list[Row]:
    """Good is better by so little that its p is below 0.05, and not below what a look of many may spend."""
    noise = random.Random(1)
    more = {f"q{n}": gain + noise.gauss(0, 0.1) for n in range(200)}
    return [
        replace(row, scores={query: score_of(row.scores[query] + more[query] - 0.2) for query in row.scores})
        if row.arm == "good"
        else row
        for row in results(plan, seeds)
    ]


def barely(plan: StudyPlan, seeds: int, low: float, high: float) -> list[Row]:
    """Rows with a p of good between the two."""
    for step in range(400):
        rows = nearly(plan, seeds, step / 4000)
        if low < lines(replace(plan, looks=()), rows)[2].parts["all"].against.p < high:  # type: ignore[union-attr]
            return rows
    raise AssertionError("no such gain")


def test_the_sentence_says_what_the_table_says_also_where_looks_are_spent() -> None:
    plan = plan_of(3, sequential=True)
    rows = barely(plan, 3, plan.looks[-1][1] * 1.2, 0.045)
    found = lines(plan, rows)
    assert found[2].parts["all"].verdict == "undecided"
    assert "nDCG@10 is undecided" in answer(plan, found)


def test_the_difference_that_would_be_seen_is_that_of_what_the_look_may_spend() -> None:
    """By the p of 0.05 it would be one that the table calls undecided."""
    plan = plan_of(3, sequential=True)
    found = lines(plan, barely(plan, 3, plan.looks[-1][1] * 1.2, 0.045))
    against = found[2].parts["all"].against
    assert against is not None
    usual, look = (
        stats.t.isf(p / 2, against.freedom) + stats.t.isf(0.2, against.freedom)
        for p in (0.05, plan.looks[-1][1])
    )
    size = against.detectable * look / usual
    assert f"{size:.3f}" != f"{against.detectable:.3f}"
    assert f"it would have to be about {size:.3f}." in answer(plan, found)


def test_where_all_queries_are_of_one_part_it_is_said() -> None:
    plan = plan_of(2)
    found = lines(plan, results(plan, 2))
    everything = tuple(results(plan, 2)[0].scores)
    told = {
        unseen: remarks(replace(plan, unseen=unseen), found) for unseen in ((), everything[:5], everything)
    }
    seen = "Training saw a positive of every query: of documents that it never saw nothing is measured."
    assert [seen in said for said in told.values()] == [True, False, False]
    none = "Training saw a positive of none of the queries."
    assert [none in said for said in told.values()] == [False, False, True]


def test_of_one_comparison_no_correction_is_told() -> None:
    plan = plan_of(2)
    alone = lines(plan, [row for row in results(plan, 2) if row.arm in ("zero", "dense")])
    assert [line.arm.name for line in alone] == ["zero", "dense"]
    assert not any("Holm" in said for said in remarks(plan, alone))
    assert any("Holm" in said for said in remarks(plan, lines(plan, results(plan, 2))))


def test_before_the_first_look_nothing_is_decided() -> None:
    plan = plan_of(3, sequential=True)
    rows = [row for row in results(plan, 3) if row.seed in (None, 0)]
    found = lines(plan, rows)
    assert {line.parts["all"].verdict for line in found} == {None, "undecided"}
    assert "how large it would have to be is unknown" in answer(plan, found)
    assert "nDCG@10 is undecided" in answer(plan, found)


def test_a_decided_arm_that_ran_on_for_others_says_of_which_seeds_it_speaks() -> None:
    plan = plan_of(5, sequential=True)
    found = lines(plan, results(plan, 5))
    assert "good is compared by the 2 seeds that decided it; its mean is of all 5." in remarks(plan, found)
    assert not any("same is compared by" in told for told in remarks(plan, found))


def test_a_forecast_is_held_against_the_verdict_of_the_tables() -> None:
    plan = plan_of(3)
    rows = barely(plan, 3, 0.026, 0.045)  # alone below 0.05; corrected for three comparisons above
    assert lines(plan, rows)[2].parts["all"].verdict == "undecided"
    settings = {"generate": {"name": "default"}}
    arms = tuple(
        replace(one, name="hybrid", settings=settings) if one.name == "good" else one for one in plan.arms
    )
    plan = replace(plan, arms=arms, primary="hybrid")
    rows = [replace(row, arm="hybrid") if row.arm == "good" else row for row in rows]
    beside = Beside(Rates(1, 1, 1, {}), {}, 0.2, "", {}, pilots={"default": "likely to help"})
    (found,) = outcomes(plan, beside, rows)
    assert (found.found, found.right) == ("undecided", None)


def test_text_for_latex() -> None:
    assert _tex("a_b & 5 % of $x$ {y}~^\\") == (
        r"a\_b \& 5 \% of \$x\$ \{y\}\textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert _tex("[+0.1, +0.2]") == "{}[+0.1, +0.2]", "no option of a line's end"
    assert _tex("< 0.0001") == "$<$ 0.0001"


@pytest.mark.parametrize(
    ("said", "arm", "right"),
    [
        ("likely to help", "good", True),
        ("likely to harm", "good", False),
        ("cannot tell", "good", None),
        ("likely to help", "same", None),
    ],
)
def test_a_pilots_forecast_is_held_against_its_arm(said: str, arm: str, right: bool | None) -> None:
    plan = plan_of(3)
    names = {"good": "hybrid" if arm == "good" else "x", "same": "hybrid" if arm == "same" else "y"}
    settings = {"generate": {"name": "default"}}
    arms = tuple(replace(one, name=names.get(one.name, one.name), settings=settings) for one in plan.arms)
    plan = replace(plan, arms=arms, primary="hybrid")
    rows = [replace(row, arm=names.get(row.arm, row.arm)) for row in results(plan_of(3), 3)]
    beside = Beside(Rates(1, 1, 1, {}), {}, 0.2, "", {}, pilots={"default": said})
    (found,) = outcomes(plan, beside, rows)
    assert (found.arm, found.forecast, found.right) == ("hybrid", said, right)
    assert found.found == ("better" if arm == "good" else found.found)
    assert outcomes(plan, replace(beside, pilots={}), rows) == []
