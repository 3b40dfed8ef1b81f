from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from syneg_cli.losses import info_nce


def test_two_by_two_by_hand() -> None:
    """s = [[1, 0], [0.6, 0.8]], temperature 0.5: rows log(1 + e^-2) and log(1 + e^(-0.4))."""
    queries = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    documents = torch.eye(2)
    loss = info_nce(queries, documents, torch.tensor([0, 1]), temperature=0.5)
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-0.4))) / 2
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_docstring_case() -> None:
    loss = info_nce(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), temperature=1.0)
    assert loss.item() == pytest.approx(math.log(1 + 1 / math.e), abs=1e-6)


def test_masked_documents_take_no_part() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, documents = torch.randn(3, 8, generator=generator), torch.randn(5, 8, generator=generator)
    positives = torch.tensor([0, 1, 2])
    mask = torch.zeros(3, 5, dtype=torch.bool)
    mask[:, 3:] = True
    masked = info_nce(queries, documents, positives, temperature=0.1, mask=mask)
    without = info_nce(queries, documents[:3], positives, temperature=0.1)
    assert masked.item() == pytest.approx(without.item(), abs=1e-6)


def test_a_masked_positive_stays_in() -> None:
    mask = torch.ones(2, 2, dtype=torch.bool)
    loss = info_nce(torch.eye(2), torch.eye(2), torch.tensor([0, 1]), temperature=1.0, mask=mask)
    assert loss.item() == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("negatives", [0, 2])
def test_agrees_with_sentence_transformers(seed: int, negatives: int) -> None:
    """MultipleNegativesRankingLoss with scale = 1 / temperature on the same vectors, to 1e-6."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    generator = torch.Generator().manual_seed(seed)

    def unit(*shape: int) -> Tensor:
        drawn: Tensor = torch.randn(*shape, generator=generator, dtype=torch.float64)
        unit_length: Tensor = drawn / drawn.norm(dim=-1, keepdim=True)
        return unit_length

    batch, dimensions, temperature = 6, 16, 0.05
    queries, positives = unit(batch, dimensions), unit(batch, dimensions)
    hard = [unit(batch, dimensions) for _ in range(negatives)]
    theirs = MultipleNegativesRankingLoss(model=torch.nn.Identity(), scale=1 / temperature)  # type: ignore[arg-type]
    reference = theirs.compute_loss_from_embeddings([queries, positives, *hard], labels=torch.empty(0))
    ours = info_nce(queries, torch.cat([positives, *hard]), torch.arange(batch), temperature=temperature)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-6)
