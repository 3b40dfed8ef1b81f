"""Our attention's gradient against PyTorch's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from syneg_cli.encoding.loading import load_model
from syneg_cli.training import cpu_attention as module
from syneg_cli.training.cpu_attention import attend, fast_attention

SCALE = 0.7


def inputs(texts: int, heads: int, length: int, size: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (texts, heads, length, size)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(4)]


def gradients(function: Any, parts: list[torch.Tensor]) -> list[torch.Tensor]:
    leaves = [part.clone().requires_grad_() for part in parts[:3]]
    output = function(*leaves)
    return [output.detach(), *torch.autograd.grad(output, leaves, parts[3])]


@settings(max_examples=40, deadline=None)
@given(
    texts=st.integers(1, 5),
    heads=st.integers(1, 3),
    length=st.integers(1, 7),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["none", "padding", "rows", "shared"]),
    held=st.sampled_from([1, 60, 1 << 20]),
)
def test_the_gradient_is_pytorchs(
    texts: int, heads: int, length: int, seed: int, kind: str, held: int
) -> None:
    parts = inputs(texts, heads, length, 4, seed)
    generator = torch.Generator().manual_seed(seed)
    shape = {
        "padding": (texts, 1, 1, length),
        "rows": (texts, 1, length, length),
        "shared": (1, 1, 1, length),
    }
    mask = None
    if kind != "none":
        mask = torch.rand(shape[kind], generator=generator) < 0.6
        mask[..., 0] = True
    before = module.SCORES
    module.SCORES = held
    try:
        ours = gradients(lambda q, k, v: attend(q, k, v, mask, SCALE), parts)
    finally:
        module.SCORES = before
    theirs = gradients(lambda q, k, v: scaled_dot_product_attention(q, k, v, mask, scale=SCALE), parts)
    for own, other in zip(ours, theirs, strict=True):
        assert torch.allclose(own, other, atol=1e-10)


def test_a_token_that_sees_nothing_moves_nothing() -> None:
    parts = inputs(2, 1, 3, 4, seed=0)
    mask = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    mask[1, 0, 2] = False
    _, query, key, value = gradients(lambda q, k, v: attend(q, k, v, mask, SCALE), parts)
    assert torch.equal(query[1, 0, 2], torch.zeros(4, dtype=torch.float64))
    for part in (query, key, value):
        assert torch.isfinite(part).all()


def test_it_is_used_in_bf16_while_training_and_put_back(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[torch.dtype] = []

    def counted(query: torch.Tensor, *others: Any) -> torch.Tensor:
        calls.append(query.dtype)
        return attend(query, *others)

    monkeypatch.setattr(module, "attend", counted)
    model = load_model(str(tiny_model))
    transformer: Any = model[0]
    features = model.preprocess(["vitamin d", "sleep and memory in older women"])

    def encode(dtype: torch.dtype) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            vectors: torch.Tensor = model(dict(features))["sentence_embedding"]
        return vectors

    with fast_attention(model):
        fast = encode(torch.bfloat16)
        assert calls == [torch.bfloat16] * 2, "once a layer"
        encode(torch.float32)
        with torch.no_grad():
            encode(torch.bfloat16)
    assert len(calls) == 2, "neither in float32 nor without a gradient"
    assert transformer.model.config._attn_implementation == "sdpa"
    assert torch.allclose(fast.float(), encode(torch.bfloat16).float(), atol=1e-6)


def test_the_models_gradient_is_that_of_pytorchs_attention(tiny_model: Path) -> None:
    """In bf16 both round, each its own way; they agree as far as bf16 does."""
    found = []
    for ours in (False, True):
        model = load_model(str(tiny_model)).eval()
        features = model.preprocess(["vitamin d", "sleep and memory in older women"])
        with fast_attention(model) if ours else torch.enable_grad(), torch.autocast("cpu", torch.bfloat16):
            vectors = model(dict(features))["sentence_embedding"]
            (vectors.float() * torch.arange(32)).sum().backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert torch.nn.functional.cosine_similarity(found[0], found[1], dim=0) > 0.999
