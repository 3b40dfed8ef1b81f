"""Weights are read as tensors: a pickle that would run code runs none."""

from __future__ import annotations

import asyncio
import pickle
import shutil
from pathlib import Path

import pytest

from syneg_cli.core.errors import BackboneError, LLMSetupError
from syneg_cli.encoding import load_cross_encoder, load_model
from tests.llm.asking import REQUEST


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "code-ran"


def poisoned(model: Path, tmp_path: Path, marker: Path) -> Path:
    """The model with its weights as a pickle that makes a file when it is read as one."""
    folder = tmp_path / "poisoned"
    shutil.copytree(model, folder)
    for file in folder.rglob("*.safetensors"):
        file.with_name("pytorch_model.bin").write_bytes(pickle.dumps(Payload(marker), protocol=2))
        file.unlink()
    pickle.loads(pickle.dumps(Payload(marker), protocol=2))
    assert marker.exists(), "it would"
    marker.unlink()
    return folder


def test_an_encoder(tiny_model: Path, tmp_path: Path, marker: Path) -> None:
    with pytest.raises(BackboneError, match="could run code"):
        load_model(str(poisoned(tiny_model, tmp_path, marker)))
    assert not marker.exists()


def test_a_cross_encoder(tiny_cross_encoder: Path, tmp_path: Path, marker: Path) -> None:
    with pytest.raises(BackboneError, match="could run code"):
        load_cross_encoder(str(poisoned(tiny_cross_encoder, tmp_path, marker)))
    assert not marker.exists()


def test_a_language_model(tmp_path: Path, marker: Path, tiny_model: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    from syneg_cli.llm import open_llm

    folder = tmp_path / "lm"
    GPT2LMHeadModel(GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=200)).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / file, folder / file)
    llm = open_llm(f"hf:{poisoned(folder, tmp_path, marker)}")
    with pytest.raises(LLMSetupError, match="could run code"):
        asyncio.run(llm.complete(REQUEST))
    assert not marker.exists()
