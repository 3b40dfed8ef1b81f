"""What the arms read is part of the plan: results of two versions of it never meet in one table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from syneg_cli.core import UsageError
from syneg_cli.stages import Session, resolve, run_study
from tests.conftest import Cli, write_dataset
from tests.studies.conftest import HOME, QRELS, QUERIES, rows

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


def test_which_passages_are_negatives_is_part_of_it_where_documents_were_cut(cli: Cli, here: Path) -> None:
    corpus = here / "tiny" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace('"d1"', '"d#1"').replace('"d2"', '"d#2"'), encoding="utf-8")
    for qrels in (here / "tiny" / "qrels").iterdir():
        qrels.write_text(qrels.read_text().replace("d1", "d#1").replace("d2", "d#2"), encoding="utf-8")
    study = ("study", "--arms", "dense", "--primary", "dense", "--plan")
    assert cli(*study).code == 0
    other = cli(*study, "--set", "dataset.same_document=none")
    assert other.code == 2
    assert "inputs same document" in other.err


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


def test_a_run_of_data_that_changed_meanwhile_is_not_kept(ready: Cli, here: Path) -> None:
    """The plan names the data of all rows, so what was measured of others is none of its rows."""
    file = Path(".syneg/tiny/synthetic/default.jsonl")
    before = file.read_text(encoding="utf-8")
    session = Session(resolve(file=here / "syneg.toml", environ={}))
    half = "".join(before.splitlines(keepends=True)[::2])

    def change(frozen: object) -> None:
        file.write_text(half, encoding="utf-8")

    with pytest.raises(UsageError, match="changed while it ran: synthetic negatives default"):
        run_study(session, frozen_now=change)
    assert not (HOME / "results.jsonl").exists()
    refused = ready("study")
    assert refused.code == 2
    assert "inputs synthetic negatives default" in refused.err
    file.write_text(before, encoding="utf-8")
    assert ready("study").code == 0
    assert len(rows()) == 5


def test_scores_that_somebody_touched_are_no_result(ready: Cli) -> None:
    study = ("study", "--arms", "dense", "--primary", "dense", "--seeds", "1")
    assert ready(*study).code == 0
    tables = (HOME / "tables.csv").read_bytes()
    row, other = rows()
    other["scores"]["q5"] = 0.875
    (HOME / "results.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(other) + "\n", encoding="utf-8")
    touched = ready(*study)
    assert touched.code == 2
    assert "results.jsonl, row 2: scores whose mean is not its ndcg@10" in touched.err
    assert (HOME / "tables.csv").read_bytes() == tables


def test_a_placebo_that_cannot_be_shuffled_is_left_out_before_anything_runs(cli: Cli, here: Path) -> None:
    """Else it ends a study in the middle, and no arm after it is ever run."""
    write_dataset(here / "tiny", queries=QUERIES, qrels={**QRELS, "train": QRELS["train"][:1]})
    assert cli("generate").code == 0
    planned = cli("study", "--arms", "placebo,bm25", "--seeds", "1", "--plan", "--json")
    assert planned.code == 0, planned.err
    plan = planned.json["plan"]
    assert isinstance(plan, dict)
    assert "placebo" not in [arm["name"] for arm in plan["arms"]]
    ((name, why),) = plan["left_out"]
    assert name == "placebo"
    assert "more than half of the pairs" in why
    primary = cli("study", "--name", "p", "--arms", "placebo", "--primary", "placebo", "--plan")
    assert primary.code == 2
    assert "The primary arm placebo cannot run: one query has more than half" in primary.err
