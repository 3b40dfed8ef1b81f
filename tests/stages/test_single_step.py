"""A training of one step."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.conftest import Cli


@pytest.mark.parametrize("kind", ["bi-encoder", "cross-encoder"])
def test_a_single_step_is_learned_from(mixed: Cli, tiny_model: Path, kind: str) -> None:
    """It would have the rate at which a warm-up begins, which is none."""
    trained = mixed("train", "--kind", kind, "--epochs", 1, "--precision", "fp32", "--json")
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 1
    before, after = (
        next(
            weights
            for name, weights in load_file(folder / "model.safetensors").items()
            if name.endswith("layer.1.output.dense.weight")
        )
        for folder in (tiny_model, Path(str(trained.json["path"])))
    )
    assert (before - after).abs().max() > 1e-6
