from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from syneg_cli.encoding.loading import load_model
from syneg_cli.training.gradcache import Features, cached_loss, split
from syneg_cli.training.losses import info_nce
from syneg_cli.training.parameters import dropout as _dropout
from tests.conftest import DOCS, QUERIES

TEXTS = [f"{title} {text}" for title, text in DOCS.values()]


def loss(vectors: Sequence[Tensor]) -> Tensor:
    queries, documents = vectors
    return info_nce(queries, documents, torch.arange(len(queries)), temperature=0.05)


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_the_gradient_is_that_of_the_plain_loss(chunk: int, tiny_model: Path) -> None:
    model = load_model(str(tiny_model)).train()
    parts = [model.preprocess(list(QUERIES.values())), model.preprocess(TEXTS)]

    def encode(features: Features) -> Tensor:
        encoded: Tensor = model(dict(features))["sentence_embedding"]
        return encoded

    def gradients() -> Tensor:
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    with _dropout(model, 0.0):
        plain = loss([encode(part) for part in parts])
        plain.backward()
        expected = gradients()
        model.zero_grad()
        cached = cached_loss(encode, parts, loss, chunk=chunk)
        (cached * 0.5).backward()
    assert cached.item() == pytest.approx(plain.item(), abs=1e-5)
    assert torch.allclose(gradients() * 2, expected, atol=1e-5)


def test_dropout_draws_the_same_masks_in_both_passes(tiny_model: Path) -> None:
    model = load_model(str(tiny_model)).train()
    seen: list[Tensor] = []

    def encode(features: Features) -> Tensor:
        vectors: Tensor = model(dict(features))["sentence_embedding"]
        seen.append(vectors.detach())
        return vectors

    parts = [model.preprocess(list(QUERIES.values())), model.preprocess(TEXTS)]
    cached_loss(encode, parts, loss, chunk=2).backward()
    half = len(seen) // 2
    assert all(torch.equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))
    assert not torch.equal(seen[0], encode(next(split(parts[0], 2))).detach())


def test_without_gradients_it_is_the_plain_loss(tiny_model: Path) -> None:
    model = load_model(str(tiny_model)).eval()
    parts = [model.preprocess(list(QUERIES.values())), model.preprocess(TEXTS)]

    def encode(features: Features) -> Tensor:
        encoded: Tensor = model(dict(features))["sentence_embedding"]
        return encoded

    with torch.no_grad():
        value = cached_loss(encode, parts, loss, chunk=2)
        assert value.item() == pytest.approx(loss([encode(part) for part in parts]).item(), abs=1e-6)


def test_pieces_are_cut_to_their_longest_text() -> None:
    ids = torch.tensor([[1, 2, 0, 0], [1, 0, 0, 0], [1, 2, 3, 0]])
    pieces = list(split({"input_ids": ids, "attention_mask": (ids > 0).long()}, 2))
    assert [piece["input_ids"].shape for piece in pieces] == [(2, 2), (1, 3)]
