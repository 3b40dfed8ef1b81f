"""What `syneg init` shows: what was written, and what the data set holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syneg_cli.core import counted
from syneg_cli.data import Dataset
from syneg_cli.stages import Project


def started(written: Sequence[Path], project: Project, dataset: Dataset | None) -> tuple[dict[str, Any], str]:
    """The result as one object, and as lines."""
    name, source = project.dataset.name, project.documents.source
    data: dict[str, Any] = {"written": [str(path) for path in written], "dataset": None}
    project_file, *prompts = written
    lines = [f"wrote {project_file}"]
    if prompts:
        lines.append(f"wrote {counted(len(prompts), 'prompt')} into {prompts[0].parent}")
    if dataset:
        data["dataset"] = {
            "name": dataset.name,
            "folder": str(dataset.folder),
            "documents": len(dataset.corpus),
            "queries": {split: len(qrels) for split, qrels in dataset.judgements.items()},
            "carved": sorted(dataset.carved),
        }
        lines.insert(0, f"{dataset.name}: {counts(dataset)}")
    elif source:
        data["dataset"] = {"name": name, "folder": None, "documents": None, "queries": None, "carved": []}
        lines.insert(0, f"{name}: `syneg run` makes it of {source}, and lets the LLM write queries for it")
    elif name:
        data["dataset"] = {"name": name, "folder": None, "documents": None, "queries": None, "carved": []}
        lines.insert(0, f"{name}: will be downloaded by the first command that reads it")
    return data, "\n".join(lines)


def counts(dataset: Dataset) -> str:
    """`42 documents, 8 train queries (1 held out as dev), 5 test`: of train all that the files have."""
    sizes = {split: len(qrels) for split, qrels in dataset.judgements.items()}
    held = sizes.pop("dev") if {"train", "dev"} <= sizes.keys() and "dev" in dataset.carved else 0
    aside = len(dataset.set_aside)
    parts = {"held out as dev": held, "left out by train_queries": aside}
    apart = ", ".join(f"{count} {what}" for what, count in parts.items() if count)
    said: list[str] = []
    for split in sorted(sizes, key=lambda split: (split != "train", split)):
        size = sizes[split] + (held + aside if split == "train" else 0)
        noun = "" if said else " query" if size == 1 else " queries"
        said.append(f"{size} {split}{noun}" + (f" ({apart})" if apart and split == "train" else ""))
    documents = len(dataset.corpus)
    return ", ".join([counted(documents, "document"), *said])
