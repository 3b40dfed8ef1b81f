"""What the arms read is part of the plan: results of two versions of it never meet in one table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.studies.conftest import HOME

OWN = '[study.define.given]\nset = {"mix.file" = "given.jsonl"}\n'


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("dataset.identical_ids=keep", "inputs identical ids is new"),
        ("dataset.language=de", "inputs language is new"),
    ],
)
def test_how_the_data_are_read_is_part_of_the_plan(ready: Cli, setting: str, says: str) -> None:
    assert ready("study", "--plan").code == 0
    other = ready("study", "--plan", "--set", setting)
    assert other.code == 2
    assert says in other.err


def test_a_file_that_an_arm_of_ones_own_names(ready: Cli, here: Path) -> None:
    with (here / "syneg.toml").open("a", encoding="utf-8") as file:
        file.write(OWN)
    row = {"query_id": "q1", "pos": "d1", "neg": ["d2"]}
    (here / "given.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    study = ("study", "--arms", "given", "--plan")
    assert ready(*study).code == 0
    assert ready(*study).code == 0
    (here / "given.jsonl").write_text(json.dumps({**row, "neg": ["d3"]}) + "\n", encoding="utf-8")
    other = ready(*study)
    assert other.code == 2
    assert "inputs negatives given.jsonl" in other.err


def test_verdicts_on_mined_negatives(ready: Cli) -> None:
    assert ready("mine").code == 0
    assert ready("verify", "--check", "margin").code == 0
    study = ("study", "--arms", "hybrid-judged", "--plan")
    assert ready(*study).code == 0
    assert ready("verify", "--check", "margin", "--set", "verify.margin=0", "--source", "dense").code == 0
    other = ready(*study)
    assert other.code == 2
    assert "inputs verdicts on dense, mined" in other.err


def test_a_teacher_that_was_trained_again(ready: Cli, here: Path, tiny_cross_encoder: Path) -> None:
    shutil.copytree(tiny_cross_encoder, here / "teacher")
    study = ("study", "--arms", "distil", "--set", f"train.cross_encoder={here / 'teacher'}", "--plan")
    first = ready(*study)
    assert first.code == 0, first.err
    weights = here / "teacher/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    other = ready(*study)
    assert other.code == 2
    assert "inputs model" in other.err


def test_a_pilot_of_other_negatives_is_no_forecast_of_these(ready: Cli) -> None:
    """It asked for one negative a pair where two are used: with another prompt or model it is the same."""
    assert ready("generate", "--pilot", "3", "--set", "generate.n=1").code == 0
    plan = json.loads(_stored(ready, "other"))
    assert plan["measured"]["pilots"] == {}
    assert ready("generate", "--pilot", "3").code == 0
    plan = json.loads(_stored(ready, "same"))
    assert plan["measured"]["pilots"] == {"default": "cannot tell"}


def _stored(cli: Cli, name: str) -> str:
    assert cli("study", "--plan", "--name", name).code == 0
    return (HOME.parent / name / "plan.json").read_text(encoding="utf-8")


def test_seeds_that_are_too_large_are_said_before_anything_runs(ready: Cli) -> None:
    refused = ready("study", "--seeds", "2", "--set", f"train.seed={2**32 - 1}")
    assert refused.code == 2
    assert "--seeds 2" in refused.err
    assert "4294967296" in refused.err
    assert not HOME.exists()
