from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from syneg_cli.training.losses import (
    guided_mask,
    info_nce,
    listwise,
    listwise_distillation,
    pairwise_bce,
    pairwise_lambda,
    source_balance,
)


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


def test_guided_mask_by_hand() -> None:
    scores = torch.tensor([[0.5, 0.6, 0.45, 0.1], [0.2, 0.9, 0.85, 0.95]])
    positives = torch.tensor([0, 1])
    assert guided_mask(scores, positives).tolist() == [
        [False, True, False, False],
        [False, False, False, True],
    ]
    wide = guided_mask(scores, positives, margin=0.1)
    assert wide.tolist() == [[False, True, True, False], [False, False, True, True]]


def test_source_balance_by_hand() -> None:
    """Scores 1 (mined), 1 and 0 (synthetic), tau 1: p = (e, e, 1) / (2e + 1)."""
    queries = torch.tensor([[1.0, 0.0]])
    documents = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
    mined = torch.tensor([[True, False, False, False]])
    synthetic = torch.tensor([[False, True, True, False]])
    e = math.e
    part = (e + 1) / (2 * e + 1)
    within = [e / (e + 1), 1 / (e + 1)]
    entropy = -sum(p * math.log(p) for p in within)
    expected = (part - 2 / 3) ** 2 - entropy
    value = source_balance(queries, documents, synthetic, mined, temperature=1.0)
    assert value.item() == pytest.approx(expected, abs=1e-6)


def test_source_balance_is_the_mean_of_its_queries() -> None:
    """Two queries with other numbers of negatives, at the default tau of 0.1, against each alone."""
    generator = torch.Generator().manual_seed(3)
    queries, documents = torch.randn(2, 4, generator=generator), torch.randn(6, 4, generator=generator)
    synthetic = torch.tensor(
        [[True, True, False, False, False, False], [False, False, False, True, True, True]]
    )
    mined = torch.tensor(
        [[False, False, True, False, False, False], [True, True, False, False, False, False]]
    )
    both = source_balance(queries, documents, synthetic, mined).item()
    alone = [
        source_balance(
            queries[i : i + 1], documents, synthetic[i : i + 1], mined[i : i + 1], temperature=0.1
        ).item()
        for i in range(2)
    ]
    by_hand = []
    for i in range(2):
        own = synthetic[i] | mined[i]
        p = ((documents[own] @ queries[i]).double() / 0.1).softmax(0)
        ours = p[synthetic[i][own]]
        within = ours / ours.sum()
        share = synthetic[i].sum() / own.sum()
        by_hand.append(((ours.sum() - share) ** 2 + (within * within.log()).sum()).item())
    assert alone == pytest.approx(by_hand, abs=1e-5)
    assert both == pytest.approx(sum(by_hand) / 2, abs=1e-5)


def test_source_balance_moves_synthetic_documents_only() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(2, 4, generator=generator, requires_grad=True)
    documents = torch.randn(5, 4, generator=generator, requires_grad=True)
    synthetic = torch.tensor([[False, True, True, False, False], [False] * 5])
    mined = torch.tensor([[False, False, False, True, False], [False, False, False, False, True]])
    source_balance(queries, documents, synthetic, mined).backward()
    assert queries.grad is None or not queries.grad.any()
    assert documents.grad is not None
    assert documents.grad.any(dim=1).tolist() == [False, True, True, False, False]
    assert source_balance(queries, documents, mined & False, mined).item() == 0.0


def test_distillation_by_hand() -> None:
    teacher = torch.tensor([[math.log(3.0), 0.0]])
    assert listwise_distillation(teacher, teacher).item() == pytest.approx(0.0, abs=1e-7)
    loss = listwise_distillation(torch.zeros(1, 2), teacher)
    assert loss.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), abs=1e-6)


def test_distillation_agrees_with_torch_and_ignores_absent_candidates() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, teacher = torch.randn(4, 6, generator=generator), torch.randn(4, 6, generator=generator)
    reference = torch.nn.functional.kl_div(
        (scores / 0.5).log_softmax(1), (teacher / 2).log_softmax(1), log_target=True, reduction="batchmean"
    )
    ours = listwise_distillation(scores, teacher, temperature=0.5, teacher_temperature=2)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-6)
    absent = torch.full((4, 1), float("-inf"))
    padded = listwise_distillation(torch.cat([scores, absent], 1), torch.cat([teacher, absent], 1))
    assert padded.item() == pytest.approx(listwise_distillation(scores, teacher).item(), abs=1e-6)


SCORES = torch.tensor([[1.0, 0.0, float("-inf")], [0.5, 2.0, -1.0]])
"""Two groups of a cross-encoder: of two documents, and of three."""


def test_listwise_by_hand_and_documents_of_other_groups_take_no_part() -> None:
    assert listwise(SCORES[:1], torch.tensor([0])).item() == pytest.approx(math.log(1 + math.exp(-1)))
    second = -2.0 + math.log(sum(map(math.exp, (0.5, 2.0, -1.0))))
    both = listwise(SCORES, torch.tensor([0, 1])).item()
    assert both == pytest.approx((math.log(1 + math.exp(-1)) + second) / 2)
    alone = torch.tensor([[float("-inf"), 3.0]])
    assert listwise(alone, torch.tensor([1])).item() == 0.0


def test_binary_cross_entropy_by_hand_is_the_mean_over_pairs() -> None:
    def cost(score: float, relevant: bool) -> float:
        return math.log1p(math.exp(-score if relevant else score))

    pairs = [(1.0, True), (0.0, False), (0.5, False), (2.0, True), (-1.0, False)]
    expected = sum(cost(*pair) for pair in pairs) / len(pairs)
    assert pairwise_bce(SCORES, torch.tensor([0, 1])).item() == pytest.approx(expected)
    broken = torch.tensor([[1.0, float("nan")]])
    assert math.isnan(pairwise_bce(broken, torch.tensor([0])).item()), "a score that is none is not left out"


def test_pairwise_lambda_by_hand() -> None:
    """Scores 2, 1, 3: ranks 2, 3, 1. The relevant one is the first."""
    scores = torch.tensor([[2.0, 1.0, 3.0]])
    relevant = torch.tensor([[True, False, False]])
    expected = (
        abs(1 / 2 - 1 / 3) * math.log(1 + math.exp(-1)) + abs(1 / 2 - 1) * math.log(1 + math.exp(1))
    ) / 2
    assert pairwise_lambda(scores, relevant).item() == pytest.approx(expected, abs=1e-6)
    assert pairwise_lambda(scores, relevant & False).item() == 0.0
    wider = torch.tensor([[2.0, 9.0, 1.0, 3.0]])  # the second is not there, whatever it scores
    kept = torch.tensor([[True, False, True, True]])
    relevant = torch.tensor([[True, False, False, False]])
    assert pairwise_lambda(wider, relevant, kept).item() == pytest.approx(expected, abs=1e-6)


def test_equal_scores_rank_in_their_order() -> None:
    """Two equal scores have the ranks 1 and 2, whatever else is in the batch: 1/1 - 1/2 times log 2."""
    scores = torch.zeros(40, 64)
    relevant = torch.zeros(40, 64, dtype=torch.bool)
    relevant[:, 0] = True
    present = torch.zeros(40, 64, dtype=torch.bool)
    present[:, :2] = True
    assert pairwise_lambda(scores, relevant, present).item() == pytest.approx(math.log(2) / 2, abs=1e-6)


def test_a_document_at_the_guides_bound_is_kept() -> None:
    """Only one that scores higher than the positive, less the margin, is masked."""
    scores = torch.tensor([[0.75, 0.5, 0.625]])
    masked = guided_mask(scores, torch.tensor([0]), margin=0.25)
    assert masked.tolist() == [[False, False, True]]
