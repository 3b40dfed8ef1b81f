"""The loss as it is put together, and what of a model is trained."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from syneg_cli.core.errors import UsageError
from syneg_cli.core.progress import NoProgress
from syneg_cli.core.records import CORPUS, NegativeRef, Query, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding import load_cross_encoder
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.mining.bm25 import bm25_run, words_of
from syneg_cli.mixing.families import families
from syneg_cli.mixing.texts import Texts
from syneg_cli.training import objective as module
from syneg_cli.training.batches import Batch, Collator
from syneg_cli.training.dev_pool import DevPool
from syneg_cli.training.losses import info_nce, listwise_distillation, source_balance
from syneg_cli.training.objective import Objective, Terms, shortened
from syneg_cli.training.parameters import (
    add_lora,
    freeze_layers,
    layer_count,
    layer_of,
    merge_lora,
    merge_weights,
    parameter_groups,
    weights_of,
)
from syneg_cli.training.recorder import step_figures, variance
from syneg_cli.training.teachers import Guide, Nearness, Reading, Teacher, Vectors, Words
from tests.conftest import DOCS, QUERIES, write_dataset

TEXTS = [f"{title} {text}" for title, text in DOCS.values()]
LABELS = {
    "positives": torch.tensor([0, 2, 4, 1]),
    "mask": torch.zeros(4, 6, dtype=torch.bool),
    "synthetic": torch.tensor([[False] * 5 + [True]] * 4),
    "mined": torch.tensor([[False] * 3 + [True] + [False] * 2] * 4),
    "teacher": torch.tensor([[3.0, float("-inf"), float("-inf"), 1.0, float("-inf"), 0.0]] * 4),
}


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0.34)


def vectors(count: int, seed: int) -> Tensor:
    drawn = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn, dim=1)


def objective(model_path: Path, **terms: object) -> Objective:
    model = load_model(str(model_path)).eval()
    return Objective(model, Terms(temperature=0.1, **terms), autocast=nullcontext)  # type: ignore[arg-type]


def test_terms_add_up(tiny_model: Path) -> None:
    queries, documents = vectors(4, 0), vectors(6, 1)
    plain = info_nce(queries, documents, LABELS["positives"], temperature=0.1)
    balance = source_balance(queries, documents, LABELS["synthetic"], LABELS["mined"])
    scores = (queries @ documents.T).masked_fill(torch.isinf(LABELS["teacher"]), float("-inf"))
    distilled = listwise_distillation(scores, LABELS["teacher"], temperature=0.1)
    short = info_nce(shortened(queries, 4), shortened(documents, 4), LABELS["positives"], temperature=0.1)
    for terms, expected in (
        ({}, plain),
        ({"balance": 0.5}, plain + 0.5 * balance),
        ({"distil": 2.0}, plain + 2 * distilled),
        ({"matryoshka": (4,)}, plain + short),
    ):
        value = objective(tiny_model, **terms).value(queries, documents, LABELS)
        assert value.item() == pytest.approx(expected.item(), abs=1e-5), terms


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_pieces_change_no_vector(rows: int, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", rows)
    made = objective(tiny_model)
    features = made.model.preprocess([*TEXTS, "sleep", "aspirin and men"])
    calls: list[int] = []
    monkeypatch.setattr(made.model, "forward", partial(counted, calls, made.model.forward), raising=True)
    assert torch.allclose(made.encode_pieces(features), made.encode(features), atol=1e-6)
    assert len(calls) - 1 == (-(-8 // rows) if rows < 8 else 1)


def test_pieces_are_no_wider_than_the_model_reads(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 2)
    monkeypatch.setattr(module, "WIDTH", 100)  # the model has 64 positions
    made = objective(tiny_model)
    features = made.model.preprocess([*TEXTS, "aspirin and men " * 30])
    assert torch.allclose(made.encode_pieces(features), made.encode(features), atol=1e-6)


def counted(calls: list[int], forward: Any, features: Any, **options: Any) -> Any:
    calls.append(len(features["input_ids"]))
    return forward(features, **options)


def test_gradcache_and_pieces_give_the_same_loss(tiny_model: Path) -> None:
    plain, cached = objective(tiny_model), objective(tiny_model, chunk=2)
    features = [plain.model.preprocess(list(QUERIES.values())), plain.model.preprocess(TEXTS)]
    assert cached(features, LABELS).item() == pytest.approx(plain(features, LABELS).item(), abs=1e-5)


def test_step_figures_by_hand() -> None:
    scores = torch.tensor([[0.9, 0.5, 0.95, 0.1]])
    labels = {
        "positives": torch.tensor([0]),
        "mask": torch.tensor([[False, False, False, True]]),
        "synthetic": torch.tensor([[False, True, False, False]]),
        "mined": torch.tensor([[False, False, True, False]]),
    }
    figures = step_figures(scores, labels, temperature=0.5)
    weights = torch.tensor([0.9, 0.5, 0.95]).div(0.5).softmax(0) / 0.5
    assert figures["positive_similarity"] == pytest.approx(0.9)
    assert figures["mined"]["violated"] == 1.0
    assert figures["synthetic"]["violated"] == 0.0
    assert figures["synthetic"]["similarity"] == pytest.approx(0.5)
    assert figures["synthetic"]["pull"] == pytest.approx(weights[1].item(), abs=1e-6)
    assert figures["mined"]["loss"] == pytest.approx(torch.tensor(0.1).exp().log1p().item(), abs=1e-6)


def test_variance_by_hand() -> None:
    assert variance([1, 2, 3, 4]) == 1.25
    assert variance([]) == 0.0


def two_queries_and_a_negative() -> Batch:
    return Batch(
        query_ids=("q1", "q2"),
        documents=tuple(NegativeRef(CORPUS, id) for id in ("d1", "d3", "d4")),
        positives=(0, 1),
        masked=((False,) * 3,) * 2,
        negatives=((2,), (2,)),
    )


def test_a_guide_scores_a_batch(data: Dataset, tiny_model: Path) -> None:
    batch = two_queries_and_a_negative()
    encoder = Encoder.load(str(tiny_model), precision="fp32")
    guide = Guide(Vectors(encoder, data, Texts()))
    scores = guide(batch)
    queries = encoder.encode_queries([QUERIES["q1"], QUERIES["q2"]])
    documents = encoder.encode_texts([data.corpus[id].full_text for id in ("d1", "d3", "d4")])
    assert torch.allclose(scores, torch.from_numpy(queries @ documents.T), atol=1e-5)


def test_what_the_guide_masks_is_no_negative_for_any_term(data: Dataset) -> None:
    """q1 has d4 and d6 of its own; the guide finds d4 nearer than the positive."""
    instance = TrainingInstance("q1", "d1", ((NegativeRef("dense", "d4"), NegativeRef("dense", "d6")),))
    said = {"d1": 0.5, "d4": 0.9, "d6": 0.1}
    collator = Collator(
        families=families([instance]),
        dataset=data,
        texts=Texts(),
        tokenise=lambda texts, task: {},
        guide=lambda batch: torch.tensor([[said[ref.id] for ref in batch.documents]]),
    )
    labels = collator([{"family": 0}])["label"]
    assert labels["mask"].tolist() == [[False, True, False]]
    assert labels["mined"].tolist() == [[False, False, True]]


@pytest.mark.parametrize(("rule", "masked"), [("beside", [False, True, False]), ("none", [False] * 3)])
def test_another_querys_positive_is_masked_where_it_is_the_next_passage(
    tmp_path: Path, rule: str, masked: list[bool]
) -> None:
    docs = {f"guide.md#{number}": ("", f"part {number}") for number in (1, 2, 3)}
    judged = {"train": [("q1", "guide.md#1", 1), ("q2", "guide.md#2", 1), ("q3", "guide.md#3", 1)]}
    folder = write_dataset(tmp_path / "cut", docs, {"q1": "one", "q2": "two", "q3": "three"}, judged)
    data = load_dataset(str(folder), cache=tmp_path / "cache", dev_fraction=0, same_document=rule)
    batch = [TrainingInstance(f"q{number}", f"guide.md#{number}", ()) for number in (1, 2, 3)]
    collator = Collator(families(batch), data, Texts(), tokenise=lambda texts, task: {})
    mask = collator([{"family": place} for place in range(3)])["label"]["mask"].tolist()
    assert mask[0] == masked, "the passage after the next may be a negative"
    assert mask[1] == ([True, False, True] if rule == "beside" else [False] * 3)


def test_a_teacher_gives_what_a_sigmoid_would_round_away_and_each_pair_once(
    data: Dataset, tiny_cross_encoder: Path
) -> None:
    batch = two_queries_and_a_negative()
    model = load_cross_encoder(str(tiny_cross_encoder))
    weights = dict(model.named_parameters())
    weights["0.model.classifier.weight"].data.mul_(100)
    weights["0.model.classifier.bias"].data.fill_(40.0)
    scored: list[int] = []
    model.register_forward_pre_hook(lambda module, given: scored.append(len(given[0]["input_ids"])))
    teacher = Teacher([Reading(model, data, Texts())])
    table = teacher(batch)
    assert torch.isinf(table).tolist() == [[False, True, False], [True, False, False]]
    assert torch.equal(teacher(batch), table)
    assert sum(scored) == 4
    finite = table[table.isfinite()]
    assert len(set(finite.tolist())) == 4
    assert finite.min() > 30


def test_words_and_the_backbone_teach_together(data: Dataset, tiny_model: Path) -> None:
    """Similarity / temperature + weight * BM25 / the best document's BM25, as the miners know both."""
    batch = two_queries_and_a_negative()
    encoder = Encoder.load(str(tiny_model), precision="fp32")
    words = words_of(data, NoProgress())
    near, said = Nearness(Vectors(encoder, data, Texts()), 0.05), Words(words, data, Texts(), 10.0)
    table = Teacher([near, said])(batch)
    assert torch.isinf(table).tolist() == [[False, True, False], [True, False, False]]
    every = bm25_run(data, ["q1", "q2"], 6, NoProgress())
    for row, (query_id, own) in enumerate([("q1", ("d1", "d4")), ("q2", ("d3", "d4"))]):
        query = encoder.encode_queries([QUERIES[query_id]])[0]
        best = max(every[query_id].values())
        assert best > 0
        for doc_id in own:
            similarity = float(encoder.encode_texts([data.corpus[doc_id].full_text])[0] @ query)
            expected = similarity / 0.05 + 10 * every[query_id].get(doc_id, 0.0) / best
            column = ("d1", "d3", "d4").index(doc_id)
            assert table[row, column].item() == pytest.approx(expected, abs=1e-4)


def test_a_query_without_known_words_is_taught_none(data: Dataset) -> None:
    words = words_of(data, NoProgress())
    assert words.best("zzz") == 0.0
    queries = {**data.queries, "q1": Query("q1", "zzz")}
    unknown = Words(words, replace(data, queries=queries), Texts(), 10.0)
    assert unknown([("q1", (NegativeRef(CORPUS, "d1"), NegativeRef(CORPUS, "d2")))]) == [[0.0, 0.0]]


def test_dev_pool_ranks_like_a_full_search_where_it_holds_everything(data: Dataset, tiny_model: Path) -> None:
    from syneg_cli.evaluation.metrics import score
    from syneg_cli.evaluation.retrieve import retrieve

    encoder = Encoder.load(str(tiny_model), precision="fp32")
    pool = DevPool.build(data, encoder, depth=6)
    full = score(retrieve(data, "dev", encoder), data.qrels("dev")).metrics["ndcg@10"]
    assert pool.measure(encoder.model, precision="fp32") == pytest.approx(full)


def test_layers_are_numbered_and_frozen(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    assert layer_count(model) == 2
    assert layer_of("0.auto_model.encoder.layer.1.output.dense.weight") == 1
    assert layer_of("0.auto_model.embeddings.word_embeddings.weight") is None
    freeze_layers(model, 1)
    trained = {layer_of(name) for name, p in model.named_parameters() if p.requires_grad}
    assert 1 in trained
    assert 0 not in trained
    assert not any(p.requires_grad for name, p in model.named_parameters() if "embeddings" in name)
    with pytest.raises(UsageError, match="nothing would be left") as refused:
        freeze_layers(model, 2)
    assert refused.value.hint == "Freeze at most 1."


def test_rates_fall_from_layer_to_layer(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    groups = parameter_groups(model, lr=1.0, weight_decay=0.1, decay=0.5)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    named = {name: rates[id(p)] for name, p in model.named_parameters()}
    assert {rate for name, rate in named.items() if "layer.1." in name} == {1.0}
    assert {rate for name, rate in named.items() if "layer.0." in name} == {0.5}
    assert {rate for name, rate in named.items() if "embeddings" in name} == {0.25}
    assert all(group["weight_decay"] == 0 for group in groups if group["params"][0].dim() < 2)


def test_merging_is_a_weighted_mean(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    base = weights_of(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    merge_weights(model, base, 0.25)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter, base[name] + 0.25, atol=1e-6)


def test_lora_starts_at_the_model_and_folds_back(tiny_model: Path) -> None:
    pytest.importorskip("peft")
    model = load_model(str(tiny_model)).eval()
    before = model.encode(TEXTS)
    names = set(model.state_dict())
    add_lora(model, 2)
    assert model.eval().encode(TEXTS) == pytest.approx(before, abs=1e-6)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) < 5_000
    merge_lora(model)
    assert set(model.state_dict()) == names
