"""A cross-encoder trained on the same instances: its loss, its groups, its folder, and what is refused."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss, ListNetLoss

from syneg_cli.core import Diverged, NegativeRef, NoProgress, TrainingInstance, UsageError
from syneg_cli.core.records import SYNTHETIC
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding import new_cross_encoder, pair_scores
from syneg_cli.mixing.families import families
from syneg_cli.mixing.texts import Texts
from syneg_cli.training import TrainResult, TrainSettings
from syneg_cli.training.companions import Around, Helpers, check_kind
from syneg_cli.training.cross_encoder import PairCollator, pair_tokeniser
from syneg_cli.training.fine_tune import fine_tune
from syneg_cli.training.recorder import RECORDING, recorded_lines
from syneg_cli.training.train import train

WRITTEN = {"q1/d1/1": "Vitamin D and calcium in milk.", "q2/d3/1": "Aspirin tablets and their coating."}
INSTANCES = [
    TrainingInstance("q1", "d1", ((NegativeRef(SYNTHETIC, "q1/d1/1"), NegativeRef("dense", "d6")),)),
    TrainingInstance("q2", "d3", ((NegativeRef(SYNTHETIC, "q2/d3/1"), NegativeRef("dense", "d4")),)),
    TrainingInstance("q4", "d2", ((NegativeRef("dense", "d1"),),)),
]
GROUPS = [("q1", ["d1", "q1/d1/1", "d6"]), ("q2", ["d3", "q2/d3/1", "d4"]), ("q4", ["d2", "d1"])]
"""The documents of each instance, its positive first."""


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def settings(**changes: Any) -> TrainSettings:
    given: dict[str, Any] = {"epochs": 2, "batch_size": 2, "lr": 1e-3, "precision": "fp32"}
    return TrainSettings.model_validate({"kind": "cross-encoder", **given, **changes})


def tuned(data: Dataset, base: Path, **changes: Any) -> tuple[CrossEncoder, TrainResult]:
    chosen = settings(backbone=str(base), **changes)
    model, result = fine_tune(INSTANCES, chosen, Around(data, Texts(WRITTEN), NoProgress()))
    assert isinstance(model, CrossEncoder)
    return model, result


def text(data: Dataset, name: str) -> str:
    return WRITTEN.get(name) or data.corpus[name].full_text


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("loss", ["listwise", "bce"])
def test_the_first_step_has_the_loss_of_sentence_transformers(
    data: Dataset, tiny_model: Path, loss: str
) -> None:
    """Its ListNet with one relevant document of a group, and its binary cross-entropy over all pairs."""
    model, _ = new_cross_encoder(str(tiny_model), seed=0)
    model.eval()
    queries = [data.queries[q].text for q, _ in GROUPS]
    documents = [[text(data, name) for name in names] for _, names in GROUPS]
    with torch.no_grad():
        if loss == "bce":
            pairs = [(q, d) for q, own in zip(queries, documents, strict=True) for d in own]
            labels = torch.tensor([float(place == 0) for own in documents for place in range(len(own))])
            expected = BinaryCrossEntropyLoss(model)(
                [list(side) for side in zip(*pairs, strict=True)], labels
            )
        else:
            # ListNet's target is a softmax over the labels: one far above the others takes all of it.
            relevant = [torch.tensor([100.0] + [0.0] * (len(own) - 1)) for own in documents]
            expected = ListNetLoss(model)([queries, documents], relevant)
    _, result = tuned(data, tiny_model, epochs=1, batch_size=3, loss=loss)
    assert result.losses[0] == pytest.approx(expected.item(), abs=1e-5)
    assert result.fresh_head is True
    assert result.temperature is None


def test_a_group_is_a_positive_and_its_own_negatives_without_what_is_relevant(
    data: Dataset, tiny_model: Path
) -> None:
    """d2 is judged relevant to q4 and d1 to q1: whoever draws them as negatives, they are none."""
    model, _ = new_cross_encoder(str(tiny_model), seed=0)
    drawn = [
        TrainingInstance("q4", "d2", ((NegativeRef("dense", "d6"), NegativeRef("dense", "d5")),)),
        TrainingInstance("q1", "d1", ((NegativeRef("dense", "d2"), NegativeRef("bm25", "d1")),)),
    ]
    relevant = TrainingInstance("q4", "d3", ((NegativeRef("dense", "d2"), NegativeRef("dense", "d4")),))
    collate = PairCollator(families([*drawn, relevant]), data, Texts(), pair_tokeniser(model))
    batch = collate([{"family": place} for place in range(3)])
    decoded = [model.tokenizer.decode(row, skip_special_tokens=False) for row in batch["pair_input_ids"]]
    pairs = [("q4", "d2"), ("q4", "d6"), ("q4", "d5"), ("q1", "d2"), ("q1", "d1"), ("q4", "d4"), ("q4", "d3")]
    expected = model.preprocess([(data.queries[q].text, text(data, d)) for q, d in pairs])["input_ids"]
    assert sorted(decoded) == sorted(model.tokenizer.decode(row) for row in expected)
    mask, mined = batch["label"]["mask"], batch["label"]["mined"]
    assert not (mask & mined).any()
    assert (~mask).sum(dim=1).tolist() == [3, 2, 2]


def test_the_gradient_of_the_loss_is_that_of_the_formula(data: Dataset, tiny_model: Path) -> None:
    """One step of plain SGD over the same group, by hand."""
    from contextlib import nullcontext

    from syneg_cli.training.cross_encoder import PairObjective

    first, _ = new_cross_encoder(str(tiny_model), seed=0)
    second, _ = new_cross_encoder(str(tiny_model), seed=0)
    first.eval(), second.eval()
    collate = PairCollator(families(INSTANCES), data, Texts(WRITTEN), pair_tokeniser(first))
    batch = collate([{"family": place} for place in range(3)])
    features = {key.removeprefix("pair_"): value for key, value in batch.items() if key.startswith("pair_")}
    seen: list[torch.Tensor] = []
    watch = lambda scores, labels: seen.append(scores)  # noqa: E731
    PairObjective(first, "listwise", autocast=nullcontext, watch=watch)([features], batch["label"]).backward()
    total = torch.zeros(())
    for query_id, names in GROUPS:
        pairs = [(data.queries[query_id].text, text(data, name)) for name in names]
        scores = second(second.preprocess(pairs))["scores"].view(-1)
        total = total - scores[0] + scores.exp().sum().log()
    (total / 3).backward()
    for (name, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-6), name  # type: ignore[arg-type]
    assert [int(row.isfinite().sum()) for row in seen[0]] == [3, 3, 2]


def test_same_seed_same_weights_and_a_fresh_head_is_drawn_with_the_seed(
    data: Dataset, tiny_model: Path
) -> None:
    first, second, other = (tuned(data, tiny_model, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))
    heads = [new_cross_encoder(str(tiny_model), seed=seed)[0].state_dict() for seed in (0, 1)]
    differ = {name for name in heads[0] if not torch.equal(heads[0][name], heads[1][name])}
    assert differ
    assert all("classifier" in name or "pooler" in name for name in differ), differ


def test_training_puts_positives_first(data: Dataset, tiny_model: Path) -> None:
    model, result = tuned(data, tiny_model, epochs=25, lr=2e-3)
    assert result.losses[-1] < result.losses[0] / 2
    for query_id, names in GROUPS:
        scores = model.predict([(data.queries[query_id].text, text(data, name)) for name in names])
        assert scores.argmax() == 0


def test_a_cross_encoder_is_trained_on(data: Dataset, tiny_cross_encoder: Path) -> None:
    model, result = tuned(data, tiny_cross_encoder)
    assert result.fresh_head is False
    assert not torch.equal(weights(model), weights(CrossEncoder(str(tiny_cross_encoder))))


def test_a_model_that_was_trained_in_bf16_scores_in_float32(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    """Also while it is trained, where dev is measured: the trainer has bf16 around the model then."""
    pairs = [(data.queries["q1"].text, document) for document in data.corpus.texts()]
    base: Any = new_cross_encoder(str(tiny_model), seed=0)[0]
    while_training: list[list[float]] = []

    def dev() -> float:
        while_training.append(pair_scores(base, pairs).tolist())
        base.save_pretrained(str(tmp_path / "then"), create_model_card=False)
        return 1.0

    train(
        base,
        INSTANCES,
        dataset=data,
        texts=Texts(WRITTEN),
        settings=settings(epochs=1, precision="bf16"),
        helpers=Helpers(dev=dev),
    )
    plain = CrossEncoder(str(tmp_path / "then")).predict(pairs).tolist()
    assert while_training == [pytest.approx(plain, abs=1e-7)]
    assert base.predict(pairs).tolist() == pytest.approx(plain, abs=1e-7)


def test_an_interrupted_run_ends_with_the_same_bits(data: Dataset, tiny_model: Path, tmp_path: Path) -> None:
    chosen = settings(backbone=str(tiny_model), epochs=3, dropout=0.1)

    class StopAt(NoProgress):
        left = 3

        @contextmanager
        def task(self, description: str, total: int | None, unit: str = "") -> Any:
            def advance(n: int) -> None:
                self.left -= n
                if self.left < 0 and unit == "steps":
                    raise KeyboardInterrupt

            yield advance

    def run(folder: Path, progress: NoProgress) -> tuple[torch.Tensor, TrainResult]:
        model: Any = new_cross_encoder(str(tiny_model), seed=0)[0]
        helpers = Helpers(scratch=folder, save=1, record=folder)
        result = train(
            model,
            INSTANCES,
            dataset=data,
            texts=Texts(WRITTEN),
            settings=chosen,
            helpers=helpers,
            progress=progress,
        )
        return weights(model), result

    whole, _ = run(tmp_path / "whole", NoProgress())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", StopAt())
    resumed, result = run(tmp_path / "stopped", NoProgress())
    assert result.resumed_at == 3
    assert torch.equal(whole, resumed)
    lines = [recorded_lines(tmp_path / name / RECORDING) for name in ("whole", "stopped")]
    assert lines[0] == lines[1]
    assert [row["step"] for row in lines[0]] == list(range(1, 7))
    assert {"positive_similarity", "synthetic", "mined", "loss", "gradient_norm", "lr"} <= lines[0][0].keys()


def test_a_loss_that_is_no_number_stops(data: Dataset, tiny_model: Path) -> None:
    with pytest.raises(Diverged, match="Nothing is saved"):
        tuned(data, tiny_model, lr=1e30, epochs=4)


def test_the_rate_is_the_kinds_own_where_none_is_given() -> None:
    assert TrainSettings().lr == 5e-5
    assert TrainSettings(kind="cross-encoder").lr == 2e-5
    assert TrainSettings(kind="cross-encoder", lr=5e-5).lr == 5e-5


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"refresh": "ance"}, "refresh"),
        ({"refresh": "adore"}, "refresh"),
        ({"chunk": 8}, "chunk"),
        ({"cross_encoder": "x"}, "cross_encoder"),
        ({"distil": 0.5}, "distil"),
        ({"lexical": 10.0}, "lexical"),
        ({"temperature": 0.05}, "temperature"),
        ({"in_batch": True}, "in_batch"),
        ({"lora": 4}, "lora"),
        ({"merge": 0.5}, "merge"),
        ({"matryoshka": (8,)}, "matryoshka"),
        ({"guide": "minilm"}, "guide"),
        ({"balance": 0.1}, "balance"),
        ({"share_negatives": True}, "share_negatives"),
    ],
)
def test_what_is_about_vectors_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=f"{named} has no part in it"):
        check_kind(settings(**changes))


def test_what_means_nothing_is_not_refused_and_a_loss_of_pairs_is_without_them() -> None:
    check_kind(settings(in_batch=False, freeze=1, layer_decay=0.9, dropout=0.1, max_length=64))
    with pytest.raises(UsageError, match="loss = bce is a cross-encoder's"):
        check_kind(TrainSettings(loss="bce"))
