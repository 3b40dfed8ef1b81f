"""Where results are kept, and the manifest beside each: what it was made from, written last.

A file without a matching manifest counts as unfinished. A stage is skipped when the
manifest beside its output names the same inputs (by content) and the same settings.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from syneg_cli.core.files import file_hash, write_text
from syneg_cli.core.version import __version__


@dataclass(frozen=True)
class Workspace:
    """Where everything of one data set is stored under the work directory."""

    root: Path
    dataset: str

    @property
    def generations(self) -> Path:
        return self.root / "generations.db"

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def corpora(self) -> Path:
        return self.root / "corpora"

    def synthetic(self, name: str) -> Path:
        return self.root / self.dataset / "synthetic" / f"{name}.jsonl"

    def mined(self, name: str) -> Path:
        return self.root / self.dataset / "mined" / f"{name}.jsonl"

    def verified(self, negatives: Path) -> Path:
        """Where the verdicts on a file of negatives are: `verified/mined-dense.jsonl`."""
        return self.root / self.dataset / "verified" / f"{negatives.parent.name}-{negatives.name}"

    def mixed(self, name: str) -> Path:
        return self.root / self.dataset / "mixed" / f"{name}.jsonl"

    def model(self, name: str) -> Path:
        return self.root / self.dataset / "models" / name

    def evaluation(self, name: str, suffix: str = "json") -> Path:
        return self.root / self.dataset / "eval" / f"{name}.{suffix}"


def names_beside(path: Path) -> list[str]:
    """The names of the results in the folder of `path` that are stored as it is: as .jsonl, or as folders.

    What an unfinished run left is hidden and none.
    """
    folder, lines = path.parent, path.name.endswith(".jsonl")
    found = folder.iterdir() if folder.is_dir() else ()
    there = (one for one in found if not one.name.startswith("."))
    if lines:
        return sorted(one.name.removesuffix(".jsonl") for one in there if one.name.endswith(".jsonl"))
    return sorted(one.name for one in there if one.is_dir())


def instead(path: Path, flag: str) -> str:
    """` There are: a, b (--mixed NAME).`: the results beside one that is missing; "" where there is none."""
    names = names_beside(path)
    return f" There are: {', '.join(names)} ({flag})." if names else ""


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
    """Where the inputs were, for a later stage that needs their texts."""
    content: str = ""
    """The hash of the artefact, where it is a file; "" in manifests of earlier versions."""

    def __post_init__(self) -> None:
        for name in ("inputs", "settings", "counts", "paths"):
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"{name} is no table")


def manifest_path(path: Path) -> Path:
    """`x.jsonl` -> `x.manifest.json`; a folder's manifest is inside it."""
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
        "content": file_hash(path) if path.is_file() else "",
        "created": manifest.created or datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    write_text(manifest_path(path), json.dumps(stamped, indent=2, ensure_ascii=False, default=str) + "\n")


def stale_reason(
    path: Path,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> str | None:
    """Why the artefact at `path` has to be made again; None when it is up to date.

    Args:
        defaults: what a setting was before it existed, for manifests of earlier versions.
    """
    if not path.exists():
        return "not there yet"
    manifest = read_manifest(path)
    if manifest is None:
        return "no manifest: an earlier run did not finish"
    if is_damaged(path, manifest):
        return "damaged since it was made"
    for role, digest in inputs.items():
        if manifest.inputs.get(role) != digest:
            return f"{role} changed"
    if gone := set(manifest.inputs) - set(inputs):
        return f"{', '.join(sorted(gone))} no longer used"
    wanted = json.loads(json.dumps(settings, default=str))
    found = json.loads(json.dumps(dict(defaults or {}), default=str)) | dict(manifest.settings)
    for key in sorted(set(wanted) | set(manifest.settings)):
        if found.get(key) != wanted.get(key):
            return _difference(key, found.get(key), wanted.get(key))
    return None


def changed_since(path: Path, manifest: Manifest) -> bool:
    """Whether a file is not as its stage wrote it; never of a folder, nor where no hash was kept."""
    return bool(manifest.content) and path.is_file() and file_hash(path) != manifest.content


def is_damaged(path: Path, manifest: Manifest) -> bool:
    """Whether a file was cut off or broken since its stage wrote it; one that was edited is not."""
    return changed_since(path, manifest) and not is_whole(path)


def is_whole(path: Path) -> bool:
    """Whether a file of JSON lines, or of one JSON object, is neither empty nor broken."""
    try:
        text = path.read_text(encoding="utf-8")
        parts = text.split("\n") if path.suffix == ".jsonl" else [text]
        return text.endswith("\n") and all(isinstance(json.loads(part), dict) for part in parts if part)
    except (OSError, ValueError):
        return False


def _difference(key: str, before: Any, after: Any) -> str:
    """`lr changed: 2e-05 -> 1e-05`; of tables only the names that differ."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{key} changed: {_value(before)} -> {_value(after)}"
    changes = {"added": set(after) - set(before), "gone": set(before) - set(after)}
    changes["changed"] = {name for name in set(before) & set(after) if before[name] != after[name]}
    told = [f"{', '.join(sorted(names))} {how}" for how, names in changes.items() if names]
    return f"{key} changed: {'; '.join(told)}"


def _value(value: Any) -> str:
    """A setting's value as the project file has it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


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
