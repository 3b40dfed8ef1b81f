"""Files that ship with syneg: inside the package in a wheel, at the top of the tree in a checkout."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def shipped_prompts() -> Path:
    """The folder of the prompts."""
    packaged = PACKAGE / "prompt_files"
    return packaged if packaged.is_dir() else PACKAGE.parent / "prompts"
