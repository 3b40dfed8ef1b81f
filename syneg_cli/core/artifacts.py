"""Where results are kept, and the manifest beside each: what it was made from, and what it has to be.

A file without a matching manifest counts as unfinished. A stage is skipped when the
manifest beside its output names the same inputs (by content) and the same settings.
"""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from types import NoneType
from typing import Any

from syneg_cli.core.errors import DatasetError, MissingArtifact
from syneg_cli.core.files import hash_once, write_text
from syneg_cli.core.paths import need_file
from syneg_cli.core.text_files import parsed
from syneg_cli.core.version import __version__
from syneg_cli.core.whole_files import is_whole

HASH = re.compile("[0-9a-f]{64}")

IN_FOLDER = "syneg.manifest.json"
"""The manifest of an artefact that is a folder."""


CACHE = "generations.db"
OF_ALL = (CACHE, f"{CACHE}-wal", f"{CACHE}-shm", f"{CACHE}-journal", "embeddings", "locks", "corpora")
"""What is in a work directory beside the data sets' folders."""


def check_dataset_name(name: str) -> None:
    """Raises DatasetError where the results of a data set of this name would be among what all share."""
    if name.casefold() in OF_ALL:  # also where a disk takes Locks and locks for the same
        raise DatasetError(
            f"A data set cannot be called {name!r}: the work directory keeps something else under that name.",
            hint="Give its folder another name.",
        )


@dataclass(frozen=True)
class Workspace:
    """Where everything of one data set is stored under the work directory."""

    root: Path
    dataset: str

    @property
    def generations(self) -> Path:
        return self.root / CACHE

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def corpora(self) -> Path:
        return self.root / "corpora"

    def queries(self, name: str) -> Path:
        """LLM-written queries."""
        return self.root / self.dataset / "queries" / f"{name}.jsonl"

    def synthetic(self, name: str) -> Path:
        return self.root / self.dataset / "synthetic" / f"{name}.jsonl"

    def pilot(self, name: str) -> Path:
        """The forecast for synthetic negatives, beside where they are or will be."""
        return self.root / self.dataset / "synthetic" / f"{name}.pilot.json"

    def pilots(self) -> list[str]:
        """The names of the synthetic negatives that there is a forecast for."""
        files = self.pilot("x").parent.glob("[!.]*.pilot.json")
        return sorted(file.name.removesuffix(".pilot.json") for file in files)

    def mined(self, name: str) -> Path:
        return self.root / self.dataset / "mined" / f"{name}.jsonl"

    def verified(self, negatives: Path) -> Path:
        """Where the verdicts on a file of negatives are: `verified/mined-dense.jsonl`."""
        return self.root / self.dataset / "verified" / f"{negatives.parent.name}-{negatives.name}"

    def mixed(self, name: str) -> Path:
        return self.root / self.dataset / "mixed" / f"{name}.jsonl"

    def model(self, name: str) -> Path:
        return self.root / self.dataset / "models" / name

    def evaluation(self, name: str) -> Path:
        return self.root / self.dataset / "eval" / f"{name}.json"


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
    """The hash of the artefact, where it is a file; "" in manifests of the first version."""
    replaces: str = ""
    """The hash of the file that was there before: while it still is, the artefact is not finished."""
    files: Mapping[str, Any] = field(default_factory=dict)
    """Name -> [size, hash] of the files in a folder, or of those that belong to a file and are beside it."""
    card: str = ""
    """The hash of what a model's card said, but for its metrics; "" where that is not known."""

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value = getattr(self, name)
            beyond = isinstance(value, (int, float)) and not abs(value) < math.inf
            if not isinstance(value, kind) or isinstance(value, bool) or beyond:
                raise TypeError(f"{name} is of another kind")
        for table in (self.inputs, self.paths):
            if not all(isinstance(item, str) for item in table.values()):
                raise TypeError("inputs and paths are tables of texts")
        for kept in self.files.values():
            if [type(part) for part in kept] != [int, str]:
                raise TypeError("files: expected [size, hash]")


KINDS: Mapping[str, tuple[type, ...]] = (
    dict.fromkeys(("inputs", "settings", "counts", "versions", "paths", "files"), (Mapping,))
    | dict.fromkeys(("stage", "created", "content", "replaces", "card"), (str,))
    | {"seconds": (int, float), "cost_usd": (int, float, NoneType)}
)


def manifest_path(path: Path) -> Path:
    """`x.jsonl` -> `x.manifest.json`; a folder's manifest is inside it."""
    return path / IN_FOLDER if path.is_dir() else path.with_suffix(".manifest.json")


def read_manifest(path: Path) -> Manifest | None:
    """The manifest of the artefact at `path`; None if there is none that can be read, or that is about it.

    A manifest is written before its file takes the place of an earlier one: until then it is about neither.
    """
    manifest = _told_beside(path)
    waits = manifest and manifest.replaces and manifest.replaces != manifest.content and path.is_file()
    return None if manifest and waits and hash_once(path) == manifest.replaces else manifest


def _told_beside(path: Path) -> Manifest | None:
    """What the manifest holds, whichever file it is about."""
    file = manifest_path(path)
    try:
        need_file(file, MissingArtifact)
        return Manifest(**parsed(file.read_text(encoding="utf-8"))[0])
    except (MissingArtifact, OSError, ValueError, TypeError, RecursionError):
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest of the artefact that is at `path`."""
    write_text(
        manifest_path(path), manifest_text(path, path, manifest, files_inside(path) if path.is_dir() else ())
    )


def manifest_text(path: Path, made: Path, manifest: Manifest, files: Sequence[Path]) -> str:
    """What the manifest holds of the artefact that is at `made` and will be at `path`.

    Args:
        files: those in a folder, or those that belong to a file and are beside it.
    """
    top = made if made.is_dir() else made.parent
    stamped = asdict(manifest) | {
        "versions": dict(manifest.versions) or library_versions(),
        "content": hash_once(made) if made.is_file() else "",
        "replaces": hash_once(path) if path != made and path.is_file() else "",
        "files": {file.relative_to(top).as_posix(): [file.stat().st_size, hash_once(file)] for file in files},
        "created": manifest.created or datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    return json.dumps(stamped, indent=2, ensure_ascii=False, default=str) + "\n"


def files_inside(folder: Path) -> list[Path]:
    """The files that make up a folder: without its manifest and its README, which may be written into."""
    every = (file for file in folder.rglob("*") if file.is_file())
    return sorted(
        file for file in every if file.relative_to(folder).as_posix() not in (IN_FOLDER, "README.md")
    )


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
        return _no_manifest(path)
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


def _no_manifest(path: Path) -> str:
    """Why no manifest counts. A file of ours is never without one: its manifest is written first."""
    file = manifest_path(path)
    if not file.exists():
        return f"no {file.name}: it may be yours"
    if _told_beside(path) is None:
        return "its manifest cannot be read"
    return "no manifest of it: an earlier run did not finish"


def changed_since(path: Path, manifest: Manifest) -> bool:
    """Whether a file of an artefact is not as its stage wrote it; False where no hash was kept."""
    return any(True for _ in _changed(path, manifest))


def is_damaged(path: Path, manifest: Manifest) -> bool:
    """Whether a file of an artefact was cut off or broken since it was made; one that was edited is not."""
    return any(not is_whole(file, size) for file, size in _changed(path, manifest))


def _changed(path: Path, manifest: Manifest) -> Iterator[tuple[Path, int]]:
    """(file, size that it had) of every file of an artefact that is not as it was."""
    if manifest.content and path.is_file() and hash_once(path) != manifest.content:
        yield path, 0
    top = path if path.is_dir() else path.parent
    for name, (size, digest) in manifest.files.items():
        file = top / name
        if not file.is_file() or file.stat().st_size != size or hash_once(file) != digest:
            yield file, size


def _difference(key: str, before: Any, after: Any) -> str:
    """`lr changed: 2e-05 -> 1e-05`; of tables only the names that differ, of hashes that they do."""
    if any(isinstance(value, str) and HASH.fullmatch(value) for value in (before, after)):
        return f"{key} changed"
    if not isinstance(before, dict) or not isinstance(after, dict):
        return f"{key} changed: {_value(before)} -> {_value(after)}"
    changes = {"added": set(after) - set(before), "gone": set(before) - set(after)}
    changes["changed"] = {name for name in set(before) & set(after) if before[name] != after[name]}
    told = [f"{', '.join(sorted(names))} {how}" for how, names in changes.items() if names]
    return f"{key} changed: {'; '.join(told)}"


def _value(value: Any) -> str:
    """A setting's value as the project file has it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


@lru_cache(maxsize=1)
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
