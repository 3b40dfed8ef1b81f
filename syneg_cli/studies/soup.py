"""Averaged weights: one model of several training runs (model soups, arXiv 2203.05482)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core import NoProgress, Progress
from syneg_cli.encoding import load_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def average(folders: Sequence[Path], progress: Progress | None = None) -> SentenceTransformer:
    """The first model with the mean of all models' weights; summed in double precision, in this order."""
    import torch

    progress = progress or NoProgress()
    soup = load_model(str(folders[0]), progress=progress)
    total = {name: value.detach().double() for name, value in soup.state_dict().items()}
    for folder in folders[1:]:
        for name, value in load_model(str(folder), progress=progress).state_dict().items():
            total[name] += value.double()
    with torch.no_grad():
        for name, value in soup.state_dict().items():
            if value.is_floating_point():
                value.copy_(total[name] / len(folders))
    return soup
