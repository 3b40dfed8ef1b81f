from __future__ import annotations

from pathlib import Path

import pytest
import torch

from syneg_cli.core.records import SYNTHETIC, NegativeRef, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.training.ance import Ance

FAMILIES = [
    (
        TrainingInstance(
            "q1",
            "d1",
            ((NegativeRef("bm25", "d6"),), (NegativeRef(SYNTHETIC, "q1/d1/1"), NegativeRef("bm25", "d6"))),
        ),
    )
]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def test_the_first_epoch_keeps_its_negatives(data: Dataset, tiny_model: Path) -> None:
    assert Ance(load_model(str(tiny_model)), data)(FAMILIES, 0, 0) is FAMILIES


def test_refreshes_are_counted_by_epoch_or_by_batch(data: Dataset, tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    assert [Ance(model, data).version(epoch, batch) for epoch, batch in ((0, 3), (1, 4), (2, 9))] == [0, 1, 2]
    assert [Ance(model, data, every=4).version(0, batch) for batch in (0, 3, 4, 9)] == [0, 0, 1, 2]


def test_mined_negatives_become_the_models_own_and_synthetic_ones_stay(
    data: Dataset, tiny_model: Path
) -> None:
    model = load_model(str(tiny_model))
    refreshed = Ance(model, data, depth=1, precision="fp32")(FAMILIES, 1, 1)[0][0]
    encoder = Encoder(model, precision="fp32")
    scores = encoder.encode_queries([data.queries["q1"].text]) @ encoder.encode_corpus(data.corpus).T
    ranked = [data.corpus.ids[row] for row in (-scores[0]).argsort()]
    hardest = next(doc_id for doc_id in ranked if doc_id != "d1")
    assert refreshed.rounds[0] == FAMILIES[0][0].rounds[0]
    assert refreshed.rounds[1] == (NegativeRef(SYNTHETIC, "q1/d1/1"), NegativeRef("ance", hardest))


def test_negatives_follow_the_weights_and_a_resumed_epoch_finds_its_own(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    model = load_model(str(tiny_model))
    ance = Ance(model, data, depth=2, precision="fp32", scratch=tmp_path)
    first = ance(FAMILIES, 1, 1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    assert ance(FAMILIES, 1, 1) == first, "the same epoch again, as after a crash"
    assert Ance(model, data, depth=2, precision="fp32")._mine(["q1"], {}) != {"q1": []}
