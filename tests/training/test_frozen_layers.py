"""Frozen layers are computed once, and nothing but the time tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, RobertaConfig, XLMRobertaConfig
from transformers.models.bert.modeling_bert import BertSelfAttention

from syneg_cli.core.progress import NoProgress
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.kept_layers import Kept, find_kept, unpadded
from syneg_cli.encoding.loading import load_model
from syneg_cli.encoding.split_layers import Split, why_whole
from syneg_cli.encoding.tower import Tower
from syneg_cli.mixing.texts import Texts
from syneg_cli.training.companions import Around
from syneg_cli.training.fine_tune import fine_tune
from syneg_cli.training.settings import TrainSettings
from tests.conftest import DOCS, Cli
from tests.said import Said
from tests.training.test_resume import INSTANCES, StopAt

TEXTS = [f"{title} {text}" for title, text in DOCS.values()]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def run(
    data: Dataset, model: Path, cache: Path | None, said: Said | None = None, **changes: object
) -> tuple[Any, torch.Tensor]:
    """(the model, all its weights)."""
    given = {
        "backbone": str(model),
        "epochs": 2,
        "batch_size": 2,
        "lr": 1e-3,
        "precision": "fp32",
        "freeze": 1,
    }
    settings = TrainSettings.model_validate(given | changes)
    trained, _ = fine_tune(INSTANCES, settings, Around(data, Texts(), said or Said(), cache=cache))
    return trained, torch.cat([p.detach().flatten() for p in trained.parameters()])


@contextmanager
def seen_by_layers() -> Iterator[Counter[int]]:
    """Layer -> how many texts it computes meanwhile, of whichever model."""
    texts: Counter[int] = Counter()

    def hook(module: Any, given: Any, found: Any) -> None:
        if isinstance(module, BertSelfAttention):
            texts[module.layer_idx] += len(found[0])

    handle = torch.nn.modules.module.register_module_forward_hook(hook)
    yield texts
    handle.remove()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"chunk": 2},
        {"refresh": "ance", "refresh_depth": 4},
        {"refresh": "adore", "refresh_depth": 4},
        {"matryoshka": (8,), "layer_decay": 0.5, "merge": 0.5},
    ],
    ids=["plain", "gradcache", "ance", "adore", "matryoshka"],
)
def test_the_weights_are_those_of_layers_computed_at_every_step(
    changes: dict[str, object], data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    kept, at_every_step = Said(), Said()
    _, found = run(data, tiny_model, tmp_path / "kept", kept, **changes)
    _, wanted = run(data, tiny_model, tmp_path / "none", at_every_step, frozen_gb=0, **changes)
    untrained = torch.cat([p.detach().flatten() for p in load_model(str(tiny_model)).parameters()])
    assert any("computed once" in note for note in kept.notes)
    assert not any("computed" in note for note in at_every_step.notes)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    if changes.get("refresh") != "adore":  # whose model has two towers
        assert (wanted - untrained).abs().max() > 1e-3


def test_the_lower_part_is_computed_once_for_a_text_whatever_runs_later(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    with seen_by_layers() as first:
        model, weights = run(data, tiny_model, tmp_path)
    with seen_by_layers() as second:
        _, again = run(data, tiny_model, tmp_path, seed=0)
    assert first[0] > 0
    assert (second[0], second[1] > 0) == (0, True)
    assert torch.equal(weights, again), "the first run trained on what it kept, too"
    new = [*TEXTS, "sleep and aspirin"]
    with seen_by_layers() as encoding:
        found = Encoder(model, precision="fp32", kept=tmp_path).encode_texts(new)
    assert encoding == Counter({0: 1, 1: len(new)})
    wanted = Encoder(model, precision="fp32").encode_texts(new)
    torch.testing.assert_close(torch.tensor(found), torch.tensor(wanted), rtol=0, atol=1e-6)


def test_in_bf16_the_encoder_and_training_share_what_is_kept(
    data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    model, weights = run(data, tiny_model, tmp_path / "kept", precision="bf16")
    _, wanted = run(data, tiny_model, tmp_path / "none", precision="bf16", frozen_gb=0)
    moved = (wanted - torch.cat([p.flatten() for p in load_model(str(tiny_model)).parameters()])).norm()
    assert (weights - wanted).norm() < 0.2 * moved
    assert find_kept(tmp_path / "kept", model, "bf16") is not None
    assert find_kept(tmp_path / "kept", model, "fp32") is None


def test_ance_encodes_the_corpus_from_what_is_kept(data: Dataset, tiny_model: Path, tmp_path: Path) -> None:
    run(data, tiny_model, tmp_path, refresh="ance", refresh_depth=4)
    with seen_by_layers() as texts:
        run(data, tiny_model, tmp_path, refresh="ance", refresh_depth=4)
    assert texts[0] == 0
    assert texts[1] > len(data.corpus)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dropout": 0.1}, "with dropout they differ every time (--dropout 0 computes them once)"),
        ({"kind": "cross-encoder"}, "they are kept for texts, not for a cross-encoder's pairs"),
        ({"frozen_gb": 1e-6}, "they take more than the 0.0 GB that frozen_gb and the disk leave"),
    ],
)
def test_what_is_not_kept_is_computed_at_every_step_and_said(
    changes: dict[str, object], why: str, data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    said = Said()
    _, found = run(data, tiny_model, tmp_path, said, **changes)
    assert [note for note in said.notes if why in note]
    assert not list(tmp_path.glob("*/states"))
    _, wanted = run(data, tiny_model, None, Said(), **changes)
    assert torch.equal(found, wanted)


def test_lora_computes_all_layers(data: Dataset, tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    said = Said()
    run(data, tiny_model, tmp_path, said, lora=2)
    assert "train: the frozen layers are computed at every step: they are not kept with lora" in said.notes


def damage_the_states(folder: Path) -> None:
    states = bytearray((folder / "states").read_bytes())
    states[40] ^= 0xFF
    (folder / "states").write_bytes(states)


def cut_the_states(folder: Path) -> None:
    (folder / "states").write_bytes((folder / "states").read_bytes()[:-100])


def die_between_states_and_records(folder: Path) -> None:
    with (folder / "states").open("ab") as states, (folder / "index").open("ab") as index:
        states.write(b"x" * 1000)
        index.write(b"half a record")


def lose_the_entry(folder: Path) -> None:
    (folder / "entry.json").write_text("{")


@pytest.mark.parametrize(
    ("harm", "warned"),
    [
        (damage_the_states, True),
        (cut_the_states, False),
        (die_between_states_and_records, False),
        (lose_the_entry, False),
    ],
)
def test_what_is_damaged_is_computed_again(
    harm: Callable[[Path], None], warned: bool, data: Dataset, tiny_model: Path, tmp_path: Path
) -> None:
    model, wanted = run(data, tiny_model, tmp_path)
    (entry,) = (file.parent for file in tmp_path.glob("*/states"))
    harm(entry)
    said = Said()
    _, found = run(data, tiny_model, tmp_path, said)
    assert torch.equal(found, wanted)
    assert any("damaged" in warning for warning in said.warnings) == warned
    with seen_by_layers() as texts:
        run(data, tiny_model, tmp_path)
    assert texts[0] == 0
    assert find_kept(tmp_path, model, "fp32") is not None


def test_what_is_kept_does_not_depend_on_what_came_with_it(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_model))
    split = Tower(model, "fp32").split(1)
    kept = [Kept(tmp_path / name, model, 1, "fp32") for name in ("all", "some")]
    features = model.preprocess(TEXTS)
    with torch.no_grad():
        rows = unpadded(features)
        assert kept[0].add(split, iter(rows), room=1 << 30, name="tiny") == ""
        for row in reversed(rows):
            assert kept[1].add(split, iter([row]), room=1 << 30, name="tiny") == ""
        whole, one_by_one = (store.hidden(split, features) for store in kept)
        computed = split.lower(features)
    mask = features["attention_mask"].bool()
    assert torch.equal(whole, one_by_one)
    torch.testing.assert_close(whole[mask], computed[mask], rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", [RobertaConfig, XLMRobertaConfig, DistilBertConfig])
def test_kin_of_bert_is_cut_and_others_are_not(config: Any, tiny_model: Path, tmp_path: Path) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    torch.manual_seed(0)
    AutoModel.from_config(config(vocab_size=400, max_position_embeddings=70, **sizes)).save_pretrained(
        tmp_path
    )
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    modules = [Transformer(str(tmp_path), max_seq_length=48), Pooling(32, "mean")]
    model = SentenceTransformer(modules=modules, device="cpu").eval()
    if config is DistilBertConfig:
        assert why_whole(model, 2) == "syneg does not know how to cut a model of the type distilbert"
        return
    assert why_whole(model, 3) == "it has 3 layers"
    assert why_whole(model, 2) == ""
    split, features = Split(model[0], 2), model.preprocess(TEXTS)
    with torch.no_grad():
        wanted = model(dict(features))["sentence_embedding"]
        with split.upper_alone(split.lower):
            found = model(dict(features))["sentence_embedding"]
        after = model(dict(features))["sentence_embedding"]
    assert torch.equal(found, wanted)
    assert torch.equal(after, wanted)


def test_a_stopped_run_goes_on_from_what_is_kept(data: Dataset, tiny_model: Path, tmp_path: Path) -> None:
    def trained(scratch: Path, progress: NoProgress) -> torch.Tensor:
        settings = TrainSettings(
            backbone=str(tiny_model),
            epochs=3,
            batch_size=2,
            lr=1e-3,
            precision="fp32",
            freeze=1,
            save_steps=1,
        )
        around = Around(data, Texts(), progress, cache=scratch / "kept", scratch=scratch / "run")
        (scratch / "run").mkdir(parents=True, exist_ok=True)
        model, _ = fine_tune(INSTANCES, settings, around)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    wanted = trained(tmp_path / "whole", NoProgress())
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", StopAt(12))
    assert list((tmp_path / "cut").glob("run/checkpoint-*"))
    assert torch.equal(trained(tmp_path / "cut", NoProgress()), wanted)


def test_a_listing_of_the_cache_has_it(cli: Cli, tiny: Path, tiny_model: Path) -> None:
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["random"]\ndepth = 2\n'
        f'[mix]\nstrategy = "retrieved"\nnegatives = 1\n[train]\nbackbone = "{tiny_model}"\nfreeze = 1\n'
    )
    assert cli("mine").code == cli("mix").code == 0
    trained = cli("train")
    assert trained.code == 0, trained.err
    assert "train: the frozen layers are computed once: 0 MB in " in trained.err
    listed: Any = cli("cache", "embeddings", "--json").json["entries"]
    assert [(entry["texts"], entry["model"]) for entry in listed] == [("layers 1 to 1", str(tiny_model))]
    assert "layers 1 to 1" in cli("cache", "embeddings").out
    with seen_by_layers() as texts:
        measured = cli("eval")
    assert measured.code == 0, measured.err
    assert 0 < texts[0] < texts[1], (
        "the backbone computes all; the trained model finds the positives, at least"
    )
    assert cli("cache", "prune-embeddings", "--all", "--yes").code == 0
    assert not list(Path(".syneg/embeddings").glob("*/states"))
