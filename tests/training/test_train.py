from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from syneg_cli.core.records import SYNTHETIC, NegativeRef, TrainingInstance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.loading import load_model
from syneg_cli.mixing.texts import Texts
from syneg_cli.training.losses import info_nce
from syneg_cli.training.model_folder import save_model
from syneg_cli.training.parameters import dropout as _dropout
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.train import _teaches_nothing, train
from tests.conftest import Cli

WRITTEN = {"q1/d1/1": "Vitamin D and calcium in milk.", "q2/d3/1": "Aspirin tablets and their coating."}
INSTANCES = [
    TrainingInstance("q1", "d1", ((NegativeRef(SYNTHETIC, "q1/d1/1"), NegativeRef("dense", "d6")),)),
    TrainingInstance("q2", "d3", ((NegativeRef(SYNTHETIC, "q2/d3/1"), NegativeRef("dense", "d4")),)),
    TrainingInstance("q4", "d2", ((NegativeRef("dense", "d1"),),)),
]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def fine_tune(data: Dataset, model_path: Path, **changes: object) -> tuple[SentenceTransformer, object]:
    model = load_model(str(model_path))
    settings = TrainSettings(**{"epochs": 2, "batch_size": 2, "lr": 1e-3, "precision": "fp32"} | changes)  # type: ignore[arg-type]
    result = train(model, INSTANCES, dataset=data, texts=Texts(WRITTEN), settings=settings)
    return model, result


def weights(model: SentenceTransformer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.slow
def test_training_separates_positives_from_negatives(data: Dataset, tiny_model: Path) -> None:
    model, result = fine_tune(data, tiny_model, epochs=12, lr=2e-3)
    losses = result.losses  # type: ignore[attr-defined]
    assert len(losses) == 12
    assert losses[-1] < losses[0] / 2
    queries = model.encode_query([data.queries["q1"].text])
    documents = model.encode_document(
        [data.corpus["d1"].full_text, WRITTEN["q1/d1/1"], data.corpus["d6"].full_text]
    )
    scores = (queries @ documents.T)[0]
    assert scores[0] == scores.max()


@pytest.mark.slow
def test_same_seed_same_weights_other_seed_others(data: Dataset, tiny_model: Path) -> None:
    first, second = (weights(fine_tune(data, tiny_model)[0]) for _ in range(2))
    other = weights(fine_tune(data, tiny_model, seed=1)[0])
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_the_first_step_has_the_loss_of_the_formula(data: Dataset, tiny_model: Path) -> None:
    """One batch of all three instances: the logged loss is InfoNCE over the base model's vectors."""
    model = load_model(str(tiny_model))
    queries = torch.tensor(model.encode_query([data.queries[i.query_id].text for i in INSTANCES]))
    ids = ["d1", "q1/d1/1", "d6", "d3", "q2/d3/1", "d4", "d2"]
    texts = [WRITTEN.get(id) or data.corpus[id].full_text for id in ids]
    documents = torch.tensor(model.encode_document(texts))
    expected = info_nce(queries, documents, torch.tensor([0, 3, 6]), temperature=0.05)
    _, result = fine_tune(data, tiny_model, epochs=1, batch_size=3)
    assert result.losses[0] == pytest.approx(expected.item(), abs=1e-4)  # type: ignore[attr-defined]


def test_dropout_is_set_for_a_while_only(tiny_model: Path) -> None:
    model = load_model(str(tiny_model)).train()
    features = model.preprocess(["vitamin d and bone"])

    def twice() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            first, second = (model(dict(features))["sentence_embedding"] for _ in range(2))
        return first, second

    assert not torch.equal(*twice())
    with _dropout(model, 0.0):
        assert torch.equal(*twice())
    assert not torch.equal(*twice())
    with _dropout(model, None):
        assert not torch.equal(*twice())


def test_a_model_folder_loads_with_the_same_vectors_and_prompts(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_model))
    model.prompts = {"query": "find: ", "document": "text: "}
    folder = tmp_path / "models" / "m"
    save_model(model, folder, "# card\n")
    loaded = SentenceTransformer(str(folder), device="cpu")
    assert loaded.prompts["query"] == "find: "
    assert loaded.encode_query(["sleep"]) == pytest.approx(model.encode_query(["sleep"]), abs=1e-6)
    assert (folder / "README.md").read_text() == "# card\n"
    assert [p.name for p in folder.parent.iterdir()] == ["m"]


def test_a_model_trained_in_bf16_encodes_in_memory_as_its_folder_does(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    model, _ = fine_tune(data, tiny_model, epochs=1, precision="bf16")
    save_model(model, tmp_path / "m", "# card\n")
    loaded = SentenceTransformer(str(tmp_path / "m"), device="cpu")
    assert loaded.encode_query(["sleep"]) == pytest.approx(model.encode_query(["sleep"]), abs=1e-6)


@pytest.mark.slow
def test_from_mined_negatives_to_a_model_through_the_cli(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    assert cli("mine", tiny, "--miner", "random", "--miner", "bm25", "--depth", 3).code == 0
    environment = ["--strategy", "retrieved", "--name", "m", "-k", 2]
    mixed = cli("mix", tiny, *environment, "--preview", 1)
    assert mixed.code == 2, "the project's miner is dense, and nothing was mined with it"
    assert f"syneg mine {tiny} --miner dense" in mixed.err
    Path("syneg.toml").write_text('[mine]\nminers = ["random", "bm25"]\n', encoding="utf-8")
    mixed = cli("mix", tiny, *environment, "--preview", 1)
    assert mixed.code == 0, mixed.err
    assert "positive" in mixed.out
    trained = cli(
        "train", tiny, "--backbone", tiny_model, "--mixed", "m", "--output", "out", "--epochs", 1, "--json"
    )
    assert trained.code == 0, trained.err
    folder = Path(str(trained.json["path"]))
    assert "syneg train" in (folder / "README.md").read_text()
    again = cli(
        "train", tiny, "--backbone", tiny_model, "--mixed", "m", "--output", "out", "--epochs", 1, "--json"
    )
    assert again.json["skipped"] is True
    evaluated = cli("eval", tiny, "--model", "out", "--json")
    assert evaluated.code == 0, evaluated.err
    metrics = evaluated.json["metrics"]
    assert isinstance(metrics, dict)
    assert set(metrics) == {"ndcg@10", "recall@10", "recall@100", "mrr@10", "map@100"}
    assert "comparison" in evaluated.json


def test_training_before_mixing_names_the_next_command(cli: Cli, tiny: Path) -> None:
    result = cli("train", tiny)
    assert result.code == 2
    assert "syneg mix" in result.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"batch_size": 1}, "batches of one pair"), ({"in_batch": False}, "no in-batch negatives"), ({}, "")],
)
def test_pairs_that_teach_nothing_are_said(changes: dict[str, object], told: str) -> None:
    alone = [TrainingInstance("q1", "d1", ((), ())), *INSTANCES]
    said = _teaches_nothing(alone, TrainSettings(**changes))  # type: ignore[arg-type]
    assert told in (said or "")
    assert bool(said) is bool(told)
    assert _teaches_nothing(INSTANCES, TrainSettings(**changes)) is None  # type: ignore[arg-type]


def test_a_backbone_that_is_no_transformer_is_refused_in_a_line(
    cli: Cli, tiny: Path, tiny_model: Path
) -> None:
    """A table of static embeddings mines and is measured; training asks for attention."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_model / "tokenizer.json"))
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu").save("static")
    assert cli("mine", tiny, "--backbone", "static", "--miner", "dense").code == 0
    assert cli("mix", tiny, "--strategy", "retrieved").code == 0
    for more, told in ((), "no transformer (StaticEmbedding)"), (("--freeze", 1), "no transformer"):
        refused = cli("train", tiny, "--mixed", "retrieved", "--backbone", "static", *more)
        assert refused.code == 2, refused.err
        assert told in refused.err
