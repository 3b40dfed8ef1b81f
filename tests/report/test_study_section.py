"""What the page says of studies and pilots: the study's own words and numbers, as pictures and tables."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from syneg_cli.core import Workspace
from syneg_cli.core.artifacts import Manifest, write_manifest
from syneg_cli.forecast import ABOUT, CAVEAT, Evidence, Forecast, Interval
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Figure, Lead, figures_of, to_html, to_markdown
from syneg_cli.report.results import read_results
from syneg_cli.report.sections import page_of
from syneg_cli.studies import (
    HEADINGS,
    ArmPlan,
    Beside,
    Frozen,
    Rates,
    Row,
    Study,
    StudyPlan,
    answer,
    answers,
    cells,
    read_study,
    remarks,
    write_rows,
)
from tests.conftest import Cli
from tests.report.conftest import add_evaluation, facts_of
from tests.report.test_results import total
from tests.report.test_sections import HIGH, LOW, figure, lead, model
from tests.studies.test_parts import plan_of, results

UNSEEN = tuple(f"q{number}" for number in range(0, 200, 4))


def stored(
    work: Workspace, plan: StudyPlan, rows: Sequence[Row], pilots: dict[str, str] | None = None
) -> Study:
    """A study as it is read again; its rows are of this plan."""
    folder = work.root / work.dataset / "studies" / plan.name
    Frozen(plan, Beside(Rates(1, 1, 1, {}), {}, 0.2, "", {}, pilots=pilots or {})).write(folder)
    write_rows(folder, plan, [replace(row, plan=plan.hash) for row in rows])
    return read_study(folder)


def parted(seeds: int = 3) -> tuple[StudyPlan, list[Row]]:
    """A study whose queries training saw in part."""
    plan = plan_of(seeds)
    return replace(plan, unseen=UNSEEN), results(plan, seeds)


def page(facts: Facts) -> str:
    return to_markdown(page_of(facts)).replace("\\", "")


def drawn(facts: Facts, name: str) -> Figure:
    found = figure(facts, name)
    assert found is not None, [one.name for one in figures_of(page_of(facts))]
    return found


@pytest.fixture
def measured_model(work: Workspace) -> Workspace:
    add_evaluation(work, "minilm", LOW, weights="abc")
    model(work, "h", HIGH)
    return work


def test_the_study_is_the_first_sentence_in_its_own_words(measured_model: Workspace) -> None:
    study = stored(measured_model, *parted())
    facts = facts_of(measured_model, studies=[study])
    what, on_all, *on_parts = answers(study.plan, study.lines)
    assert lead(facts) == f"d, study s, 3 seeds: {what} {on_all}"
    assert "better by 0.2" in lead(facts)
    assert len(on_parts) == 2
    assert " ".join(on_parts) in page(facts)
    assert "h is better than its backbone" in page(facts), "the model is still there"
    rows = drawn(facts, "study-answer").numbers
    assert [row[0] for row in rows.rows] == [  # type: ignore[union-attr]
        "all queries",
        "queries with a document that was a positive in training",
        "queries whose documents training never saw",
    ]


def test_a_model_that_was_asked_for_is_first_and_one_seed_is_no_more_than_one_run(
    measured_model: Workspace,
) -> None:
    study = stored(measured_model, *parted())
    named = facts_of(measured_model, studies=[study], named=True)
    assert lead(named).startswith("On 30 test queries of tiny, h is better")
    assert answer(study.plan, study.lines) in page(named)
    one = stored(measured_model, *parted(1))
    assert lead(facts_of(measured_model, studies=[one])).startswith("On 30 test queries of tiny, h is better")
    alone = Facts("tiny", [], studies=[one])
    assert lead(alone).startswith("d, study s, 1 seed: good against dense.")


def test_every_arm_is_held_against_its_control_on_each_part_of_the_queries(work: Workspace) -> None:
    study = stored(work, *parted())
    facts = Facts("tiny", [], studies=[study])
    for part, queries in (("all", 200), ("unseen", 50), ("seen", 150)):
        found = drawn(facts, f"study-{part}")
        assert f"({queries})" in found.title
        assert found.numbers is not None
        assert list(found.numbers.columns) == list(HEADINGS)  # type: ignore[union-attr]
        told = [cells(line, line.parts[part]) for line in study.lines if line.arm.control]
        assert [tuple(row) for row in found.numbers.rows] == told  # type: ignore[union-attr]
        assert "good − dense (primary)" in found.svg
        assert len(re.findall(r'<circle[^>]*class="better"', found.svg)) == 1, "good alone is better"
        assert len(re.findall(r'<circle[^>]*class="muted"', found.svg)) == 2
    at_zero = {
        re.findall(r'x1="([\d.]+)"[^/]*stroke-dasharray', drawn(facts, f"study-{p}").svg)[0]
        for p in ("all", "seen", "unseen")
    }
    assert len(at_zero) == 1, "one scale, so that the three can be compared"


def test_a_study_that_knows_no_parts_has_one_picture(work: Workspace) -> None:
    facts = Facts("tiny", [], studies=[stored(work, plan_of(2), results(plan_of(2), 2))])
    names = {one.name for one in figures_of(page_of(facts))}
    assert names == {"study-answer", "study-all", "study-seeds"}


def test_of_one_query_there_is_no_interval(work: Workspace) -> None:
    plan, rows = parted()
    study = stored(work, replace(plan, unseen=("q0",)), rows)
    facts = Facts("tiny", [], studies=[study])
    assert not re.search(r"\b(inf|nan)\b", page(facts))
    assert not any(re.search(r"\b(inf|nan)\b", one.svg) for one in figures_of(page_of(facts)))
    assert "with 1 query and 3 seeds; how large it would have to be is unknown." in page(facts)
    assert {row[6] for row in drawn(facts, "study-unseen").numbers.rows} == {"unknown"}  # type: ignore[union-attr]


def test_each_seed_is_a_ring(work: Workspace) -> None:
    study = stored(work, *parted())
    found = drawn(Facts("tiny", [], studies=[study]), "study-seeds")
    assert found.svg.count("hollow") == 3 * 3 + 1
    rows = {row[0]: row for row in found.numbers.rows}  # type: ignore[union-attr]
    for arm in ("zero", "good"):
        for row in study.rows:
            if row.arm == arm:
                assert f"{fmean(row.scores.values()):.4f}" in rows[arm][1]
    assert rows["zero"][3] == "–"
    one = Facts("tiny", [], studies=[stored(work, *parted(1))])
    assert figure(one, "study-seeds") is None


def swept(plan: StudyPlan) -> StudyPlan:
    """dense; hybrid at R 0.7 and τ not set; R-2: at R 2; at τ 0.1 hybrid and dense."""

    def arm(name: str, control: str, tables: tuple[str, ...], ratio: float, tau: float | None) -> ArmPlan:
        strategy = "retrieved" if name.startswith("dense") else "hybrid"
        settings = {"mix": {"strategy": strategy, "ratio": ratio}, "train": {"temperature": tau}}
        return replace(plan.arm("good"), name=name, control=control, tables=tables, settings=settings)

    arms = [
        arm("hybrid", "dense", ("sources",), 0.7, 0.05),
        arm("R-2", "dense", ("sweep-R",), 2.0, 0.05),
        arm("dense-tau-0.1", "dense", ("sweep-tau",), 0.7, 0.1),
        arm("hybrid-tau-0.1", "dense-tau-0.1", ("sweep-tau",), 0.7, 0.1),
    ]
    return replace(plan, arms=(plan.arm("zero"), plan.arm("dense"), *arms), primary="hybrid")


def test_curves_of_ratio_and_temperature_have_the_studys_differences(work: Workspace) -> None:
    plan, rows = parted()
    same = [row for row in rows if row.arm in ("zero", "dense")]
    for name, like in (
        ("hybrid", "good"),
        ("R-2", "same"),
        ("dense-tau-0.1", "same"),
        ("hybrid-tau-0.1", "good"),
    ):
        same += [replace(row, arm=name) for row in rows if row.arm == like]
    study = stored(work, swept(plan), same)
    facts = Facts("tiny", [], studies=[study])
    lines = {line.arm.name: line for line in study.lines}

    def points(name: str) -> list[tuple[str, str, str]]:
        rows = drawn(facts, name).numbers.rows  # type: ignore[union-attr]
        return [(row[0], row[1], row[4]) for row in rows if row[3] == "all queries"]

    def told(arm: str) -> str:
        return cells(lines[arm], lines[arm].parts["all"])[5]

    assert points("study-ratio") == [("0.7", "hybrid", told("hybrid")), ("2", "R-2", told("R-2"))]
    assert points("study-tau") == [
        ("0.05", "hybrid", told("hybrid")),
        ("0.1", "hybrid-tau-0.1", told("hybrid-tau-0.1")),
    ]
    svg = drawn(facts, "study-ratio").svg
    assert svg.count("<polyline") == 2, "all queries, and documents never seen"
    assert svg.count("<circle") == 4


def test_what_is_left_out_is_said_and_why(work: Workspace) -> None:
    plan, rows = parted()
    plan = replace(plan, left_out=(("distil", "no cross-encoder is named"),), dropped=("ance",), budget="6h")
    study = stored(work, plan, rows)
    text = page(Facts("tiny", [], studies=[study]))
    assert "- Left out: distil, as no cross-encoder is named." in text
    assert "- Dropped, as 6h has no time for them: ance." in text
    for remark in remarks(study.plan, study.lines):
        assert remark.split(":")[0].split("(")[0] in text
    begun = stored(work, plan, [row for row in rows if row.arm == "zero"])
    text = page(Facts("tiny", [], studies=[begun]))
    assert "The primary comparison, good against dense, is not measured yet." in text
    assert "Not measured yet: dense, good, same." in text
    assert "corrected for 0" not in text
    assert "study-all" not in {one.name for one in figures_of(page_of(Facts("tiny", [], studies=[begun])))}


def test_two_studies_keep_their_pictures_apart(work: Workspace) -> None:
    plan, rows = parted()
    both = [stored(work, replace(plan, name=name), rows) for name in ("a", "b")]
    facts = Facts("tiny", [], studies=both)
    names = [one.name for one in figures_of(page_of(facts))]
    assert len(names) == len(set(names)) == 9
    text = to_html("t", page_of(facts))
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))


FORECAST = Forecast(
    "likely to help",
    (Evidence("hardness", "help", Interval(0.5, 0.4, 0.6), "harder in 50%"),),
    50,
    {},
    {},
    "dense",
    "minilm",
    ("a note",),
)


def test_a_forecast_is_shown_with_what_it_rests_on_and_how_often_such_came_true(work: Workspace) -> None:
    plan, rows = parted()
    settings = {"generate": {"name": "default"}}
    arms = tuple(
        replace(arm, name="hybrid", settings=settings) if arm.name == "good" else arm for arm in plan.arms
    )
    plan = replace(plan, arms=arms, primary="hybrid")
    rows = [replace(row, arm="hybrid") if row.arm == "good" else row for row in rows]
    study = stored(work, plan, rows, {"default": "likely to help", "other": "likely to harm"})
    text = page(Facts("tiny", [], studies=[study], pilots={"default": FORECAST}))
    assert f"default, from 50 pairs: {ABOUT['likely to help']}." in text
    assert "| hardness | for it | harder in 50% |" in text
    assert "- a note" in text
    assert f"{CAVEAT} Of 1 forecast that the studies below decided, 1 came true." in text
    assert "The pilot of default said 'likely to help'; hybrid against dense is better: it was right." in text
    assert "The pilot of other said 'likely to harm'; no arm of this study that would show it" in text
    assert "foretold" not in page(Facts("tiny", [], studies=[study]))


def test_the_costs_have_a_pilot_and_its_calls_count_once(work: Workspace) -> None:
    by = {"llm": "openai:m", "prompt": "syneg", "endpoint": None}
    judge = {"job": "j", "llm": "openai:judge", "prompt": "judge", **total(0.5)}
    path = work.pilot("default")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(FORECAST.as_json()))
    counts = {"pairs": 50, "negatives": 98, "forecast": FORECAST.as_json(), "judges": [judge]}
    write_manifest(path, Manifest("pilot", {}, by, counts | {"total": total(1.0)}, seconds=60.0))
    (row,) = read_results(work).rows
    assert (row.stage, row.name, row.usd, row.llm) == ("pilot", "default", 1.5, "openai:m")
    assert row.made == "50 pairs, 98 negatives: likely to help"
    whole = work.synthetic("default")
    whole.write_text("{}\n")
    write_manifest(whole, Manifest("generate", {}, by, {"negatives": 400, "total": total(8.0)}))
    pilot, generate = read_results(work).rows
    assert (pilot.usd, generate.usd) == (0.5, 8.0), "the pilot's calls are among those of the whole job"
    assert pilot.counted_with == "generate default"


def test_a_study_alone_makes_a_page_and_a_damaged_one_is_named(cli: Cli, tmp_path: Path) -> None:
    work = Workspace(Path(".syneg"), "d")
    study = stored(work, *parted())
    (work.root / "d" / "studies" / "bad").mkdir()
    (work.root / "d" / "studies" / "bad" / "plan.json").write_text("{}")
    work.pilot("p").parent.mkdir()
    work.pilot("p").write_text("[]")
    ran = cli("report", "d", "--sample", "0")
    assert ran.code == 0, ran.err
    text = Path(".syneg/d/report/report.md").read_text()
    assert answers(study.plan, study.lines)[1].split(" (p")[0] in text
    assert "The study bad is left out" in text
    assert "The pilot of p is left out" in text
    assert "nothing can be said of a gain" not in text
    assert "0 models" not in text + ran.out
    assert f"| studies | {study.plan.name} (" in text
    gone = cli("report", "d", "--model", "x")
    assert gone.code == 2
    assert "No trained model for d" in gone.err


def test_what_training_saw_is_a_bar_for_each_part(work: Workspace) -> None:
    """15 queries that training saw gain 0.5, the 15 others gain nothing but noise."""
    parts: dict[str, Any] = {
        "exposure": {
            "known": True,
            "judged": [f"q{i}" for i in range(15)],
            "written": [],
            "unseen": [f"q{i}" for i in range(15, 30)],
            "documents": 20,
            "seen_documents": 10,
        }
    }
    add_evaluation(work, "minilm", LOW, weights="abc", **parts)
    values = [0.75] * 15 + [0.2, 0.3, 0.25] * 5
    model(work, "h", values)
    from syneg_cli.encoding.loading import weights_hash

    add_evaluation(work, "h", values, weights=weights_hash(str(work.model("h"))), **parts)
    found = drawn(facts_of(work), "seen")
    rows = [list(row) for row in found.numbers.rows]  # type: ignore[union-attr]
    assert [row[:5] for row in rows] == [
        ["h", "seen", "15", "0.7500", "+0.5000"],
        ["h", "never seen", "15", "0.2500", "+0.0000"],
    ]
    assert "h, seen (15)" in found.svg
    assert "h, never seen (15)" in found.svg
    dots = re.findall(r'<circle cx="([\d.]+)"[^>]*class="(\w+)"', found.svg)
    zero = float(re.findall(r'x1="([\d.]+)"[^/]*stroke-dasharray', found.svg)[0])
    (seen, how), (unseen, neither) = dots
    assert (how, neither) == ("better", "muted")
    assert float(seen) > zero
    assert float(unseen) == pytest.approx(zero, abs=0.1)
    assert isinstance(page_of(facts_of(work))[1], Lead)
    model(work, "g", values)
    add_evaluation(work, "g", values, weights=weights_hash(str(work.model("g"))), **parts)
    both = facts_of(work)
    for part in ("seen", "unseen"):
        two = [own[part].comparisons["ndcg@10"] for own in both.parts.values()]
        assert [one.p_holm for one in two] == [min(1.0, 2 * one.p) for one in two]
    assert "corrected for 2 comparisons" in page(both)
