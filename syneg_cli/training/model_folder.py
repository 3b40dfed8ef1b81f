"""A trained model as a folder that sentence-transformers loads."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def save_model(model: SentenceTransformer, folder: Path, card: str, *extra: Path) -> None:
    """Write a model folder that appears complete or not at all; replaces an older one.

    Args:
        extra: further files and folders to put beside the weights, where they are there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        model.save_pretrained(str(staging), create_model_card=False)
        (staging / "README.md").write_text(card, encoding="utf-8")
        for file in extra:
            if file.is_dir():
                shutil.copytree(file, staging / file.name)
            elif file.is_file():
                shutil.copy(file, staging / file.name)
        staging.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
