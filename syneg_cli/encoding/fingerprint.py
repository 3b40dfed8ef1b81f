"""What makes two models in memory give the same vectors, as hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syneg_cli.core import content_hash

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


def model_parts(model: SentenceTransformer) -> dict[str, Any]:
    """Part -> value or hash: weights, modules, tokeniser, prompts, maximum length, backend."""
    return {
        "weights": weights_digest(model.state_dict()),
        "modules": [(type(module).__name__, _module_config(module)) for module in model],
        "tokenizer": _tokenizer_digest(model),
        "prompts": dict(model.prompts),
        "max_length": model.max_seq_length,
        "backend": model.get_backend(),
    }


def weights_digest(weights: Mapping[str, torch.Tensor]) -> str:
    """Of weights by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: torch.Tensor) -> Any:
    import torch

    flat = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
    return flat.numpy().data


def _module_config(module: Any) -> Any:
    return module.get_config_dict() if hasattr(module, "get_config_dict") else ""


def _tokenizer_digest(model: SentenceTransformer) -> str:
    tokenizer: Any = getattr(model, "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return ""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    side = getattr(tokenizer, "padding_side", "right")
    return content_hash([vocabulary, side, type(tokenizer).__name__])
