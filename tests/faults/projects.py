"""A small project, as it is before each of its stages, and what a stage made, to compare."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import file_hash
from tests.conftest import write_dataset
from tests.faults import machine
from tests.servers import negatives_text

QRELS = {
    "train": [("q1", "d1", 1), ("q2", "d3", 1), ("q4", "d2", 1)],
    "dev": [("q3", "d5", 1)],
    "test": [("q3", "d5", 1)],
}
PROJECT = """\
[dataset]
name = "tiny"
[generate]
llm = "replay:answers.jsonl"
[mine]
miners = ["bm25", "dense"]
depth = 2
percentage = "off"
precision = "fp32"
[train]
backbone = "backbone"
output = "m"
epochs = 2
batch_size = 2
save_steps = 1
lr = 1e-3
precision = "fp32"
dev = true
[eval]
precision = "fp32"
"""

STAGES: dict[str, tuple[str, ...]] = {
    "generate": ("generate",),
    "mine bm25": ("mine", "--miner", "bm25"),
    "mine dense": ("mine", "--miner", "dense"),
    "verify": ("verify", "--check", "margin"),
    "mix": ("mix",),
    "train": ("train",),
    "eval": ("eval",),
    "report": ("report",),
}
OTHERWISE = {
    "mine bm25": ("--depth", "3"),
    "mine dense": ("--depth", "3"),
    "mix": ("--seed", "1"),
    "train": ("--seed", "1"),
    "verify": ("--margin", "0.5"),
}
"""Another setting, for another result of the same name."""


COMPARED = ("stage", "inputs", "settings", "content", "files")
"""Of a manifest; an evaluation names its place, so its hash is that of no other."""


@dataclass(frozen=True)
class Projects:
    """`before(stage)` is the project with all that comes before a stage; `result(stage)` what it then makes."""

    home: Path

    @classmethod
    def made(cls, home: Path, backbone: Path) -> Projects:
        start = home / "0"
        write_dataset(start / "tiny", qrels=QRELS)
        shutil.copytree(backbone, start / "backbone")
        (start / "syneg.toml").write_text(PROJECT, encoding="utf-8")
        rows = [
            {"query_id": q, "doc_id": d, "prompt": "syneg", "response": negatives_text(words=10, tag=q)}
            for q, d, _ in QRELS["train"]
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (start / "answers.jsonl").write_text(lines, encoding="utf-8")
        projects = cls(home)
        for number, stage in enumerate(STAGES):
            shutil.copytree(home / str(number), home / str(number + 1))
            ended = machine.run(home / str(number + 1), *STAGES[stage])
            assert ended.code == 0, ended.said
        return projects

    def before(self, stage: str, folder: Path) -> Path:
        """A copy of the project as it is before a stage."""
        shutil.copytree(self.home / str([*STAGES].index(stage)), folder)
        return folder

    def after(self, stage: str, folder: Path) -> Path:
        """A copy of the project as it is after a stage."""
        shutil.copytree(self.home / str([*STAGES].index(stage) + 1), folder)
        return folder

    def result(self, stage: str) -> dict[str, str]:
        return result(self.home / str([*STAGES].index(stage) + 1))


def result(folder: Path) -> dict[str, str]:
    """Everything that is visible in a work directory, by hash; of manifests what does not tell of the way."""
    work, found = folder / ".syneg" / "tiny", {}
    for file in sorted(file for file in work.rglob("*") if file.is_file()):
        name = file.relative_to(work).as_posix()
        if "/." in f"/{name}" or file.name in ("README.md", "dataset.json") or name.startswith("report/"):
            continue
        if file.name.endswith("manifest.json"):
            manifest = json.loads(file.read_text(encoding="utf-8"))
            keys = ("stage", "inputs", "settings") if name.startswith("eval/") else COMPARED
            told = {key: manifest[key] for key in keys}
            found[name] = json.dumps(told, sort_keys=True).replace(str(folder), "")
        elif name.startswith("eval/") and name.endswith(".json"):
            found[name] = json.dumps(json.loads(file.read_text(encoding="utf-8"))["per_query"])
        else:
            found[name] = file_hash(file)
    return found


def leftovers(folder: Path) -> list[str]:
    """What a killed process left, and nobody took away."""
    return [file.name for file in (folder / ".syneg" / "tiny").rglob(".*.tmp")]
