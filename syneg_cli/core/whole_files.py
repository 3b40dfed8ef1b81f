"""Whether a file was cut off or broken, as far as its kind tells."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import is_zipfile

BEFORE_ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How weights begin that torch wrote before 1.6: its magic number, pickled."""


def is_whole(path: Path, size: int = 0) -> bool:
    """Whether a file is there and neither empty nor broken, as far as its kind tells.

    Args:
        size: what it had when it was written, for kinds that do not tell.
    """
    try:
        if path.suffix == ".safetensors":
            return _has_all_tensors(path)
        if path.suffix in (".json", ".jsonl"):
            text = path.read_text(encoding="utf-8")
            parts = text.split("\n") if path.suffix == ".jsonl" else [text]
            kinds = (dict, list) if size else dict
            ended = text.endswith("\n") or path.suffix == ".json"
            return bool(text) and ended and all(isinstance(json.loads(part), kinds) for part in parts if part)
        return path.stat().st_size >= max(size, 1)
    except (OSError, ValueError, RecursionError):
        return False


def damaged_file(folder: Path) -> Path | None:
    """A file of a model folder that was cut off or broken, as far as its kind tells; None where none was."""
    for file in sorted(folder.rglob("*")):
        kinds = (".json", ".safetensors")
        if file.suffix in kinds and file.is_file() and not is_whole(file, 1):
            return file
        weights = file.name.startswith("pytorch_model") and file.suffix == ".bin" and file.is_file()
        if weights and not _is_torch(file):
            return file
    return None


def _is_torch(path: Path) -> bool:
    """Whether torch wrote a file of weights: a zip file, and before torch 1.6 pickles behind a number."""
    with path.open("rb") as file:
        return file.read(len(BEFORE_ZIP)) == BEFORE_ZIP or is_zipfile(file)


def _has_all_tensors(path: Path) -> bool:
    """Whether a file of weights is as long as its header says."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(length, path.stat().st_size)))
    ends = [about["data_offsets"][1] for name, about in header.items() if name != "__metadata__"]
    return path.stat().st_size == 8 + length + max(ends, default=0)
