"""Records as JSONL files: negatives and training instances, written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from syneg_cli.core.errors import MissingArtifact
from syneg_cli.core.files import json_lines, write_jsonl
from syneg_cli.core.records import CORPUS, MinedNegative, NegativeRef, SyntheticNegative, TrainingInstance


def read_jsonl(path: Path, *, hint: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file written by syneg.

    Raises:
        MissingArtifact: the file is not there, or a line is not a JSON object.
    """
    if not path.is_file():
        raise MissingArtifact(f"{path} is not there.", hint=hint)
    return (row for _, row in json_lines(path, MissingArtifact, hint=hint))


def read_synthetic(path: Path, *, hint: str | None = None) -> list[SyntheticNegative]:
    return [SyntheticNegative(**row) for row in read_jsonl(path, hint=hint)]


def read_mined(path: Path, *, hint: str | None = None) -> list[MinedNegative]:
    return [MinedNegative(**row) for row in read_jsonl(path, hint=hint)]


def write_instances(path: Path, instances: Iterable[TrainingInstance]) -> int:
    """Rounds are written as `[[source, id], ...]` lists, which a person can read."""
    return write_jsonl(path, map(_instance_row, instances))


def _instance_row(instance: TrainingInstance) -> dict[str, Any]:
    row: dict[str, Any] = {"query_id": instance.query_id, "positive_id": instance.positive_id}
    if instance.positive_source != CORPUS:
        row["positive_source"] = instance.positive_source
    if instance.family:
        row["family"] = instance.family
    return row | {"rounds": [[[ref.source, ref.id] for ref in drawn] for drawn in instance.rounds]}


def read_instances(path: Path, *, hint: str | None = None) -> list[TrainingInstance]:
    return [
        TrainingInstance(
            row["query_id"],
            row["positive_id"],
            tuple(tuple(NegativeRef(source, id) for source, id in drawn) for drawn in row["rounds"]),
            row.get("positive_source", CORPUS),
            row.get("family", ""),
        )
        for row in read_jsonl(path, hint=hint)
    ]
