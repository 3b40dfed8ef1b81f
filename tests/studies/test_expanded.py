"""Arms that search an index with LLM-written queries in it: they train nothing of their own."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import Manifest, SyntheticQuery, write_manifest, write_synthetic_queries
from syneg_cli.encoding import Encoder
from syneg_cli.studies import read_plan
from tests.conftest import Cli
from tests.studies.conftest import HOME, rows

ARMS = ("study", "--arms", "expanded,zero-shot-expanded", "--primary", "expanded", "--seeds", "2")


@pytest.fixture
def written(here: Path) -> Path:
    path = here / ".syneg/tiny/queries/default.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {
        "d1": "is bone density raised by pills",
        "d5": "better recall after a night",
        "d6": "apnea in men",
    }
    write_synthetic_queries(path, [SyntheticQuery(d, 1, text, "p", "m", "k") for d, text in texts.items()])
    return path


def test_they_use_the_models_of_their_control(cli: Cli, here: Path, written: Path) -> None:
    ran = cli(*ARMS)
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in (HOME / "models").iterdir()) == ["dense-s0", "dense-s1"]
    found = {(row["arm"], row["seed"]): row for row in rows()}
    assert set(found) == {
        *((arm, None) for arm in ("zero-shot", "zero-shot-expanded")),
        *((arm, seed) for arm in ("dense", "expanded") for seed in (0, 1)),
    }
    frozen = read_plan(HOME)
    assert frozen is not None
    arms = {arm.name: arm for arm in frozen.plan.arms}
    assert (arms["expanded"].of, arms["expanded"].control) == ("dense", "dense")
    assert arms["expanded"].unequal == (), "the same training"
    assert arms["zero-shot-expanded"].control == "zero-shot"
    assert frozen.plan.search.called("m") == "m", "not all arms search so"
    seconds = frozen.beside.seconds
    assert seconds["expanded"] < seconds["dense"], "nothing is trained for it"

    alone: Any = cli("eval", "--backbone", cli_backbone(here), "--expansion", 0.5, "--json").json
    assert found["zero-shot-expanded", None]["metrics"]["ndcg@10"] == alone["metrics"]["ndcg@10"]
    model = HOME / "models" / "dense-s1"
    trained: Any = cli("eval", "--model", model, "--expansion", 0.5, "--baseline", "alone", "--json").json
    assert found["expanded", 1]["metrics"]["ndcg@10"] == pytest.approx(trained["metrics"]["ndcg@10"])
    assert found["dense", 1]["metrics"]["ndcg@10"] == pytest.approx(trained["baseline"]["metrics"]["ndcg@10"])


def cli_backbone(here: Path) -> str:
    """The backbone that the project names."""
    line = next(
        line for line in (here / "syneg.toml").read_text().splitlines() if line.startswith("backbone")
    )
    return line.split('"')[1]


def test_documents_are_encoded_once_for_both(
    cli: Cli, here: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    blocks = Encoder._blocks

    def counted(self: Encoder, job: Any, *rest: Any) -> Any:
        encoded.append(f"{Path(str(self.name)).name} {job.unit}")
        return blocks(self, job, *rest)

    monkeypatch.setattr(Encoder, "_blocks", counted)
    ran = cli(*ARMS, "--arms", "bm25")
    assert ran.code == 0, ran.err
    assert [one for one in encoded if one.endswith("docs") and "dense" in one] == [
        f"dense-s{seed} docs" for seed in (0, 1)
    ]
    assert not (HOME / "embeddings").exists(), "no vectors are left"


def test_what_the_tables_say(cli: Cli, here: Path, written: Path) -> None:
    ran = cli(*ARMS)
    assert ran.code == 0, ran.err
    table = {row["arm"]: row for row in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8"))}
    assert table["expanded"]["control"] == "dense"
    assert table["zero-shot-expanded"]["control"] == "zero-shot"
    text = (HOME / "tables.md").read_text(encoding="utf-8")
    assert "- zero-shot-expanded: the backbone, LLM-written queries in its index" in text
    assert "## Queries, in training or in the index" in text
    assert "## LLM-written queries" not in text, "people asked what is measured"
    assert "one training run" not in text
    again = cli(*ARMS)
    assert again.code == 0
    assert "running" not in again.err


def test_without_written_queries_they_are_left_out(cli: Cli, here: Path) -> None:
    told = "there are no LLM-written queries: run `syneg queries --judged`"
    plan: Any = cli("study", "--arms", "expanded", "--primary", "dense", "--plan", "--json").json
    assert dict(plan["plan"]["left_out"]) == {"expanded": told}
    refused = cli("study", "--primary", "expanded", "--plan")
    assert refused.code == 2
    assert told in refused.err


def test_with_both_kinds_only_the_other_documents_want_some(cli: Cli, here: Path) -> None:
    plan: Any = cli("study", "--arms", "dense-both", "--primary", "dense", "--plan", "--json").json
    assert dict(plan["plan"]["left_out"]) == {
        "dense-both": "there are no LLM-written queries: run `syneg queries`"
    }


def test_an_arm_that_can_be_the_primary_one_is_named(cli: Cli, here: Path) -> None:
    """The default one needs LLM-written negatives, which an index has no use for."""
    study = ("study", "--arms", "zero-shot,dense-both,zero-shot-judged", "--plan")
    refused = cli(*study)
    assert refused.code == 2
    assert "or name another arm with --primary, as in --primary zero-shot-judged." in refused.err
    assert cli(*study, "--primary", "zero-shot-judged").code == 0
    none = cli("study", "--arms", "zero-shot,dense-both", "--plan")
    assert "or name another arm with --primary." in none.err


def test_the_spread_is_that_of_systems_that_search_as_an_arm_does(
    cli: Cli, here: Path, written: Path
) -> None:
    own = ("eval", "--backbone", cli_backbone(here), "--baseline", "none")
    assert cli(*own).code == 0
    assert cli(*own, "--expansion", 0.5).code == 0
    told = " ".join(cli(*ARMS, "--plan").out.split())
    assert "+queriesx0.5, measured before" in told


def test_ones_own_arm_that_sets_the_search_alone_trains_nothing(cli: Cli, here: Path, written: Path) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[study.define.words]\nset = { "eval.lexical" = 0.5 }\n'
            '[study.define.both]\ncontrol = "words"\nset = { "eval.lexical" = 0.5, "eval.expansion" = 0.3 }\n'
        )
    study = ("study", "--arms", "both", "--primary", "both", "--seeds", "1", "--no-keep-models")
    ran = cli(*study)
    assert ran.code == 0, ran.err
    stored = sorted(path.name for path in (HOME / "eval").glob("dense-s0*.trec"))
    assert stored == [
        "dense-s0+bm25x0.5-test.trec",
        "dense-s0+queriesx0.3+bm25x0.5-test.trec",
        "dense-s0-test.trec",
    ]
    refused = cli("study", "--set", "study.define.words.set.eval.split=dev", "--plan")
    assert refused.code == 2


def test_other_queries_are_another_plan(cli: Cli, here: Path, written: Path) -> None:
    assert cli(*ARMS, "--plan").code == 0
    write_synthetic_queries(written, [SyntheticQuery("d5", 1, "another one", "p", "m", "k")])
    refused = cli(*ARMS, "--plan")
    assert refused.code == 2
    assert "inputs LLM-written queries in the index" in refused.err


def test_what_is_chosen_on_dev_is_chosen_once(cli: Cli, here: Path, written: Path) -> None:
    study = ("study", "--arms", "expanded", "--primary", "expanded", "--seeds", "1")
    ran = cli(*study, "--set", "study.grid_lr=[0.001, 0.002]")
    assert ran.code == 0, ran.err
    found = {row["arm"]: row["tried"] for row in rows() if row["seed"] == 0}
    assert found["expanded"] == found["dense"] != {}
    assert {row["arm"] for row in rows(name="trials.jsonl")} == {"dense"}


def test_judged_queries_in_the_index(cli: Cli, here: Path, written: Path) -> None:
    """The same judged queries in the index as in training, with and without LLM-written ones."""
    study = ("study", "--arms", "dense-both,zero-shot-both", "--primary", "zero-shot-judged", "--seeds", "2")
    ran = cli(*study)
    assert ran.code == 0, ran.err
    assert sorted(path.name for path in (HOME / "models").iterdir()) == ["dense-s0", "dense-s1"]
    found = {(row["arm"], row["seed"]): row["metrics"]["ndcg@10"] for row in rows()}
    frozen = read_plan(HOME)
    assert frozen is not None
    controls = {arm.name: arm.control for arm in frozen.plan.arms}
    assert controls == {
        "zero-shot": None,
        "dense": "zero-shot",
        "zero-shot-judged": "dense",
        "zero-shot-both": "zero-shot-judged",
        "dense-judged": "dense",
        "dense-both": "dense-judged",
    }
    assert {role for role in frozen.plan.inputs if "in the index" in role} == {
        "judged queries in the index",
        "judged and LLM-written queries in the index",
    }
    for arm, seed in found:
        source = arm.rpartition("-")[2]
        trained = ("--model", str(HOME / "models" / f"dense-s{seed}"))
        model = ("--backbone", cli_backbone(here)) if seed is None else trained
        share = ("--expansion", 0.5, "--expansion-from", source) if source in ("judged", "both") else ()
        alone: Any = cli("eval", *model, *share, "--baseline", "none", "--json").json
        assert found[arm, seed] == pytest.approx(alone["metrics"]["ndcg@10"]), (arm, seed)
    table = {row["arm"]: row for row in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8"))}
    assert table["zero-shot-judged"]["seeds"] == "0"
    assert cli("report").code == 0
    page = Path(".syneg/tiny/report/report.md").read_text(encoding="utf-8")
    assert "0 seeds" not in page


def test_where_people_judged_nothing_there_is_nothing_for_the_index(
    cli: Cli, here: Path, written: Path
) -> None:
    (here / "tiny/qrels/train.tsv").unlink()
    told = "people judged no training query, so there is none for the index"
    asked = ("study", "--arms", "dense-judged", "--primary", "dense", "--plan", "--json")
    plan: Any = cli(*asked, "--set", "queries.weight=1").json
    assert told in str(plan["plan"]["left_out"])


INDEX_ALONE = """
[study.define.index-alone]
control = "dense"
trained = false
set = { "eval.expansion" = 0.5, "eval.expansion_from" = "both" }
"""


def test_ones_own_arm_may_be_the_backbone_with_another_index(cli: Cli, here: Path, written: Path) -> None:
    project = here / "syneg.toml"
    before = project.read_text(encoding="utf-8")
    project.write_text(before + INDEX_ALONE, encoding="utf-8")
    ran = cli("study", "--arms", "index-alone,zero-shot-both", "--primary", "index-alone", "--seeds", "2")
    assert ran.code == 0, ran.err
    found = {(row["arm"], row["seed"]): row["scores"] for row in rows()}
    assert found["index-alone", None] == found["zero-shot-both", None]
    assert len(list((HOME / "eval").glob("*+bothx0.5-test.json"))) == 1, "measured once"
    table = {row["arm"]: row for row in csv.DictReader((HOME / "tables.csv").open(encoding="utf-8"))}
    assert (table["index-alone"]["control"], table["index-alone"]["seeds"]) == ("dense", "0")
    project.write_text(before + INDEX_ALONE.replace("0.5, ", '0.5, "train.lr" = 1e-5, '), encoding="utf-8")
    refused = cli("study", "--arms", "index-alone", "--primary", "index-alone", "--plan")
    assert refused.code == 2
    assert "trained = false is the backbone as it is, and train.lr is of training" in refused.err


def test_an_arm_says_itself_which_queries_are_in_its_index(cli: Cli, here: Path, written: Path) -> None:
    """Whatever the project names: else `expanded` would be measured with judged ones."""
    cli(*ARMS, "--seeds", "1")
    found = {row["arm"]: row["scores"] for row in rows()}
    project = here / "syneg.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace("[eval]", '[eval]\nexpansion_from = "judged"'), encoding="utf-8")
    ran = cli(*ARMS, "--seeds", "1", "--name", "other")
    assert ran.code == 0, ran.err
    assert "judged training quer" not in ran.err
    other = HOME.parent / "other"
    assert {row["arm"]: row["scores"] for row in rows(other)} == found
    assert sorted(path.name for path in (other / "eval").glob("*x0.5*.trec")) == [
        "dense-s0+queriesx0.5-test.trec",
        "st+queriesx0.5-test.trec",
    ]


def test_a_plan_that_did_not_say_which_goes_on(cli: Cli, here: Path, written: Path) -> None:
    """There were LLM-written ones alone."""
    assert cli(*ARMS, "--plan").code == 0
    frozen = read_plan(HOME)
    assert frozen is not None
    old = [
        replace(arm, sets={key: value for key, value in arm.sets.items() if key != "eval.expansion_from"})
        for arm in frozen.plan.arms
    ]
    assert old != list(frozen.plan.arms)
    replace(frozen, plan=replace(frozen.plan, arms=tuple(old))).write(HOME)
    again = cli(*ARMS, "--plan")
    assert again.code == 0, again.err


@pytest.mark.parametrize("command", [("study", "--plan"), ("run",), ("report",), ("eval",)])
def test_which_queries_without_a_share(cli: Cli, here: Path, command: tuple[str, ...]) -> None:
    refused = cli(*command, "--set", "eval.expansion_from=judged")
    assert refused.code == 2
    assert "the share is 0" in refused.err


def test_ones_own_arm_says_how_much_too(cli: Cli, here: Path, written: Path) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write('[study.define.mine]\nset = { "eval.expansion_from" = "judged" }\n')
    study = ("study", "--arms", "mine", "--primary", "mine", "--seeds", "1", "--plan")
    refused = cli(*study)
    assert refused.code == 2
    assert "[study.define.mine]: eval.expansion_from" in refused.err
    project = here / "syneg.toml"
    text = (
        project.read_text(encoding="utf-8").replace("expansion_from", "expansion").replace('"judged"', "0.4")
    )
    project.write_text(text, encoding="utf-8")
    named = cli(*study, "--name", "named", "--set", "eval.expansion_from=judged", "--json")
    assert named.code == 0, "the arm takes it from the project"
    plan: Any = named.json["plan"]
    assert "judged queries in the index" in plan["inputs"]


def test_judged_queries_that_are_all_asked_are_none(cli: Cli, here: Path, written: Path) -> None:
    file = here / "tiny/queries.jsonl"
    queries = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for query in queries:
        query["text"] = queries[4]["text"] if query["_id"] in ("q1", "q2", "q4") else query["text"]
    file.write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    told = "people judged no training query that is not asked in test, too, so there is none for the index"
    plan: Any = cli("study", "--arms", "dense-judged", "--primary", "dense", "--plan", "--json").json
    assert dict(plan["plan"]["left_out"]) == {"dense-judged": told}


def test_the_plan_says_what_the_queries_in_an_index_cost(cli: Cli, here: Path, written: Path) -> None:
    """They are data of an LLM that an arm reads, as the negatives are."""
    write_manifest(written, Manifest("queries", inputs={}, settings={}, cost_usd=0.5))
    plan: Any = cli(*ARMS, "--plan", "--json").json
    assert plan["paid_usd"] == 0.5
    assert "LLM data that cost $0.5000 are used" in cli(*ARMS, "--plan").out
