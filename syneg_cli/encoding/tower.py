"""One side of an encoder: token ids to vectors, in the precision the processor likes best.

Most encoders use one model for queries and documents; ADORE leaves two. A tower never changes
its model's weights. Vectors are float32; models compared by cosine give unit vectors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from syneg_cli.core import SynegError, content_hash
from syneg_cli.encoding.fingerprint import model_parts
from syneg_cli.encoding.kept_layers import find_kept
from syneg_cli.encoding.runtimes import Backend, compile_transformer, why_fp32
from syneg_cli.encoding.split_layers import Split

if TYPE_CHECKING:
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

FORMAT = 4
"""Raised when the same model would give other vectors than an earlier version of this file."""


def resolve_precision(precision: str, device: Any) -> Literal["bf16", "fp32"]:
    """What "auto" means on a device: bf16 where the processor computes in it, else fp32."""
    import torch

    if precision != "auto":
        return "bf16" if precision == "bf16" else "fp32"
    kind = torch.device(device).type
    if kind == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if kind == "cpu" and _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    """Whether products in bf16 are the processor's own, not PyTorch's imitation of them."""
    import torch

    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if limit and not any(part in limit for part in ("DEFAULT", "ALL", "BF16", "FP16", "AMX", "AVX10")):
        return False  # oneDNN, which computes them, was told to do without
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


class Tower:
    """A model whose weights do not change during the tower's life.

    Args:
        precision: "auto", "fp32" or "bf16"; bf16 computes with a copy of the weights in bf16.
        backend: what runs the transformer; other ones than "torch" run on the CPU alone.
    """

    def __init__(self, model: SentenceTransformer, precision: str, backend: Backend = "torch") -> None:
        from sentence_transformers.base.modules import Transformer

        self.model = model
        self.backend = backend
        self.similarity: Literal["cosine", "dot"] = "dot" if model.similarity_fn_name == "dot" else "cosine"
        # Half precision pays for matrix products, which static embeddings have none of.
        products = isinstance(model[0], Transformer) and not why_fp32(backend)
        self.precision = resolve_precision(precision, model.device) if products else "fp32"

    @cached_property
    def dimension(self) -> int:
        dimension = self.model.truncate_dim or self.model.get_embedding_dimension()
        if dimension is None:
            dimension = len(self.model.encode(["x"], show_progress_bar=False)[0])
        return int(dimension)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that changes the vectors, weights and tokeniser included."""
        return content_hash(
            {
                **model_parts(self.model),
                "backend": self.backend,
                "similarity": self.similarity,
                "dimension": self.dimension,
                "precision": self.precision,
                "format": FORMAT,
            }
        )

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Dropout off, and back as it was."""
        training = self.model.training
        self.model.eval()
        try:
            yield
        finally:
            self.model.train(training)

    def split(self, layers: int) -> Split:
        """What it computes with, cut behind the first layers; for a model with nothing against it."""
        return Split(self._transformer if self.precision == "bf16" else self.model[0], layers)

    @contextmanager
    def reusing(self, cache: Path | None) -> Iterator[None]:
        """Meanwhile what a cache has of the model's first layers is not computed."""
        kept = find_kept(cache, self.model, self.precision) if cache and self.backend == "torch" else None
        if kept is None:
            yield
            return
        split = self.split(kept.layers)
        with split.upper_alone(partial(kept.hidden, split)):
            yield

    def forward(self, features: dict[str, Any]) -> np.ndarray:
        """Input tensors of n texts -> (n, d) float32.

        Raises:
            SynegError: a vector is not finite.
        """
        import torch
        from sentence_transformers.util import batch_to_device

        with torch.inference_mode():
            output = self._embed(batch_to_device(features, self.model.device))[:, : self.dimension].float()
            if self.similarity == "cosine":
                output = torch.nn.functional.normalize(output, dim=1)
        if not bool(torch.isfinite(output).all()):
            raise SynegError("The encoder gave vectors that are not finite.", hint="Try --precision fp32.")
        vectors: np.ndarray = output.cpu().numpy()
        return vectors

    @cached_property
    def _transformer(self) -> Any:
        """Compiled, or with weights in bf16: on a CPU twice as fast as autocast."""
        import copy

        if self.backend != "torch":
            return compile_transformer(self.model[0], self.backend, self.precision)
        return copy.deepcopy(self.model[0]).bfloat16().eval()

    def _embed(self, features: dict[str, Any]) -> torch.Tensor:
        if self.backend == "torch" and self.precision == "fp32":
            return cast("torch.Tensor", self.model(features)["sentence_embedding"])
        features = self._transformer(features)
        # Pooling and what follows stay in float32: rounding the vectors themselves costs most.
        for key, value in features.items():
            if getattr(value, "is_floating_point", bool)():
                features[key] = value.float()
        for module in list(self.model)[1:]:
            features = module(features)
        return cast("torch.Tensor", features["sentence_embedding"])
