"""eval --format mteb: files as mteb's TaskResult and ResultCache have them."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from syneg_cli.core import SyntheticQuery, write_synthetic_queries
from tests.conftest import DOCS, Cli, write_dataset

NUMBER = {"type": "number"}
SCORES = {
    "type": "object",
    "required": ["main_score", "hf_subset", "languages", "ndcg_at_10"],
    "properties": {
        "hf_subset": {"const": "default"},
        "languages": {"type": "array"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
    "patternProperties": {
        "^(ndcg|map|recall|mrr|precision|hit_rate|judged)_at_[0-9]+$|main_score$": NUMBER,
        "queries$": {"type": "integer"},
    },
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


def write_queries(folder: Path) -> Path:
    """Documents alone, with a query for each that an LLM wrote."""
    write_dataset(folder)
    shutil.rmtree(folder / "qrels")
    written = [SyntheticQuery(d, 1, f"{text} please", "queries", "m", d) for d, (_, text) in DOCS.items()]
    write_synthetic_queries(Path(f".syneg/{folder.name}/queries/default.jsonl"), written)
    return folder


def test_a_score_on_written_queries_says_so_in_the_file_as_on_the_screen(cli: Cli, tmp_path: Path) -> None:
    asked = ("eval", write_queries(tmp_path / "scifact"), "--model", "bm25", "--format", "mteb")
    shown = cli(*asked, "--set", "dataset.dev_fraction=0.5")
    assert shown.code == 0, shown.err
    found = written()
    assert [*found] == ["bm25/SciFact-LLM-written-queries"], "it is no score of mteb's task"
    ((scores,),) = found["bm25/SciFact-LLM-written-queries"]["scores"].values()
    assert scores["written_queries"] == scores["queries"] == 3
    caveat = "An LLM wrote all 3 queries: a score on such queries is no evidence"
    assert scores["notes"][0].startswith(caveat)
    assert caveat in " ".join(shown.out.split())


def test_what_training_saw_is_said_in_the_file(cli: Cli, tmp_path: Path) -> None:
    qrels = {"train": [("q1", "d1", 1)], "test": [("q3", "d5", 1), ("q2", "d1", 1)]}
    write_dataset(tmp_path / "scifact", qrels=qrels)
    asked = ("eval", tmp_path / "scifact", "--model", "bm25", "--format", "mteb", "--json")
    found: Any = cli(*asked, "--set", "dataset.dev_fraction=0").json
    ((scores,),) = written()["bm25/SciFact"]["scores"].values()
    assert (scores["seen_queries"], scores["unseen_queries"], scores["written_queries"]) == (1, 1, 0)
    for part in ("seen", "unseen"):
        assert scores[f"{part}_main_score"] == found["seen"]["parts"][part]["metrics"]["ndcg@10"]
    assert scores["notes"] == [
        "bm25 is not trained. A training on train sees a positive of 1 of the 2 queries "
        "(1 of 2 documents), and none of 1."
    ]


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


def test_at_another_length_a_model_is_another_one(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    """Its file is not put over that of the model as it is, nor among its splits; what was read is said."""
    asked = ("eval", tiny, "--model", tiny_model, "--baseline", "none", "--format", "mteb")
    assert cli(*asked).code == 0
    assert cli(*asked, "--max-length", "8").code == 0
    files = [*Path("results").glob("st/*/tiny.json")]
    notes = [json.loads(path.read_text())["scores"]["test"][0]["notes"] for path in files]
    told = "Measured with max_length = 8: the first 8 tokens of a text."
    assert sorted(told in each for each in notes) == [False, True]
    for path in Path("results").glob("st/*/model_meta.json"):
        assert json.loads(path.read_text())["revision"] == path.parent.name
