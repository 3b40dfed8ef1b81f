"""How records rest on disk: JSONL written atomically, a manifest written last.

A file without a matching manifest counts as unfinished. A stage is skipped when the
manifest beside its output names the same inputs (by content) and the same settings.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from syneg_cli import __version__
from syneg_cli.errors import MissingArtifact, SynegError
from syneg_cli.records import CORPUS, MinedNegative, NegativeRef, SyntheticNegative, TrainingInstance


@dataclass(frozen=True)
class Workspace:
    """Where everything of one data set rests under the work directory."""

    root: Path
    dataset: str

    @property
    def generations(self) -> Path:
        return self.root / "generations.db"

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    @property
    def corpora(self) -> Path:
        return self.root / "corpora"

    def synthetic(self, name: str) -> Path:
        return self.root / self.dataset / "synthetic" / f"{name}.jsonl"

    def mined(self, name: str) -> Path:
        return self.root / self.dataset / "mined" / f"{name}.jsonl"

    def mixed(self, name: str) -> Path:
        return self.root / self.dataset / "mixed" / f"{name}.jsonl"

    def model(self, name: str) -> Path:
        return self.root / self.dataset / "models" / name

    def evaluation(self, name: str, suffix: str = "json") -> Path:
        return self.root / self.dataset / "eval" / f"{name}.{suffix}"


@dataclass(frozen=True)
class Manifest:
    """Where an artefact came from. `inputs` maps a role to a content hash."""

    stage: str
    inputs: Mapping[str, str]
    settings: Mapping[str, Any]
    counts: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    cost_usd: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where the inputs lay, for a later stage that needs their texts."""


def manifest_path(path: Path) -> Path:
    """`x.jsonl` -> `x.manifest.json`; a folder's manifest lies inside it."""
    return path / "syneg.manifest.json" if path.is_dir() else path.with_suffix(".manifest.json")


def read_manifest(path: Path) -> Manifest | None:
    """The manifest of the artefact at `path`; None if there is none that can be read."""
    file = manifest_path(path)
    try:
        return Manifest(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    stamped = asdict(manifest) | {
        "versions": dict(manifest.versions) or library_versions(),
        "created": manifest.created or datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_text(manifest_path(path), json.dumps(stamped, indent=2, ensure_ascii=False, default=str) + "\n")


def stale_reason(path: Path, inputs: Mapping[str, str], settings: Mapping[str, Any]) -> str | None:
    """Why the artefact at `path` has to be made again; None when it is up to date."""
    if not path.exists():
        return "not there yet"
    manifest = read_manifest(path)
    if manifest is None:
        return "no manifest: an earlier run did not finish"
    for role, digest in inputs.items():
        if manifest.inputs.get(role) != digest:
            return f"{role} changed"
    if gone := set(manifest.inputs) - set(inputs):
        return f"{', '.join(sorted(gone))} no longer used"
    wanted = json.loads(json.dumps(settings, default=str))
    for key in sorted(set(wanted) | set(manifest.settings)):
        if manifest.settings.get(key) != wanted.get(key):
            return f"{key} changed: {manifest.settings.get(key)!r} -> {wanted.get(key)!r}"
    return None


def library_versions() -> dict[str, str]:
    """The versions that decide a result, without importing any of them."""
    from importlib import metadata

    found = {"syneg": __version__, "python": platform.python_version()}
    for name in ("torch", "transformers", "sentence-transformers", "faiss-cpu", "bm25s", "openai", "ollama"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """A text file that appears under its name only when it is complete and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic_writer(path) as file:
        file.write(text)


def write_jsonl(path: Path, rows: Iterable[Any]) -> int:
    """Write dataclass records or dicts, one JSON object a line; returns how many."""
    count = 0
    with atomic_writer(path) as file:
        for row in rows:
            data = row if isinstance(row, dict) else asdict(row)
            file.write(json.dumps(data, ensure_ascii=False, separators=(", ", ": ")) + "\n")
            count += 1
    return count


def read_jsonl(path: Path, *, hint: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file written by syneg.

    Raises:
        MissingArtifact: the file is not there, or a line is not a JSON object.
    """
    if not path.is_file():
        raise MissingArtifact(f"{path} is not there.", hint=hint)
    return (row for _, row in json_lines(path, MissingArtifact, hint=hint))


def json_lines(
    path: Path, error: type[SynegError], *, hint: str | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSONL file; empty lines are passed over.

    Raises:
        error: a line is not a JSON object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as wrong:
                raise error(f"{path}, line {number}: not JSON: {wrong}.", hint=hint) from None
            if not isinstance(row, dict):
                found = type(row).__name__
                raise error(f"{path}, line {number}: expected a JSON object, found {found}.", hint=hint)
            yield number, row


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


def file_hash(path: Path) -> str:
    """sha256 of a file, or of the files of a folder with their relative names."""
    digest = hashlib.sha256()
    if path.is_dir():
        for child in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(str(child.relative_to(path)).encode() + b"\0" + bytes.fromhex(file_hash(child)))
        return digest.hexdigest()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_hash(value: Any) -> str:
    """sha256 of the canonical JSON of a value."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
