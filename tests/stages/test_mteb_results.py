"""eval --format mteb: files as mteb's TaskResult and ResultCache have them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import Cli, write_dataset

NUMBER = {"type": "number"}
SCORES = {
    "type": "object",
    "required": ["main_score", "hf_subset", "languages", "ndcg_at_10"],
    "properties": {"hf_subset": {"const": "default"}, "languages": {"type": "array"}},
    "patternProperties": {"^(ndcg|map|recall|mrr|precision|hit_rate|judged)_at_[0-9]+$|main_score": NUMBER},
    "additionalProperties": False,
}
TASK_RESULT = {
    "type": "object",
    "required": ["dataset_revision", "task_name", "mteb_version", "scores", "evaluation_time"],
    "properties": {
        "dataset_revision": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
        "task_name": {"type": "string"},
        "mteb_version": {"type": "null"},
        "scores": {"type": "object", "additionalProperties": {"type": "array", "items": SCORES}},
        "evaluation_time": NUMBER,
        "kg_co2_emissions": {"type": "null"},
        "date": NUMBER,
    },
    "additionalProperties": False,
}
"""What mteb.TaskResult (2.26) asks for when it reads a file."""


def written(folder: str = "results") -> dict[str, Any]:
    files = sorted(Path(folder).glob("*/*/*.json"))
    results = {}
    for path in files:
        assert (path.parent / "model_meta.json").is_file()
        if path.name != "model_meta.json":
            results[f"{path.parent.parent.name}/{path.stem}"] = json.loads(path.read_text(encoding="utf-8"))
    for result in results.values():
        jsonschema.validate(result, TASK_RESULT)
    return results


@pytest.fixture
def scifact(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "scifact")


def test_files_that_mteb_reads(cli: Cli, scifact: Path, tiny: Path, tiny_model: Path) -> None:
    asked = ("eval", scifact, tiny, "--model", "bm25", "--model", tiny_model, "--format", "mteb")
    result = cli(*asked, "--metrics", "P@3,Success@1,Judged@10,nDCG@10")
    assert result.code == 0, result.err
    assert "for mteb: results/" in result.out
    found = written()
    assert sorted(found) == ["bm25/SciFact", "bm25/tiny", "st/SciFact", "st/tiny"]
    (scores,) = found["st/SciFact"]["scores"]["test"]
    assert scores["main_score"] == scores["ndcg_at_10"]
    assert {"precision_at_3", "hit_rate_at_1", "judged_at_10", "mrr_at_10", "recall_at_100"} <= scores.keys()
    assert scores["languages"] == ["eng-Latn"]
    assert found["st/tiny"]["scores"]["test"][0]["languages"] == ["und-Zyyy"]
    for path in Path("results").glob("st/*/model_meta.json"):
        assert json.loads(path.read_text())["revision"] == path.parent.name


def test_a_data_set_that_is_mtebs_own_keeps_the_name_of_its_task(cli: Cli, tmp_path: Path) -> None:
    folders = [write_dataset(tmp_path / name) for name in ("mteb--SciFact", "hub--mteb--fiqa")]
    done = cli("eval", *folders, "--model", "bm25", "--format", "mteb", "--output", "out")
    assert done.code == 0, done.err
    assert sorted(written("out")) == ["bm25/FiQA2018", "bm25/SciFact"]


def test_splits_come_together_and_other_files_stay(cli: Cli, scifact: Path) -> None:
    asked = ("eval", scifact, "--model", "bm25", "--format", "mteb", "--output", "out")
    dev = ("--split", "dev", "--set", "dataset.dev_fraction=0.67")
    for options in ((), dev):
        done = cli(*asked, *options)
        assert done.code == 0, done.err
    assert set(written("out")["bm25/SciFact"]["scores"]) == {"test", "dev"}
    (path,) = Path("out").glob("*/*/SciFact.json")
    path.write_text("[]")
    refused = cli(*asked)
    assert refused.code == 2
    assert "no result of mteb's" in refused.err
    assert path.read_text() == "[]"


def test_output_is_for_a_format(cli: Cli, scifact: Path) -> None:
    refused = cli("eval", scifact, "--model", "bm25", "--output", "x")
    assert refused.code == 2
    assert "--format mteb" in refused.err


@pytest.mark.skipif(importlib.util.find_spec("mteb") is None, reason="mteb is not installed")
def test_mteb_reads_them(cli: Cli, scifact: Path) -> None:
    from mteb.cache import ResultCache  # type: ignore[import-not-found, unused-ignore]

    found: Any = cli("eval", scifact, "--model", "bm25", "--format", "mteb", "--json").json
    result = ResultCache(".").load_task_result("SciFact", "bm25")
    assert result.get_score() == pytest.approx(found["metrics"]["ndcg@10"])
