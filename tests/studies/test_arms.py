"""The arms of a study: built in and of one's own, with their controls, and what is said where one lacks something."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from syneg_cli.core import (
    SYNTHETIC,
    NegativeRef,
    NoProgress,
    SyntheticQuery,
    locked,
    read_synthetic,
    write_synthetic_queries,
)
from syneg_cli.forecast import Forecast
from syneg_cli.mixing import check_strategy
from syneg_cli.mixing.strategies import Candidate, Draw, Pools
from syneg_cli.studies import TABLES, built_in, read_plan
from tests.conftest import Cli
from tests.studies.conftest import HOME, rows


def test_what_an_arm_lacks_is_said_before_anything_runs(cli: Cli, here: Path) -> None:
    refused = cli("study")
    assert refused.code == 2
    assert "primary arm hybrid cannot run: there are no synthetic negatives 'default'" in refused.err
    plan = cli("study", "--primary", "dense", "--arms", "all", "--plan", "--json")
    assert plan.code == 0, plan.err
    left_out = dict(plan.json["plan"]["left_out"])  # type: ignore[index]
    assert left_out["hybrid"] == "there are no synthetic negatives 'default': run `syneg generate`"
    assert left_out["llm-queries"] == "there are no LLM-written queries: run `syneg queries`"
    assert left_out["distil"].startswith("no cross-encoder teaches")
    arms = {arm["name"] for arm in plan.json["plan"]["arms"]}  # type: ignore[index]
    assert {"zero-shot", "dense", "bm25", "ance", "adore", "random", "simans"} <= arms
    assert not arms & left_out.keys()


def test_an_arm_is_not_taught_by_a_teacher_who_does_not_count(ready: Cli, here: Path) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[study.define.words]\nset = { "train.lexical" = 5.0 }\n'
            '[study.define.half]\nset = { "train.lexical" = 5.0, "train.distil" = 0.5 }\n'
        )
    study = ("study", "--arms", "distil-bm25,words,half", "--plan", "--json")
    plan = ready(*study, "--set", "train.distil=0")
    assert plan.code == 0, plan.err
    told = "distil = 0 in [train]: no teacher would count"
    assert dict(plan.json["plan"]["left_out"]) == {"distil-bm25": told, "words": told}  # type: ignore[index]
    assert not ready(*study, "--name", "taught").json["plan"]["left_out"]  # type: ignore[index]


def test_looking_early_needs_a_second_seed(ready: Cli) -> None:
    refused = ready("study", "--sequential", "--seeds", "1", "--plan")
    assert refused.code == 2
    assert "--sequential looks from the second seed on, and there is one" in refused.err
    assert not HOME.exists()


def test_a_misspelt_arm_is_told_while_another_study_runs(ready: Cli, here: Path) -> None:
    with locked(here / ".syneg/tiny/locks/study-default.lock", "the other one", NoProgress()):
        refused = ready("study", "--arms", "hybird", "--plan")
    assert refused.code == 2
    assert "hybird" in refused.err


def test_arms_that_could_not_be_mixed_are_named_before_the_plan_is_frozen(cli: Cli, here: Path) -> None:
    assert cli("generate", "--limit", "1", "--name", "few").code == 0
    study = ("study", "--set", "generate.name=few", "--arms", "hybrid,placebo,bm25", "--primary", "hybrid")
    for argv in ((*study, "--plan"), study):
        refused = cli(*argv)
        assert refused.code == 2
        assert "hybrid" in refused.err
        assert "1 of 3 pairs have a usable synthetic negative; 50% needed" in refused.err
        assert "Run `syneg generate --name few` for the rest" in refused.err
        assert "--set mix.need_synthetic=0" in refused.err
        assert "bm25" not in refused.err
        assert not HOME.exists()
    assert cli(*study[:4], "hybrid", "--plan", "--set", "mix.need_synthetic=0.3").code == 0
    alone = ("--arms", "bm25", "--primary", "bm25", "--name", "alone", "--plan")
    assert cli(*study[:3], *alone).code == 0


def test_the_controls_of_an_arm_run_too_and_where_they_are_unequal_it_is_said(ready: Cli) -> None:
    plan = ready("study", "--arms", "added,synthetic", "--plan", "--json")
    assert plan.code == 0, plan.err
    assert "dense-more" in plan.err
    arms = {arm["name"]: arm for arm in plan.json["plan"]["arms"]}  # type: ignore[index]
    assert arms["added"]["control"] == "dense-more"
    assert arms["dense"]["unequal"] == [], "the backbone reads as many tokens"
    assert arms["added"]["unequal"] == [], "as many texts, all but one of the same source"
    assert arms["dense-more"]["unequal"] == [
        "encoded texts a step: 12, its control 10",
        "negatives an instance: 4, its control 3",
    ]
    assert arms["synthetic"]["spent"]["negatives"] == pytest.approx(2)


OWN = """
[study.define.slow]
description = "a tenth of the rate"
set = {{ {0} }}
"""


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ('"train.lrr" = 1e-4', "there is no setting 'train.lrr'. Did you mean 'train.lr'?"),
        ('"train.lr" = -1.0', "[study.define.slow]: train.lr: input should be greater than 0"),
        ('"train.seed" = 3', "an arm cannot set train.seed"),
        ('"dataset.test_fraction" = 0.5', "an arm cannot set dataset.test_fraction"),
        ('"mix.strategy" = "hibrid"', "Did you mean 'hybrid'"),
    ],
)
def test_an_arm_of_ones_own_that_is_wrong(ready: Cli, here: Path, sets: str, says: str) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(OWN.format(sets))
    refused = ready("study", "--arms", "slow", "--plan")
    assert refused.code == 2
    assert says in refused.err


def test_an_arm_of_ones_own_runs_beside_the_others(ready: Cli, here: Path) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(OWN.format('"train.lr" = 1e-4, "mine.depth" = 3'))
    ran = ready("study", "--arms", "slow", "--primary", "slow", "--seeds", "1")
    assert ran.code == 0, ran.err
    assert {row["arm"] for row in rows()} == {"zero-shot", "dense", "slow"}
    mined = sorted((HOME / "mined").rglob("dense.jsonl"))
    assert len(mined) == 2, "it mines with settings of its own"
    assert "## Arms of your own" in (HOME / "tables.md").read_text(encoding="utf-8")


def test_disjoint_training_has_one_part_and_other_pairs(ready: Cli) -> None:
    plan = ready("study", "--arms", "hybrid", "--disjoint", "--plan", "--json")
    assert plan.code == 0, plan.err
    steps = {arm["name"]: arm["spent"]["steps"] for arm in plan.json["plan"]["arms"]}  # type: ignore[index]
    assert steps["hybrid"] == 1, "of three pairs the one with d1 is left out"
    assert plan.json["detectable"].keys() == {"all"}  # type: ignore[attr-defined]


def test_an_arm_that_reads_less_of_a_text_than_the_backbone_is_said_to(ready: Cli) -> None:
    plan = ready("study", "--plan", "--json", "--set", "train.max_length=8")
    assert plan.code == 0, plan.err
    arms = {arm["name"]: arm for arm in plan.json["plan"]["arms"]}  # type: ignore[index]
    assert arms["dense"]["unequal"] == ["tokens of a text: 8, its control as many as it reads"]
    assert arms["hybrid"]["unequal"] == []
    both = ("--set", "train.max_length=8", "--set", "eval.max_length=8")
    alike = ready("study", "--plan", "--force", "--json", *both)
    assert alike.code == 0, alike.err
    assert not any(arm["unequal"] for arm in alike.json["plan"]["arms"])  # type: ignore[index]


def test_written_queries_about_unseen_documents_are_said(ready: Cli, here: Path) -> None:
    file = here / ".syneg/tiny/queries/default.jsonl"
    file.parent.mkdir(parents=True)
    write_synthetic_queries(file, [SyntheticQuery("d5", 1, "is fever mild", "p", "m", "k")])
    plan = ready("study", "--arms", "llm-queries", "--primary", "dense", "--plan", "--json")
    assert plan.code == 0, plan.err
    arm = next(one for one in plan.json["plan"]["arms"] if one["name"] == "llm-queries")  # type: ignore[index]
    assert "its LLM-written queries are about documents of 1 of 2 unseen queries" in arm["unequal"]
    about_data = [line for line in plan.err.splitlines() if "LLM-written quer" in line and "in train" in line]
    assert len(about_data) == 1, "the data set is read again for each arm, and what it is like is said once"


@pytest.mark.slow
def test_every_built_in_arm_runs(ready: Cli, here: Path) -> None:
    shutil.copy(here / ".syneg/tiny/synthetic/default.jsonl", here / ".syneg/tiny/synthetic/other.jsonl")
    negatives = read_synthetic(here / ".syneg/tiny/synthetic/default.jsonl")
    mirror = {
        one.query_id: {"query_id": one.query_id, "negative": 1, "query": "a query"} for one in negatives
    }
    (here / "mirror.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mirror.values()))
    written = here / ".syneg/tiny/queries/default.jsonl"
    written.parent.mkdir(parents=True)
    write_synthetic_queries(written, [SyntheticQuery("d5", 1, "is fever mild", "p", "m", "k")])
    assert ready("verify", "--check", "margin", "--source", "synthetic").code == 0
    ran = ready("study", "--arms", "all", "--seeds", "1", "--set", f"mix.mirror={here / 'mirror.jsonl'}")
    assert ran.code == 0, ran.err
    plan = read_plan(HOME)
    assert plan is not None
    assert dict(plan.plan.left_out).keys() == {"distil"}
    assert {row["arm"] for row in rows()} == {arm.name for arm in plan.plan.arms}
    table = (HOME / "tables.md").read_text(encoding="utf-8")
    for title in TABLES.values():
        assert (f"## {title}" in table) == (title != TABLES["own"])
    tex = (HOME / "tables.tex").read_text(encoding="utf-8")
    assert tex.count(r"\begin{tabular}") == tex.count(r"\end{tabular}") == table.count("| arm | seeds |")


def test_what_a_pilot_forecast_is_frozen_with_the_plan(ready: Cli, here: Path) -> None:
    assert ready("generate", "--pilot", "3").code == 0
    told = Forecast("likely to help", (), 3, {}, {})
    (here / ".syneg/tiny/synthetic/default.pilot.json").write_text(
        json.dumps(told.as_json()), encoding="utf-8"
    )
    ran = ready("study", "--arms", "hybrid", "--seeds", "1", "--json")
    assert ran.code == 0, ran.err
    outcome = ran.json["pilots"][0]  # type: ignore[index]
    assert (outcome["synthetic"], outcome["arm"]) == ("default", "hybrid")
    assert outcome["forecast"] == "likely to help"
    assert outcome["found"] == "undecided", "of three queries"
    assert outcome["right"] is None


@pytest.mark.parametrize(
    ("name", "what"),
    [("soup-hybrid", "arm"), ("soup-dense", "arm"), ("all", "group of arms"), ("levers", "group of arms")],
)
def test_an_arm_of_ones_own_with_a_taken_name(ready: Cli, here: Path, name: str, what: str) -> None:
    """Else the built-in one runs in its place, or the group is no group any more."""
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(f'[study.define.{name}]\nset = {{"train.lr" = 0.01}}\n')
    refused = ready("study", "--arms", name, "--plan")
    assert refused.code == 2
    assert f"[study.define.{name}]: {name} is a built-in {what}." in refused.err


@pytest.mark.parametrize("mined", [0, 1, 3, 15])
def test_one_synthetic_negative_is_added_to_however_many_mined_ones(mined: int) -> None:
    settings = built_in(mined)["added"].settings
    pools = Pools(
        tuple(Candidate(NegativeRef(SYNTHETIC, f"s{i}"), "syneg") for i in range(4)),
        tuple(Candidate(NegativeRef("dense", f"d{i}"), "dense") for i in range(20)),
    )
    strategy = check_strategy(settings["mix.strategy"])
    for seed in range(50):
        k, ratio = settings["mix.negatives"], settings.get("mix.ratio", 1.0)
        drawn = strategy.draw(pools, Draw(k, ratio, random.Random(seed)))
        assert sorted(ref.source for ref in drawn) == ["dense"] * mined + [SYNTHETIC]
