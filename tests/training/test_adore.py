"""ADORE: document vectors stay, the query tower learns, the saved model has two towers."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from syneg_cli.core.records import SYNTHETIC, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding import embedding_cache
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.mixing.texts import Texts
from syneg_cli.training.adore import Adore, Frozen, QueryCollator, by_query
from tests.conftest import DOCS, QUERIES, Cli

INSTANCES = [
    TrainingInstance("q1", "d1", ()),
    TrainingInstance("q1", "d2", ()),
    TrainingInstance("q2", "d3", ()),
    TrainingInstance("q2", "q2/d3/1", (), positive_source=SYNTHETIC),
]
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def test_candidates_by_hand() -> None:
    """Query (1, 0): scores 1, 0, 0.6, -1; query (0, 1): 0, 1, 0.8, 0."""
    rows, present = Frozen(VECTORS, depth=2).candidates(
        torch.eye(2), [frozenset({2}), frozenset({0, 3})], [frozenset({2, 0}), frozenset({0, 3, 1})]
    )
    assert rows.tolist() == [[2, 1, 3], [0, 3, 2]]
    assert present.tolist() == [[True, True, True]] * 2


def test_a_query_with_fewer_candidates_is_filled_up_and_marked() -> None:
    rows, present = Frozen(VECTORS, depth=9).candidates(
        torch.eye(2), [frozenset({0}), frozenset({1})], [frozenset({0}), frozenset({1, 2})]
    )
    assert rows.tolist() == [[0, 2, 1, 3], [1, 0, 3, 0]]
    assert present.tolist() == [[True] * 4, [True, True, True, False]]


class Fixed(torch.nn.Module):
    """A "model" that gives the vectors it was given."""

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"sentence_embedding": features["input_ids"]}


def test_the_loss_of_one_query_by_hand() -> None:
    """Query (0.6, 0.8), positive row 0 (score 0.6), then rows 2 (1.0) and 1 (0.8): ranks 3, 1, 2."""
    queries = torch.tensor([[0.6, 0.8]], requires_grad=True)
    objective = Adore(
        Fixed(),  # type: ignore[arg-type]
        Frozen(VECTORS, depth=2),
        temperature=0.5,
        autocast=contextlib.nullcontext,
    )
    labels = {"relevant": [frozenset({0})], "excluded": [frozenset({0})]}
    loss = objective([{"input_ids": queries}], labels)
    first = (1 - 1 / 3) * math.log(1 + math.exp((1.0 - 0.6) / 0.5))
    second = (1 / 2 - 1 / 3) * math.log(1 + math.exp((0.8 - 0.6) / 0.5))
    assert loss.item() == pytest.approx((first + second) / 2, abs=1e-6)
    loss.backward()
    assert queries.grad is not None
    assert queries.grad[0] @ torch.tensor([1.0, 0.0]) < 0, "towards the positive"


def test_instances_are_grouped_by_query_and_synthetic_positives_left_out(data: Dataset) -> None:
    assert by_query(INSTANCES, data) == [tuple(INSTANCES[:2]), (INSTANCES[2],)]


def test_the_collator_names_rows(data: Dataset, tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    collator = QueryCollator(
        by_query(INSTANCES, data), data, Texts(), lambda texts, prompt: model.preprocess(texts)
    )
    batch = collator([{"family": 1}, {"family": 0}])
    assert batch["label"]["relevant"] == [frozenset({2}), frozenset({0, 1})]
    assert batch["label"]["excluded"] == [frozenset({2}), frozenset({0, 1})], "judged, or trained with"
    assert len(batch["query_input_ids"]) == 2


@pytest.fixture
def trained(cli: Cli, tiny: Path, tiny_model: Path) -> Path:
    (tiny / "qrels" / "dev.tsv").write_bytes((tiny / "qrels" / "train.tsv").read_bytes())
    assert cli("mix", tiny, "-k", 0).code == 0
    arguments = ("--backbone", tiny_model, "--epochs", 4, "--lr", 1e-2, "--batch-size", 2, "--output", "a")
    done = cli("train", tiny, *arguments, "--refresh", "adore", "--precision", "fp32", "--dev")
    assert done.code == 0, done.err
    return Path(".syneg/tiny/models/a")


@pytest.mark.slow
def test_documents_keep_their_vectors_and_queries_move(trained: Path, tiny_model: Path) -> None:
    base, tuned = SentenceTransformer(str(tiny_model)), SentenceTransformer(str(trained))
    documents, queries = [f"{title} {text}" for title, text in DOCS.values()], list(QUERIES.values())
    assert tuned.encode_document(documents) == pytest.approx(base.encode_document(documents), abs=1e-6)
    assert np.abs(tuned.encode_query(queries) - base.encode_query(queries)).max() > 1e-3
    card = (trained / "README.md").read_text()
    assert "pairwise lambda" in card
    assert "--refresh adore" in card


@pytest.mark.slow
def test_our_encoder_gives_the_vectors_of_sentence_transformers(trained: Path) -> None:
    theirs, ours = SentenceTransformer(str(trained)), Encoder.load(str(trained), precision="fp32")
    queries = list(QUERIES.values())
    assert ours.encode_queries(queries) == pytest.approx(theirs.encode_query(queries), abs=1e-6)
    assert ours.encode_texts(queries) == pytest.approx(theirs.encode_document(queries), abs=1e-6)


@pytest.mark.slow
def test_the_backbones_cached_documents_serve_the_tuned_model(
    trained: Path, data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "embeddings"
    base = Encoder.load(str(tiny_model), precision="fp32", cache=cache).encode_corpus(data.corpus)
    tuned = Encoder.load(str(trained), precision="fp32", cache=cache)
    assert np.array_equal(tuned.encode_corpus(data.corpus), base)
    assert len(embedding_cache.entries(cache)) == 1
    tuned.encode_queries(["sleep"])
    assert len(embedding_cache.entries(cache)) == 2


@pytest.mark.slow
def test_it_learns_to_rank_the_positive_first(trained: Path, data: Dataset) -> None:
    encoder = Encoder.load(str(trained), precision="fp32")
    documents = encoder.encode_corpus(data.corpus)
    scores = encoder.encode_queries([QUERIES["q1"], QUERIES["q2"], QUERIES["q4"]]) @ documents.T
    assert [data.corpus.ids[row] for row in scores.argmax(axis=1)] == ["d1", "d3", "d2"]


@pytest.mark.slow
def test_eval_reads_a_model_with_two_towers(trained: Path, cli: Cli, tiny: Path) -> None:
    done = cli("eval", tiny, "--model", trained, "--json")
    assert done.code == 0, done.err
    assert all(0 <= value <= 1 for value in done.json["metrics"].values())  # type: ignore[attr-defined]


def test_settings_without_a_part_in_it_are_refused(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    assert cli("mix", tiny, "-k", 0).code == 0
    done = cli("train", tiny, "--backbone", tiny_model, "--refresh", "adore", "--balance", 0.05)
    assert done.code == 2
    assert "balance" in done.err


@pytest.mark.slow
def test_a_model_with_two_towers_is_no_backbone(trained: Path, cli: Cli, tiny: Path) -> None:
    done = cli("train", tiny, "--backbone", trained)
    assert done.code == 2
    assert "two models" in done.err
