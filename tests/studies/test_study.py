"""`syneg study` as a user runs it: the frozen plan, trials on dev, tables, early stops, what is refused."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import jsonschema
import pytest
from scipy import stats

from syneg_cli.core import duration
from syneg_cli.stages.study_plan import affordable
from syneg_cli.stages.study_rates import forecast
from syneg_cli.studies import Rates, limits, read_plan
from tests.conftest import DOCS, Cli, write_dataset
from tests.json_shapes import schema
from tests.studies.conftest import HOME, QRELS, QUERIES, rows


def test_every_number_of_the_tables_is_one_of_the_scores(ready: Cli) -> None:
    ran = ready("study", "--arms", "dense,hybrid,bm25", "--json")
    assert ran.code == 0, ran.err
    found = {(row["arm"], row["seed"]): row for row in rows()}
    assert set(found) == {("zero-shot", None)} | {
        (arm, seed) for arm in ("dense", "hybrid", "bm25") for seed in (0, 1)
    }
    assert {row["plan"] for row in rows()} == {ran.json["hash"]}
    queries = {"all": ["q5", "q6", "q7"], "seen": ["q5"], "unseen": ["q6", "q7"]}
    table = list(csv.DictReader((HOME / "tables.csv").open(encoding="utf-8")))
    assert len(table) == 4 * 3

    def means(arm: str, part: str) -> list[float]:
        own = [row for (name, _), row in found.items() if name == arm]
        return [fmean(row["scores"][query] for query in queries[part]) for row in own]

    for line in table:
        own = means(line["arm"], line["part"])
        assert float(line["mean"]) == pytest.approx(fmean(own))
        assert int(line["queries"]) == len(queries[line["part"]])
        assert line["sd"] == "" if len(own) == 1 else float(line["sd"]) == pytest.approx(stdev(own))
        if line["control"]:
            difference = fmean(own) - fmean(means(line["control"], line["part"]))
            assert float(line["difference"]) == pytest.approx(difference, abs=1e-12)
    for part in queries:
        tested = {line["arm"]: line for line in table if line["part"] == part and line["p"]}
        raw = sorted(tested, key=lambda arm: float(tested[arm]["p"]))
        highest = 0.0
        for place, arm in enumerate(raw):
            highest = max(highest, min(1.0, float(tested[arm]["p"]) * (len(raw) - place)))
            assert float(tested[arm]["p_holm"]) == pytest.approx(highest)


def test_a_mean_difference_is_tested_over_queries_and_seeds(ready: Cli) -> None:
    """One arm against the backbone by hand: the paired t of the queries, where seeds do not differ."""
    ready("study", "--primary", "dense", "--arms", "dense", "--seeds", "1", "--set", "train.lr=0.05")
    found = {row["arm"]: row["scores"] for row in rows()}
    line = next(
        one
        for one in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8"))
        if one["arm"] == "dense" and one["part"] == "all"
    )
    deltas = [found["dense"][query] - found["zero-shot"][query] for query in ("q5", "q6", "q7")]
    assert any(deltas)
    assert float(line["p"]) == pytest.approx(stats.ttest_1samp(deltas, 0).pvalue)
    assert line["p_holm"] == "", "one comparison alone has no family"


def test_the_time_left_goes_by_trained_arms_and_not_by_a_backbone_that_was_measured(ready: Cli) -> None:
    planned = ready("study", "--plan")
    assert "the same command without --plan" in planned.err
    foreseen: Any = ready("study", "--plan", "--json").json["seconds_by_arm"]
    left = duration(sum(seconds for arm, seconds in foreseen.items() if arm != "zero-shot"))
    ran = ready("study")
    assert f"study: run 2 of 5: dense, seed 0; about {left} left" in ran.err
    assert "without --plan" not in ran.err


def test_results_that_are_of_another_plan_are_not_mixed_in(ready: Cli) -> None:
    assert ready("study", "--arms", "dense", "--seeds", "1").code == 0
    file = HOME / "results.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text(lines[0] + "\n" + lines[1].replace(rows()[0]["plan"], "0123") + "\n", encoding="utf-8")
    refused = ready("study", "--arms", "dense", "--seeds", "1")
    assert refused.code == 2
    assert "results.jsonl, row 2 is of another plan (0123)" in refused.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[0]["scores"].pop("q5"), "row 1: other queries than the 3 of the plan"),
        (lambda lines: lines[1]["scores"].pop("q6"), "row 2: other queries than the 3 of the plan"),
        (lambda lines: lines.append(lines[1]), "row 3: the same run twice"),
        (lambda lines: lines[1].update(seed=7), "row 2: a run of dense that the plan has not (seed 7)"),
        (lambda lines: lines[1].update(arm="other"), "row 2: an arm that the plan has not (other)"),
        (lambda lines: lines[1]["scores"].update(q5=7.5), "row 2: other fields than study writes"),
        (lambda lines: lines[1]["metrics"].update({"mrr@10": -1}), "row 2: other fields than study writes"),
    ],
)
def test_results_that_were_damaged_make_no_table(
    ready: Cli, change: Callable[[list[dict[str, Any]]], object], says: str
) -> None:
    study = ("study", "--arms", "dense", "--primary", "dense", "--seeds", "1")
    assert ready(*study).code == 0
    lines = rows()
    change(lines)
    (HOME / "results.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    refused = ready(*study)
    assert refused.code == 2
    assert says in refused.err


def test_every_arm_has_the_same_trials_on_dev_and_takes_the_best(ready: Cli) -> None:
    ran = ready("study", "--arms", "hybrid", "--grid-lr", "1e-3", "--grid-lr", "0.05", "--json")
    assert ran.code == 0, ran.err
    trials = rows(name="trials.jsonl")
    assert [one["arm"] for one in trials] == ["dense"] * 2 + ["hybrid"] * 2
    assert {arm["spent"]["trials"] for arm in ran.json["plan"]["arms"] if arm["control"]} == {2}  # type: ignore[index]
    for arm in ("dense", "hybrid"):
        own = [one for one in trials if one["arm"] == arm]
        best = max(own, key=lambda one: one["score"])["tried"]
        assert [row["tried"] for row in rows() if row["arm"] == arm] == [best, best]
    models = {folder.name for folder in (HOME / "models").iterdir()}
    assert len(models) == 4, "what lost on dev is gone"
    assert not any(row["scores"].keys() != {"q5", "q6", "q7"} for row in rows())


def test_without_dev_queries_nothing_is_chosen_and_it_is_said(ready: Cli, here: Path) -> None:
    (here / "tiny/qrels/dev.tsv").unlink()
    ran = ready("study", "--plan", "--grid-lr", "1e-3", "--set", "dataset.dev_fraction=0")
    assert ran.code == 0, ran.err
    assert "tiny has no dev queries, so the grid is not used" in ran.out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--arms", "hybird"), "There is no arm 'hybird'. Did you mean 'hybrid'?"),
        (("--primary", "zero-shot"), "zero-shot is compared with nothing"),
        (("--budget", "soon"), "--budget: expected a time, as 6h, 90m or 1h30m, not 'soon'"),
        (("--budget", "0.0001s"), "--budget 0.0001s: hybrid and what it is compared with take about 1m"),
        (("--seeds", "0"), "--seeds: input should be greater than or equal to 1"),
        (("--set", "train.kind=cross-encoder"), "A study compares retrievers."),
    ],
)
def test_wrong_use_is_said_in_a_line(ready: Cli, argv: tuple[str, ...], says: str) -> None:
    refused = ready("study", *argv)
    assert refused.code == 2
    assert says in refused.err
    assert not HOME.exists()


def test_the_projects_own_results_are_apart(ready: Cli) -> None:
    assert ready("study", "--arms", "placebo,soups", "--seeds", "2").code == 0
    work = HOME.parents[1]
    assert {path.name for path in work.iterdir()} == {"synthetic", "studies", "dataset.json"}
    stages: Any = ready("status", "--json").json["stages"]
    assert [one["stage"] for one in stages if one["state"] in ("up to date", "done")] == ["generate", "study"]
    assert not (HOME / "embeddings").exists(), "vectors of trained models are of no use any more"
    assert {"soup-hybrid", "soup-dense"} <= {row["arm"] for row in rows()}
    again = ready("study", "--arms", "placebo,soups", "--seeds", "2")
    assert "train: running" not in again.err
    assert again.code == 0


def test_there_are_tables_after_each_seed_also_where_soups_come_at_last(
    ready: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def say(self: Any, arm: Any, seed: int | None) -> None:
        if seed == 1 and arm.name == "dense":
            assert "| hybrid | 1 |" in (HOME / "tables.md").read_text(encoding="utf-8")
        if arm.makes == "soup":
            raise KeyboardInterrupt

    monkeypatch.setattr("syneg_cli.stages.study._Progress._say", say)
    assert ready("study", "--arms", "soups", "--seeds", "2").code == 130
    assert "| hybrid | 2 |" in (HOME / "tables.md").read_text(encoding="utf-8")


def test_a_query_encoder_alone_uses_the_backbones_vectors(ready: Cli) -> None:
    with Path("syneg.toml").open("a", encoding="utf-8") as file:
        file.write("""primary = "asking"
[study.define.asking]
control = "zero-shot"
set = { "train.refresh" = "adore" }
""")
    HOME.mkdir(parents=True)
    (HOME / "embeddings").write_text("where vectors of trained models would go", encoding="utf-8")
    ran = ready("study", "--arms", "asking", "--seeds", "2")
    assert ran.code == 0, ran.err
    assert [row["seed"] for row in rows() if row["arm"] == "asking"] == [0, 1]
    kept: Any = ready("cache", "embeddings", "--json").json["entries"]
    assert kept
    assert not [entry for entry in kept if HOME.name in str(entry["model"])], "nor are their queries kept"


def test_models_go_where_they_are_not_kept(ready: Cli) -> None:
    assert ready("study", "--arms", "hybrid", "--no-keep-models").code == 0
    assert not list((HOME / "models").iterdir())
    table = (HOME / "tables.md").read_bytes()
    again = ready("study", "--arms", "hybrid", "--no-keep-models")
    assert "train: running" not in again.err
    assert (HOME / "tables.md").read_bytes() == table


@pytest.mark.parametrize(("argv", "heading"), [(("--plan",), "study"), ((), "study, run")])
def test_json_has_the_shape_that_is_described(ready: Cli, argv: tuple[str, ...], heading: str) -> None:
    printed = ready("study", "--arms", "hybrid", *argv, "--json")
    assert printed.code == 0, printed.err
    assert printed.out.count("\n") == 1
    jsonschema.validate(printed.json, schema(heading))


def test_what_a_look_has_decided_is_not_run_again(ready: Cli, here: Path) -> None:
    """Two seeds are there as an interrupted study left them; by these hybrid is decided, and bm25 is not."""
    more = {f"t{number}": text for number, (_, text) in enumerate([*DOCS.values()] * 7)}
    qrels = {**QRELS, "test": [(query, f"d{1 + n % len(DOCS)}", 1) for n, query in enumerate(more)]}
    write_dataset(here / "tiny", queries={**QUERIES, **more}, qrels=qrels)
    study = ("study", "--arms", "hybrid,bm25", "--seeds", "3", "--sequential")
    plan = ready(*study, "--plan", "--json")
    assert [seeds for seeds, _ in plan.json["plan"]["looks"]] == [2, 3]  # type: ignore[index]

    gains = {"zero-shot": 0.0, "dense": 0.0, "hybrid": 0.3, "bm25": 0.0}
    left = []
    for seed in (0, 1):
        for arm, gain in gains.items():
            if arm == "zero-shot" and seed:
                continue
            noise = random.Random(f"{arm} {seed}")
            scores = {query: 0.3 + gain + noise.random() / 4 for query in more}
            own = None if arm == "zero-shot" else seed
            row = {"plan": plan.json["hash"], "arm": arm, "seed": own, "tried": {}, "metrics": {}}
            left.append(json.dumps({**row, "scores": scores, "steps": None, "negatives": None}) + "\n")
    (HOME / "results.jsonl").write_text("".join(left), encoding="utf-8")

    ran = ready(*study)
    assert ran.code == 0, ran.err
    assert [row["arm"] for row in rows() if row["seed"] == 2] == ["dense", "bm25"]
    table = (HOME / "tables.md").read_text(encoding="utf-8")
    line = next(one for one in table.splitlines() if one.startswith("| hybrid | 2 |"))
    assert line.endswith("| better (stopped) |")
    assert "An arm is decided, and stops, by a p below" in table


def test_what_the_budget_has_no_time_for_is_named(ready: Cli) -> None:
    """The forecast of the arms is measured, so the budget that one of them does not fit is made of it."""
    first = ready("study", "--arms", "hybrid", "--plan", "--json", "--name", "a")
    needed = sum(first.json["seconds_by_arm"].values())  # type: ignore[attr-defined]
    budget = f"{needed * 1.01:.4f}s"
    again = ready("study", "--arms", "hybrid,R-0.2", "--name", "b", "--budget", "1d", "--plan", "--json")
    assert again.json["plan"]["dropped"] == []  # type: ignore[index]
    stored = json.loads(Path(".syneg/tiny/studies/a/plan.json").read_text(encoding="utf-8"))
    frozen = read_plan(Path(".syneg/tiny/studies/b"))
    assert frozen is not None
    rates = Rates(**stored["measured"]["rates"])
    plan = affordable(replace(frozen.plan, budget=budget), forecast(frozen.plan, rates))
    assert [arm.name for arm in plan.arms] == ["zero-shot", "dense", "hybrid"]
    assert plan.dropped == ("R-0.2",)
    assert f"Dropped, as {budget} has no time for them: R-0.2." in limits(plan)


def test_the_forecast_counts_the_corpus_for_each_model_that_encodes_it(ready: Cli) -> None:
    ready("study", "--arms", "dense,adore", "--seeds", "2", "--plan")
    frozen = read_plan(HOME)
    assert frozen is not None
    rates = Rates(1.0, 0.0, 1000, {"test": 3}, 0)  # training takes no time, a text a second
    seconds = forecast(frozen.plan, rates)
    assert {arm: seconds[arm] for arm in ("zero-shot", "dense", "adore")} == {
        "zero-shot": 1003,
        "dense": 2 * 1003,
        "adore": 2 * 3,
    }


def test_a_finished_study_shows_its_tables_once_and_no_plan(ready: Cli) -> None:
    first = ready("study")
    again = ready("study")
    assert "Forecast: " in first.out
    assert "Forecast: " not in again.out
    assert again.out.count("Sources of negatives: all queries") == 1
    assert "How both kinds are mixed" not in again.out, "it has no arm but those of the sources"
    assert "How both kinds are mixed" not in (HOME / "tables.md").read_text(encoding="utf-8")
    wider = ready("study", "--name", "wider", "--arms", "hybrid,direct", "--seeds", "1")
    assert "How both kinds are mixed: all queries" in wider.out
    assert "Sources of negatives" not in wider.out, "each of its arms is in the table after it"
    assert "Sources of negatives" in Path(".syneg/tiny/studies/wider/tables.md").read_text(encoding="utf-8")
