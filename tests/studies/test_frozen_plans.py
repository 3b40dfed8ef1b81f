"""A study's plan once it is frozen: what may change, what is refused, and what is said then."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict, replace

from syneg_cli.studies import read_plan
from tests.conftest import Cli
from tests.studies.conftest import HOME


def test_another_plan_under_the_same_name_is_refused_with_the_difference(ready: Cli) -> None:
    frozen = ready("study", "--plan", "--json")
    assert frozen.code == 0, frozen.err
    assert not (HOME / "results.jsonl").exists(), "nothing is trained"
    assert ready("study", "--plan", "--json").json["hash"] == frozen.json["hash"]
    stored = (HOME / "plan.json").read_bytes()

    other = ready("study", "--set", "train.lr=0.002")
    assert other.code == 2
    assert "arms dense settings train lr: 0.001 -> 0.002" in other.err
    assert "--name" in other.err
    assert "--force" in other.err
    more = ready("study", "--seeds", "3")
    assert more.code == 2
    assert "seeds: [0, 1] -> [0, 1, 2]" in more.err
    assert "`syneg study` goes on by it" in more.err
    wider = ready("study", "--arms", "hybrid,bm25")
    assert wider.code == 2
    assert "arms bm25 is new" in wider.err
    assert (HOME / "plan.json").read_bytes() == stored

    anew = ready("study", "--force", "--plan", "--set", "train.lr=0.002", "--json")
    assert anew.code == 0
    assert (HOME / "before-1/plan.json").read_bytes() == stored, "nothing is lost"
    assert anew.json["hash"] != frozen.json["hash"]


def test_a_plan_of_an_earlier_version_goes_on_where_a_setting_is_new(ready: Cli) -> None:
    """It was so as it is by default; another value is a change."""
    ready("study", "--plan")
    frozen = read_plan(HOME)
    assert frozen is not None
    arms = [json.loads(json.dumps(asdict(arm))) for arm in frozen.plan.arms]
    for arm in arms:
        arm["settings"].get("train", {}).pop("lexical", None)
        arm["sets"].pop("train.lexical", None)
    assert [arm["sets"] for arm in arms] != [arm.sets for arm in frozen.plan.arms], "some say it is off"
    pairs = zip(frozen.plan.arms, arms, strict=True)
    old = [replace(one, settings=arm["settings"], sets=arm["sets"]) for one, arm in pairs]
    replace(frozen, plan=replace(frozen.plan, arms=tuple(old))).write(HOME)
    stored = (HOME / "plan.json").read_bytes()
    assert ready("study", "--plan").code == 0
    other = ready("study", "--set", "train.precision=bf16", "--plan")
    assert other.code == 2
    assert "train precision" in other.err
    assert "lexical" not in other.err
    assert (HOME / "plan.json").read_bytes() == stored


def test_the_command_that_froze_a_plan_is_named_where_another_one_would_change_it(ready: Cli) -> None:
    asked = ("study", "--name", "two words", "--arms", "bm25,dense", "--seeds", "1", "--primary", "bm25")
    assert ready(*asked, "--set", "study.grid_lr=[0.001, 0.002]", "--plan").code == 0
    refused = ready("study", "--name", "two words")
    assert refused.code == 2
    said = " ".join(refused.err.split())
    command = re.search("`(syneg study[^`]*)`", said)
    assert command, said
    again = ready(*shlex.split(command[1])[1:], "--plan", "--json")
    assert again.code == 0, again.err
    assert again.json["plan"]["grid"] == [{"train.lr": 0.001}, {"train.lr": 0.002}]  # type: ignore[index]


def test_a_plan_that_somebody_edited_is_no_plan(ready: Cli) -> None:
    ready("study", "--plan")
    file = HOME / "plan.json"
    text = file.read_text(encoding="utf-8")
    for wrong, says in (
        (text.replace('"primary": "hybrid"', '"primary": "dense"'), "was changed since it was frozen"),
        (text.replace('"primary"', '"first"'), "other fields than study writes"),
        (text[:200], "is no plan of a study"),
    ):
        file.write_text(wrong, encoding="utf-8")
        refused = ready("study")
        assert refused.code == 2
        assert says in refused.err
        assert "--force" in refused.err
