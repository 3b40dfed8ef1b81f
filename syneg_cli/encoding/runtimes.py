"""A model's transformer, compiled for the CPU by another runtime: OpenVINO or ONNX Runtime.

PyTorch loads the model and hands it over in memory. So every model that syneg can load is a
candidate, its weights are known to the embedding cache, and only the runtime itself has to be
installed: sentence-transformers' own way needs optimum, whose releases are made for older
versions of transformers. What comes out is compared with PyTorch before it is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from syneg_cli.core import BackboneError, install

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.nn import Module

    Features = dict[str, Any]
    Run = Callable[[list[np.ndarray]], np.ndarray]
    """Token ids, mask and so on, (n, length) each -> the last hidden state, (n, length, d)."""

Backend = Literal["torch", "onnx", "openvino"]
Precision = Literal["bf16", "fp32"]

PACKAGES = {"onnx": ("onnxruntime", "onnx", "onnxscript"), "openvino": ("openvino",)}
OPSET = 18
"""In 23, ONNX Runtime 1.32 does not run the rotary embeddings of ModernBERT and Qwen3."""

TOLERANCE = {"fp32": 1e-3, "bf16": 0.1}
"""How far the hidden states may be from PyTorch's in float32, relative to their length."""

LONGEST = 512
"""Tokens of the longest text of that comparison."""


def check_backend(backend: Backend, precision: str) -> None:
    """Find out what can be found out without a model.

    Raises:
        BackboneError: the backend is not installed, or cannot compute in that precision.
    """
    if precision == "bf16" and (reason := why_fp32(backend)):
        raise BackboneError(f"--backend {backend} {reason}.", hint="Leave out --precision, or --backend.")
    if missing := [package for package in PACKAGES.get(backend, ()) if find_spec(package) is None]:
        raise BackboneError(
            f"--backend {backend} is not installed: there is no {' and no '.join(missing)}.",
            hint=f"Run `{install(*missing)}`, or leave out --backend.",
        )


def why_fp32(backend: Backend) -> str:
    """What keeps a backend from bf16; empty if nothing does."""
    if backend == "onnx":
        return "computes in fp32 only"
    # OpenVINO 2026.4 divides by zero in Qwen3 and ends the process (also its issue 33300).
    alone = backend == "openvino" and _threads() == 1
    return "may crash in bf16 where it has a single thread" if alone else ""


def _threads() -> int:
    import torch

    # macOS does not say which processors a process may use.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(torch.get_num_threads(), cores)


def compile_transformer(
    transformer: Any, backend: Backend, precision: Precision
) -> Callable[[Features], Features]:
    """What does as the transformer module of a sentence-transformers model does, on the CPU.

    Raises:
        BackboneError: the backend cannot take the model, or computes something else.
    """
    import torch

    _check_module(transformer, backend)
    module = transformer.model.eval()
    names = [name for name in _tokens(transformer, ["a"]) if name in signature(module.forward).parameters]
    # Tracing needs tensors that autograd could follow; the encoder works without.
    with torch.inference_mode(False), torch.no_grad(), _plain_attention(module):
        run = _compiled(_hidden(module, names), _inputs(transformer, names), backend, precision)
        _compare(run, transformer, names, backend, precision)

    def forward(features: Features) -> Features:
        hidden = run([features[name].numpy() for name in names])
        return {**features, "token_embeddings": torch.from_numpy(hidden)}

    return forward


@contextmanager
def _plain_attention(module: Any) -> Iterator[None]:
    """Attention as matrix products and a softmax.

    PyTorch's fused one gives zeros for a token that may look at none (padding); translated, it gives
    NaN. ONNX Runtime is also a third faster without (MiniLM, version 1.32).
    """
    chosen = module.config._attn_implementation
    with suppress(ValueError):  # a model with code of its own may have no other; it is compared all the same
        module.set_attn_implementation("eager")
    try:
        yield
    finally:
        module.set_attn_implementation(chosen)


def _check_module(transformer: Any, backend: Backend) -> None:
    from sentence_transformers.base.modules import Transformer

    text: Any = transformer.modality_config.get("text", {}) if isinstance(transformer, Transformer) else {}
    output = text.get("method_output_name")
    plain = text.get("method") == "forward" and output in ("last_hidden_state", ("last_hidden_state",))
    if not plain:
        raise BackboneError(
            f"--backend {backend} compiles transformers that encode texts; this model has none.",
            hint="Leave out --backend.",
        )


def _compiled(hidden: Module, inputs: list[Tensor], backend: Backend, precision: Precision) -> Run:
    import logging
    import warnings

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _onnx(hidden, inputs) if backend == "onnx" else _openvino(hidden, inputs, precision)
    except Exception as error:  # each library has its own, and most are plain RuntimeErrors
        said = (str(error).strip().splitlines() or [""])[0]
        raise BackboneError(
            f"--backend {backend} cannot compile this model: {type(error).__name__}: {said}",
            hint="Leave out --backend.",
        ) from error


def _onnx(hidden: Module, inputs: list[Tensor]) -> Run:
    import torch

    runtime: Any = import_module("onnxruntime")
    any_size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    program: Any = torch.onnx.export(
        hidden,
        tuple(inputs),
        dynamo=True,
        dynamic_shapes=((any_size,) * len(inputs),),
        opset_version=OPSET,
        verbose=False,
    )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        program.save(file, external_data=True)  # one file holds 2 GB at most
        session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(arrays: list[np.ndarray]) -> np.ndarray:
        hidden_states: np.ndarray = session.run(None, dict(zip(names, arrays, strict=True)))[0]
        return hidden_states

    return run


def _openvino(hidden: Module, inputs: list[Tensor], precision: Precision) -> Run:
    openvino: Any = import_module("openvino")
    decoders: Any = import_module("openvino.frontend.pytorch.ts_decoder")
    # Not openvino.convert_model: that reports its use to OpenVINO's makers.
    frontend = import_module("openvino.frontend").FrontEndManager().load_by_framework("pytorch")
    decoder = decoders.TorchScriptPythonDecoder(hidden, example_input=tuple(inputs))
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": _threads(),
    }
    compiled = openvino.Core().compile_model(frontend.convert(frontend.load(decoder)), "CPU", settings)

    def run(arrays: list[np.ndarray]) -> np.ndarray:
        hidden_states: np.ndarray = compiled(arrays)[0]
        return hidden_states

    return run


def _compare(run: Run, transformer: Any, names: list[str], backend: Backend, precision: Precision) -> None:
    """Raises BackboneError unless texts of other lengths than the ones traced give PyTorch's vectors."""
    import torch

    limit = min(transformer.max_seq_length or LONGEST, LONGEST)
    inputs = _tokens(transformer, ["a", "b c d", "e " * limit], limit)
    expected = _hidden(transformer.model, names)(*(inputs[name] for name in names))
    found = torch.from_numpy(run([inputs[name].numpy() for name in names]))
    real = inputs["attention_mask"].bool()
    error = float((found - expected)[real].norm() / expected[real].norm())
    if not error <= TOLERANCE[precision]:
        how = f"off by {error:.1%}" if isfinite(error) else "not finite"
        raise BackboneError(
            f"--backend {backend} gives other vectors than PyTorch for this model ({how}).",
            hint="Leave out --backend.",
        )


def _inputs(transformer: Any, names: list[str]) -> list[Tensor]:
    """Two texts, one of them padded: a graph traced without padding may leave the mask out."""
    tokens = _tokens(transformer, ["a b c d e f g", "h"])
    return [tokens[name] for name in names]


def _tokens(transformer: Any, texts: list[str], limit: int | None = None) -> dict[str, Tensor]:
    tokenizer: Any = transformer.tokenizer
    made = tokenizer(texts, padding=True, truncation=limit is not None, max_length=limit, return_tensors="pt")
    return dict(made)


def _hidden(module: Any, names: list[str]) -> Module:
    """The transformer with positional inputs and a tensor for a result."""
    import torch

    more = {"use_cache": False} if "use_cache" in signature(module.forward).parameters else {}

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *given: Tensor) -> Tensor:
            named = dict(zip(names, given, strict=True))
            state: Tensor = self.module(**named, **more, return_dict=True).last_hidden_state
            return state

    return Hidden()
