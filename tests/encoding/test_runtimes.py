"""Encoders on other runtimes: the same vectors as PyTorch's, or a message.

Where a runtime is not installed, PyTorch stands in for it in what concerns syneg alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from syneg_cli.core.errors import BackboneError
from syneg_cli.encoding import runtimes as compiled
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.encoding.runtimes import PACKAGES, Backend
from tests.conftest import Cli
from tests.encoding.test_encoder import TEXTS

BACKENDS: tuple[Backend, ...] = ("onnx", "openvino")
LONG = [*TEXTS, "sleep and memory " * 30]


@pytest.fixture(params=BACKENDS)
def installed(request: pytest.FixtureRequest) -> Backend:
    for package in PACKAGES[request.param]:
        pytest.importorskip(package)
    backend: Backend = request.param
    return backend


Stand = Callable[[Callable[[torch.Tensor], torch.Tensor]], None]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """`stand_in(change)`: PyTorch as a runtime whose hidden states went through `change`."""

    def install(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        def take(hidden: Any, inputs: list[torch.Tensor], *precision: str) -> Any:
            def run(arrays: list[np.ndarray]) -> np.ndarray:
                with torch.no_grad():
                    states: np.ndarray = change(hidden(*map(torch.from_numpy, arrays))).numpy()
                return states

            return run

        monkeypatch.setattr(compiled, "find_spec", lambda name: name)
        for backend in BACKENDS:
            monkeypatch.setattr(compiled, f"_{backend}", take)

    return install


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_threads", lambda: 2)


def load(folder: Path, backend: Backend = "torch", precision: str = "fp32", **more: Any) -> Encoder:
    return Encoder.load(str(folder), backend=backend, precision=precision, **more)


def test_vectors_are_those_of_pytorch(
    installed: Backend, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    encoder = load(tiny_model, installed)
    config: Any = encoder.model.config
    attention = config._attn_implementation
    expected = load(tiny_model)
    for batch in (LONG, LONG[:1], LONG[1:]):
        assert np.allclose(encoder.encode_texts(batch), expected.encode_texts(batch), atol=1e-5)
    assert encoder.precision == "fp32"
    assert config._attn_implementation == attention
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_openvino_in_bf16_is_near_fp32(tiny_model: Path, two_threads: None) -> None:
    pytest.importorskip("openvino")
    half = load(tiny_model, "openvino", "bf16")
    assert half.precision == "bf16"
    exact = load(tiny_model).encode_texts(LONG)
    assert (exact * half.encode_texts(LONG)).sum(axis=1).min() > 0.999


def test_mine_finds_the_same_negatives(installed: Backend, cli: Cli, tiny: Path, tiny_model: Path) -> None:
    def negatives(*flags: str) -> list[tuple[object, ...]]:
        from syneg_cli.core.record_files import read_mined

        result = cli("mine", tiny, "--backbone", tiny_model, "--precision", "fp32", *flags)
        assert result.code == 0, result.err
        found = read_mined(Path(".syneg/tiny/mined/dense.jsonl"))
        return [(n.query_id, n.doc_id, round(float(n.score or 0), 4)) for n in found]

    assert negatives("--backend", installed) == negatives()


FAMILIES = {
    "MPNet": {"max_position_embeddings": 70},
    "XLMRoberta": {"max_position_embeddings": 70},
    "ModernBert": {"local_attention": 8, "pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3},
    "Qwen3": {"num_key_value_heads": 1, "head_dim": 16},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_of_the_table_compiles(
    installed: Backend, family: str, tiny_model: Path, tmp_path: Path
) -> None:
    import transformers

    torch.manual_seed(0)
    tokenizer = transformers.BertTokenizer.from_pretrained(tiny_model.parent / "bert")
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        **FAMILIES[family],
    )
    getattr(transformers, f"{family}Model")(config).save_pretrained(tmp_path)
    tokenizer.model_max_length = 60
    tokenizer.padding_side = "left" if family == "Qwen3" else "right"
    tokenizer.save_pretrained(tmp_path)
    expected = load(tmp_path).encode_texts(LONG)
    assert np.allclose(load(tmp_path, installed).encode_texts(LONG), expected, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_that_is_not_installed_says_how_to_get_it(backend: Backend, cli: Cli, tiny: Path) -> None:
    if all(importlib.util.find_spec(package) for package in PACKAGES[backend]):
        pytest.skip(f"{backend} is installed")
    result = cli("mine", tiny, "--backbone", "minilm", "--backend", backend)
    assert result.code == 2
    assert f"--backend {backend} is not installed" in result.err
    assert "pip install" in result.err


def test_bf16_where_there_is_none(
    stand_in: Stand, tiny_model: Path, two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(lambda hidden: hidden)
    with pytest.raises(BackboneError, match="onnx computes in fp32 only"):
        load(tiny_model, "onnx", "bf16")
    assert load(tiny_model, "onnx", "auto").precision == "fp32"
    assert load(tiny_model, "openvino", "bf16").precision == "bf16"
    monkeypatch.setattr(compiled, "_threads", lambda: 1)
    with pytest.raises(BackboneError, match="may crash in bf16 where it has a single thread"):
        load(tiny_model, "openvino", "bf16")
    assert load(tiny_model, "openvino", "auto").precision == "fp32"


@pytest.mark.parametrize("backend", BACKENDS)
def test_vectors_are_cached_by_weights_and_backend(
    backend: Backend, tiny_model: Path, stand_in: Stand, two_threads: None
) -> None:
    """sentence-transformers' own onnx and openvino models have no weights that could be told apart."""
    stand_in(lambda hidden: hidden)
    other = load_model(str(tiny_model))
    with torch.no_grad():
        next(other.parameters())[0, 0] += 1
    encoders = [
        load(tiny_model),
        load(tiny_model, backend),
        Encoder(other, backend=backend, precision="fp32"),
        load(tiny_model, "openvino", "bf16"),
    ]
    keys = {encoder.towers["document"].fingerprint for encoder in encoders}
    assert len(keys) == len(encoders)
    assert np.allclose(encoders[0].encode_texts(LONG), encoders[1].encode_texts(LONG), atol=1e-6)


def test_the_listing_of_the_cache_names_the_backend(
    tiny: Path, tiny_model: Path, cli: Cli, stand_in: Stand
) -> None:
    stand_in(lambda hidden: hidden)
    assert cli("mine", tiny, "--backbone", tiny_model, "--precision", "fp32", "--backend", "onnx").code == 0
    assert "fp32, onnx" in cli("cache", "embeddings").out


WRONG: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "a little": lambda hidden: hidden + 0.1,
    "not a number": lambda hidden: hidden * float("nan"),
    "padding takes part": lambda hidden: hidden + hidden.mean(dim=1, keepdim=True),
}


@pytest.mark.parametrize("change", WRONG)
def test_what_computes_something_else_is_refused(change: str, tiny_model: Path, stand_in: Stand) -> None:
    stand_in(WRONG[change])
    with pytest.raises(BackboneError, match="gives other vectors than PyTorch"):
        load(tiny_model, "openvino").encode_texts(TEXTS)


def test_what_cannot_be_compiled_is_said_in_a_line(
    tiny_model: Path, stand_in: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(lambda hidden: hidden)

    def fails(*args: object) -> None:
        raise RuntimeError("unsupported operator\nand a page of graph")

    monkeypatch.setattr(compiled, "_openvino", fails)
    with pytest.raises(BackboneError, match="RuntimeError: unsupported operator") as caught:
        load(tiny_model, "openvino").encode_texts(TEXTS)
    assert caught.value.message.endswith("RuntimeError: unsupported operator")
    assert caught.value.hint == "Leave out --backend."


def test_a_model_without_a_transformer_is_refused(stand_in: Stand) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    stand_in(lambda hidden: hidden)
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "sleep": 1}, unk_token="[UNK]"))
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    with pytest.raises(BackboneError, match="this model has none"):
        Encoder(model, backend="onnx").encode_texts(TEXTS)
