"""A model folder with a file that was cut off: the file is named, whoever loads it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from syneg_cli.core import BackboneError, LLMSetupError, damaged_file
from syneg_cli.encoding import load_cross_encoder, load_model, new_cross_encoder
from syneg_cli.llm.hf import HuggingFace

FILES = ["model.safetensors", "config.json", "tokenizer.json"]


def damaged(folder: Path, to: Path, name: str, share: float) -> Path:
    shutil.copytree(folder, to)
    file = next(to.rglob(name))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    return file


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("model", "load"),
    [("tiny_cross_encoder", load_cross_encoder), ("tiny_model", load_model)],
    ids=["cross-encoder", "encoder"],
)
def test_an_encoder(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    model: str,
    load: Callable[[str], object],
    name: str,
    share: float,
) -> None:
    file = damaged(request.getfixturevalue(model), tmp_path / "x", name, share)
    with pytest.raises(BackboneError) as caught:
        load(str(tmp_path / "x"))
    assert f"{file} is damaged" in caught.value.message
    assert "make the model again" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("model", "load"),
    [
        ("tiny_cross_encoder", load_cross_encoder),
        ("tiny_cross_encoder", partial(new_cross_encoder, seed=0)),
        ("tiny_model", partial(new_cross_encoder, seed=0)),
        ("tiny_model", load_model),
    ],
    ids=["cross-encoder", "cross-encoder to train", "encoder to give a head", "encoder"],
)
def test_a_model_without_a_tokenizer_reads_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, model: str, load: Callable[[str], object]
) -> None:
    """transformers makes one of nothing but special tokens, to which all texts are the same."""
    shutil.copytree(request.getfixturevalue(model), tmp_path / "x")
    for file in [*(tmp_path / "x").glob("tokenizer*")]:
        file.unlink()
    with pytest.raises(BackboneError, match="has no tokenizer") as caught:
        load(str(tmp_path / "x"))
    assert "tokenizer.json" in str(caught.value.hint)


@pytest.mark.parametrize("name", FILES)
def test_a_language_model(tiny_model: Path, tmp_path: Path, name: str) -> None:
    file = damaged(tiny_model, tmp_path / "x", name, 0.5)
    with pytest.raises(LLMSetupError) as caught:
        HuggingFace("x", tmp_path / "x").load_here()
    assert f"{file} is damaged" in caught.value.message


@pytest.mark.parametrize("zipped", [True, False], ids=["torch 1.6 and later", "before"])
def test_weights_of_any_version_of_torch_are_whole(tmp_path: Path, zipped: bool) -> None:
    file = tmp_path / "pytorch_model.bin"
    torch.save({"weight": torch.ones(100)}, file, _use_new_zipfile_serialization=zipped)
    assert damaged_file(tmp_path) is None
    file.write_bytes(b"PK" + file.read_bytes()[2:50])
    assert damaged_file(tmp_path) == file
