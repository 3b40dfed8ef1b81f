"""Records as JSONL files: negatives and training instances, written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from syneg_cli.core.errors import MissingArtifact
from syneg_cli.core.files import write_jsonl
from syneg_cli.core.paths import need_file
from syneg_cli.core.record_kinds import Known, UnknownWrittenQuery, instance_of, record_of
from syneg_cli.core.records import (
    CORPUS,
    MinedNegative,
    SyntheticNegative,
    SyntheticQuery,
    TrainingInstance,
    Verification,
)
from syneg_cli.core.text_files import json_lines


def read_jsonl(path: Path, *, hint: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file written by syneg.

    Raises:
        MissingArtifact: the file is not there, or a line is not a JSON object.
    """
    need_file(path, MissingArtifact, hint=hint)
    return (row for _, row in json_lines(path, MissingArtifact, hint=hint))


R = TypeVar("R")
ANEW = "Make it again: run the command that wrote it with --force."
OF_WRITTEN = (
    "That is an LLM-written query, read with `--set queries.weight=0.5`, or weight = 0.5 in [queries]. "
    "If they are others by now: run the command that wrote the file with --force."
)
WRITTEN_FIELDS = tuple(f.name for f in fields(SyntheticNegative) if f.name != "relevant_by")
MINED_FIELDS = tuple(f.name for f in fields(MinedNegative) if f.name != "relevant_by")
QUERY_FIELDS = tuple(f.name for f in fields(SyntheticQuery))
MARK = "verify: relevant by "
"""How a reason begins where an earlier version of `verify` rewrote the file of the negatives itself."""


def write_negatives(path: Path, negatives: Iterable[SyntheticNegative | MinedNegative]) -> int:
    """Write negatives as they were made; verdicts have a file of their own. Returns how many."""
    return write_jsonl(path, map(_negative_row, negatives))


def _negative_row(negative: SyntheticNegative | MinedNegative) -> dict[str, Any]:
    # Not dataclasses.asdict, whose deep copy takes most of the time.
    names = WRITTEN_FIELDS if isinstance(negative, SyntheticNegative) else MINED_FIELDS
    return {name: getattr(negative, name) for name in names}


def _read(
    path: Path, make: Callable[[dict[str, Any]], R], hint: str | None, known: Known | None = None
) -> list[R]:
    """The records of a file.

    Args:
        known: what they may name; None: anything.

    Raises:
        MissingArtifact: the file is not there, or a line is not such a record.
    """
    need_file(path, MissingArtifact, hint=hint)
    found: list[R] = []
    hint = hint or ANEW
    for number, row in json_lines(path, MissingArtifact, hint=hint):
        try:
            found.append(make(row))
            if known is not None:
                known.need(found[-1])
        except UnknownWrittenQuery as wrong:
            raise MissingArtifact(f"{path}, line {number}: {wrong}.", hint=OF_WRITTEN) from None
        except ValueError as wrong:
            raise MissingArtifact(
                f"{path}, line {number}: not what belongs here: {wrong}.", hint=hint
            ) from None
    return found


def read_synthetic(
    path: Path, *, hint: str | None = None, known: Known | None = None
) -> list[SyntheticNegative]:
    return _read(path, lambda row: record_of(SyntheticNegative, _with_checks(row)), hint, known)


def read_mined(path: Path, *, known: Known | None = None) -> list[MinedNegative]:
    return _read(path, lambda row: record_of(MinedNegative, _with_checks(row)), None, known)


def write_synthetic_queries(path: Path, queries: Iterable[SyntheticQuery]) -> int:
    """Write LLM-written queries, dropped ones too; returns how many."""
    return write_jsonl(path, ({name: getattr(query, name) for name in QUERY_FIELDS} for query in queries))


def read_synthetic_queries(path: Path) -> list[SyntheticQuery]:
    """LLM-written queries, dropped ones too.

    Raises:
        MissingArtifact: the file is not there, or a line is not such a record: one that is kept has
            no text, or the id of an earlier line.
    """
    seen: set[str] = set()

    def make(row: dict[str, Any]) -> SyntheticQuery:
        query = record_of(SyntheticQuery, row)
        if query.status == "ok" and not query.text.strip():
            raise ValueError("a query without a text")
        if query.id in seen:
            raise ValueError(f"{query.id!r} is on an earlier line, too")
        seen.add(query.id)
        return query

    return _read(path, make, None)


def _with_checks(row: dict[str, Any]) -> dict[str, Any]:
    reason = str(row.get("reason") or "")
    if reason.startswith(MARK):
        row["relevant_by"] = tuple(reason.removeprefix(MARK).split(", "))
    return row


def read_verifications(path: Path) -> list[Verification]:
    """What `verify` wrote about a file of negatives."""
    return _read(path, lambda row: record_of(Verification, {"relevant_by": (), **row}), None)


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


def read_instances(
    path: Path, *, hint: str | None = None, known: Known | None = None
) -> list[TrainingInstance]:
    return _read(path, instance_of, hint, known)
