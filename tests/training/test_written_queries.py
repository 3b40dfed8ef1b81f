"""LLM-written queries in training: what each counts, and whether they come before the real ones."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from syneg_cli.core import NegativeRef, SyntheticQuery, TrainingInstance, UsageError
from syneg_cli.data import Dataset, load_dataset, with_queries
from syneg_cli.encoding import load_model
from syneg_cli.mixing import Texts, families
from syneg_cli.training.batches import phases
from syneg_cli.training.companions import Helpers, check_refresh
from syneg_cli.training.losses import info_nce, listwise, listwise_distillation, pairwise_bce, source_balance
from syneg_cli.training.objective import Objective, Terms
from syneg_cli.training.recorder import recorded_lines
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.train import TrainResult, train
from syneg_cli.training.trainer import PhasedBatches, SeededBatches

WRITTEN = [SyntheticQuery(doc_id, 1, f"what of {doc_id}", "query", "x", "") for doc_id in ("d4", "d5", "d6")]
INSTANCES = [
    TrainingInstance("q1", "d1", ((NegativeRef("dense", "d6"),),)),
    TrainingInstance("synthetic/d4/1", "d4", ((NegativeRef("dense", "d3"),),)),
    TrainingInstance("q2", "d3", ((NegativeRef("dense", "d4"),),)),
    TrainingInstance("synthetic/d5/1", "d5", ((NegativeRef("dense", "d6"),),)),
    TrainingInstance("synthetic/d6/1", "d6", ((NegativeRef("dense", "d5"),),)),
]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    real = load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)
    return with_queries(real, WRITTEN, weight=0.5)


def fine_tune(
    data: Dataset, model: Path, helpers: Helpers | None = None, **changes: Any
) -> tuple[torch.Tensor, TrainResult]:
    loaded = load_model(str(model))
    chosen: dict[str, Any] = {"epochs": 2, "batch_size": 2, "lr": 1e-3, "precision": "fp32"} | changes
    settings = TrainSettings(**chosen)
    result = train(loaded, INSTANCES, dataset=data, texts=Texts(), settings=settings, helpers=helpers)
    return torch.cat([p.detach().flatten() for p in loaded.parameters()]), result


def test_a_weight_halves_what_a_query_adds_to_the_mean() -> None:
    """The identity at temperature 1: each row's loss is log(1 + 1/e); of one the half counts."""
    row = math.log(1 + 1 / math.e)
    loss = info_nce(
        torch.eye(2), torch.eye(2), torch.tensor([0, 1]), temperature=1, weights=torch.tensor([1.0, 0.5])
    )
    assert loss.item() == pytest.approx(1.5 * row / 2, abs=1e-6)


def test_weights_of_one_change_nothing() -> None:
    scores, teacher = torch.tensor([[1.0, 0.0], [0.2, 0.4]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    plain = listwise_distillation(scores, teacher)
    assert listwise_distillation(scores, teacher, weights=torch.ones(2)).item() == pytest.approx(plain.item())
    first = listwise_distillation(scores[:1], teacher[:1]).item()
    weighed = listwise_distillation(scores, teacher, weights=torch.tensor([1.0, 0.0]))
    assert weighed.item() == pytest.approx(first / 2, abs=1e-6)


def test_a_reranker_weighs_its_queries_too() -> None:
    """Scores (1, 0) for both queries: each softmax is log(1 + 1/e), each pair log(1 + 1/e) and log 2."""
    scores, positives, weights = (
        torch.tensor([[1.0, 0.0]] * 2),
        torch.tensor([0, 0]),
        torch.tensor([1.0, 0.5]),
    )
    row = math.log(1 + 1 / math.e)
    assert listwise(scores, positives, weights).item() == pytest.approx(1.5 * row / 2, abs=1e-6)
    pairs = pairwise_bce(scores, positives, weights).item()
    assert pairs == pytest.approx(1.5 * (row + math.log(2)) / 4, abs=1e-6)


def test_the_first_step_weighs_the_written_queries(data: Dataset, tiny_model: Path) -> None:
    """One batch of all instances: q1 and q2 count 1, the three others 0.5."""
    model = load_model(str(tiny_model))
    queries = torch.tensor(model.encode_query([data.queries[i.query_id].text for i in INSTANCES]))
    ids = ["d1", "d6", "d4", "d3", "d5"]
    documents = torch.tensor(model.encode_document([data.corpus[doc_id].full_text for doc_id in ids]))
    positives = torch.tensor([ids.index(i.positive_id) for i in INSTANCES])
    logits = queries @ documents.T / 0.05
    each = torch.nn.functional.cross_entropy(logits, positives, reduction="none")
    expected = (each * torch.tensor([1.0, 0.5, 1.0, 0.5, 0.5])).mean()
    _, result = fine_tune(data, tiny_model, epochs=1, batch_size=5)
    assert result.losses[0] == pytest.approx(expected.item(), abs=1e-4)


def test_before_has_two_phases_and_beside_one(data: Dataset) -> None:
    groups = families(INSTANCES)
    assert phases(groups, data, "beside") == ((0, 1, 2, 3, 4),)
    assert phases(groups, data, "before") == ((1, 3, 4), (0, 2))
    assert phases(groups, replace(data, synthetic=frozenset()), "before") == ((0, 1, 2, 3, 4),)


def test_every_family_comes_once_in_each_pass_and_phases_do_not_mix() -> None:
    rows = [{"family": place} for _ in range(3) for place in range(5)]
    sampler = PhasedBatches(rows, phases=((1, 3, 4), (0, 2)), batch_size=2, drop_last=False, seed=7)
    seen: list[list[int]] = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 3
        seen += batches
    flat = [row for batch in seen for row in batch]
    assert sorted(flat) == list(range(15))
    assert [row % 5 in (1, 3, 4) for row in flat] == [True] * 9 + [False] * 6
    assert [row // 5 for row in flat[:9]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_one_phase_is_the_order_that_there_always_was() -> None:
    rows = [{"family": place} for place in range(5)]
    whole = SeededBatches(rows, batch_size=2, drop_last=False, seed=7)
    phased = PhasedBatches(rows, phases=(range(5),), batch_size=2, drop_last=False, seed=7)
    assert list(whole) == list(phased)


@pytest.mark.slow
def test_a_run_in_two_phases_ends_with_the_same_bits_after_a_stop(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    from tests.training.test_resume import StopAt

    whole, _ = fine_tune(data, tiny_model, synthetic_order="before")
    beside, _ = fine_tune(data, tiny_model)
    scratch = tmp_path / "scratch"
    helpers = Helpers(scratch=scratch, save=1, record=scratch)
    with pytest.raises(KeyboardInterrupt):
        train(
            load_model(str(tiny_model)),
            INSTANCES,
            dataset=data,
            texts=Texts(),
            settings=TrainSettings(
                epochs=2, batch_size=2, lr=1e-3, precision="fp32", synthetic_order="before"
            ),
            helpers=helpers,
            progress=StopAt(4),
        )
    resumed, result = fine_tune(data, tiny_model, helpers, synthetic_order="before")
    assert result.resumed_at == 4
    assert torch.equal(whole, resumed)
    assert not torch.equal(whole, beside)
    assert len(list(recorded_lines(scratch / "training.jsonl"))) == 6


@pytest.mark.parametrize("refresh", ["ance", "adore"])
def test_what_goes_by_epochs_has_no_phases(refresh: str, data: Dataset) -> None:
    with pytest.raises(UsageError, match=f"refresh = {refresh} goes by epochs"):
        check_refresh(TrainSettings(refresh=refresh, synthetic_order="before"), data)  # type: ignore[arg-type]


def test_a_weight_halves_the_source_balance_of_a_query() -> None:
    """Of two equal queries one counts half: three quarters of what both come to."""
    queries, documents = torch.eye(2)[[0, 0]], torch.eye(2)
    synthetic, mined = torch.tensor([[True, False]] * 2), torch.tensor([[False, True]] * 2)
    whole = source_balance(queries, documents, synthetic, mined)
    halved = source_balance(queries, documents, synthetic, mined, weights=torch.tensor([1.0, 0.5]))
    assert whole.item() > 0.1
    assert halved.item() == pytest.approx(0.75 * whole.item(), abs=1e-6)


def test_the_weight_of_a_query_without_synthetic_negatives_is_not_anothers() -> None:
    queries, documents = torch.eye(2)[[0, 0]], torch.eye(2)
    synthetic, mined = torch.tensor([[False, False], [True, False]]), torch.tensor([[False, True]] * 2)
    alone = source_balance(queries[1:], documents, synthetic[1:], mined[1:])
    found = source_balance(queries, documents, synthetic, mined, weights=torch.tensor([0.25, 0.5]))
    assert found.item() == pytest.approx(0.5 * alone.item(), abs=1e-6)


def test_a_weight_is_in_every_term_of_the_loss(data: Dataset, tiny_model: Path) -> None:
    """Where each query counts half, the loss is half of what it is where each counts whole."""
    model = load_model(str(tiny_model)).eval()
    terms = Terms(temperature=1.0, balance=0.5, distil=1.0, matryoshka=(4,))
    made = Objective(model, terms, autocast=contextlib.nullcontext)
    vectors = torch.nn.functional.normalize(torch.arange(24.0).reshape(3, 8).sin(), dim=1)
    labels = {
        "positives": torch.tensor([0, 1]),
        "mask": torch.zeros(2, 3, dtype=torch.bool),
        "synthetic": torch.tensor([[False, False, True]] * 2),
        "mined": torch.tensor([[False, True, False], [True, False, False]]),
        "teacher": torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0]]),
    }
    whole = made.value(vectors[:2], vectors, labels)
    halved = made.value(vectors[:2], vectors, labels | {"weights": torch.tensor([0.5, 0.5])})
    assert halved.item() == pytest.approx(whole.item() / 2, abs=1e-6)
