from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DOCS, Cli, write_dataset
from tests.servers import negatives_text

QRELS = {
    "train": [("q1", "d1", 1), ("q2", "d3", 1), ("q4", "d2", 1)],
    "dev": [("q3", "d5", 1)],
    "test": [("q5", "d1", 1), ("q6", "d5", 1), ("q7", "d6", 1)],
}
QUERIES = {f"q{number}": text for number, (_, text) in enumerate(DOCS.values(), start=1)}
QUERIES["q7"] = "how common is apnea in men"

PROJECT = """\
[dataset]
name = "tiny"
[generate]
llm = "replay:answers.jsonl"
[mine]
depth = 2
percentage = "off"
precision = "fp32"
[train]
backbone = "{backbone}"
epochs = 1
batch_size = 2
lr = 1e-3
precision = "fp32"
[eval]
precision = "fp32"
[study]
arms = ["zero-shot", "dense", "hybrid"]
seeds = 2
"""


def write_project(folder: Path, backbone: Path) -> Path:
    """A project with recorded answers, and judged queries for training, dev and test."""
    write_dataset(folder / "tiny", queries=QUERIES, qrels=QRELS)
    (folder / "syneg.toml").write_text(PROJECT.format(backbone=backbone), encoding="utf-8")
    rows = [
        {"query_id": q, "doc_id": d, "prompt": "syneg", "response": negatives_text(words=10, tag=q)}
        for q, d, _ in QRELS["train"]
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "answers.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def here(cli: Cli, tiny_model: Path) -> Path:
    """The project in the current folder, which `cli` runs in."""
    return write_project(Path.cwd(), tiny_model)


@pytest.fixture
def ready(cli: Cli, here: Path) -> Cli:
    """The project with its synthetic negatives."""
    assert cli("generate").code == 0
    return cli


HOME = Path(".syneg/tiny/studies/default")


def rows(home: Path = HOME, name: str = "results.jsonl") -> list[dict[str, Any]]:
    """What a study has stored."""
    return [json.loads(line) for line in (home / name).read_text(encoding="utf-8").splitlines()]
