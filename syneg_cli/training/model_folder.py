"""A trained model as a folder that sentence-transformers loads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

CARD = "README.md"


def save_model(model: SentenceTransformer | CrossEncoder, folder: Path, card: str, *extra: Path) -> None:
    """Write a new model folder.

    Args:
        extra: further files and folders to put beside the weights, where they are there.
    """
    model.save_pretrained(str(folder), create_model_card=False)
    (folder / CARD).write_text(card, encoding="utf-8")
    for file in extra:
        if file.is_dir():
            shutil.copytree(file, folder / file.name)
        elif file.is_file():
            shutil.copy(file, folder / file.name)
