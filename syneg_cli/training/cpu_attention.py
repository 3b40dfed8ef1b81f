"""Attention whose gradient is fast on a CPU in bf16.

PyTorch's fused attention has a good forward pass on CPUs, but in bf16 its backward pass took
half of a training step (MiniLM, torch 2.13). Here the forward pass is PyTorch's, and the
backward pass is five batched matrix products, a few texts at a time, so that what comes between
them stays in the caches. Nothing of size length x length is kept between the two. In float32
PyTorch's own is faster and stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

NAME = "syneg"
"""Of this attention among those of transformers."""

SCORES = 1 << 20
"""Attention scores that are held at a time."""


class Attention(torch.autograd.Function):
    """softmax(scale · Q Kᵀ) V without dropout.

    Q, K and V are (texts, heads, length, d). `mask` is None or booleans that broadcast to
    (texts, heads, length, length), False where a token takes no part; a token to which none
    takes part gets zeros.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float
    ) -> Tensor:
        output = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask, scale=scale)
        ctx.save_for_backward(query, key, value)
        ctx.mask, ctx.scale = mask, scale
        return output

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query, key, value = ctx.saved_tensors
        mask: Tensor | None = ctx.mask
        texts, heads, rows = query.shape[:3]
        step = max(1, SCORES // (heads * rows * key.shape[2]))
        gradients = [torch.empty_like(part) for part in (query, key, value)]
        for start in range(0, texts, step):
            part = slice(start, start + step)
            own = mask[part] if mask is not None and len(mask) > 1 else mask
            found = _gradients(query[part], key[part], value[part], own, ctx.scale, upstream[part])
            for whole, piece in zip(gradients, found, strict=True):
                whole[part] = piece
        return gradients[0], gradients[1], gradients[2], None, None


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """`Attention` as a function: (texts, heads, length, d)."""
    output: Tensor = Attention.apply(query, key, value, mask, scale)  # type: ignore[no-untyped-call]
    return output


def _gradients(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, upstream: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """dQ, dK and dV: with P the softmax, dV = Pᵀ dO, dP = dO Vᵀ, dQ = scale · dS K, dK = scale · dSᵀ Q."""
    query, key = (query * scale).contiguous(), key.contiguous()
    value, upstream = value.contiguous(), upstream.contiguous()
    scores = query @ key.transpose(2, 3)
    if mask is not None:
        scores.masked_fill_(~mask, float("-inf"))
    shares = scores.softmax(dim=3)
    if mask is not None and not mask.any(dim=-1).all():
        shares.nan_to_num_()
    change = torch.ops.aten._softmax_backward_data(upstream @ value.transpose(2, 3), shares, 3, shares.dtype)
    return change @ (key * scale), change.transpose(2, 3) @ query, shares.transpose(2, 3) @ upstream


def attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """As transformers' attention functions; what this one is not made for goes to its own."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    ours = (
        torch.is_grad_enabled()
        and query.requires_grad
        and query.device.type == "cpu"
        and query.dtype == torch.bfloat16
        and not dropout
        and query.shape[1] == key.shape[1]
        and (not causal if attention_mask is None else attention_mask.dtype == torch.bool)
        and not any(kwargs.get(name) is not None for name in ("position_bias", "softcap", "cache"))
    )
    if not ours:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attend(query, key, value, attention_mask, scale).transpose(1, 2).contiguous(), None


@contextmanager
def fast_attention(model: SentenceTransformer) -> Iterator[None]:
    """Use it while training on a CPU, where the model uses PyTorch's attention."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    transformer: Any = getattr(model[0], "model", None)
    chosen = getattr(getattr(transformer, "config", None), "_attn_implementation", None)
    if model.device.type != "cpu" or chosen != "sdpa":
        yield
        return
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    transformer.set_attn_implementation(NAME)
    try:
        yield
    finally:
        transformer.set_attn_implementation(chosen)
