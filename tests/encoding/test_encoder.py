"""The encoder against sentence-transformers' own, its cache, and what makes vectors anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.data.corpus import Corpus
from syneg_cli.data.opening import load_dataset
from syneg_cli.encoding.encoder import Encoder
from syneg_cli.encoding.loading import load_model
from syneg_cli.encoding.token_batches import by_token_count, read_ahead
from syneg_cli.encoding.tower import resolve_precision

TEXTS = ["sleep and memory", "vitamin d supplements raise bone density in older women.", "", "aspirin"]


@pytest.fixture
def encoder(tiny_model: Path, tmp_path: Path) -> Encoder:
    return Encoder.load(str(tiny_model), precision="fp32", cache=tmp_path / "embeddings")


@pytest.fixture
def corpus(tiny: Path, tmp_path: Path) -> Corpus:
    return load_dataset(str(tiny), cache=tmp_path / "corpora").corpus


def test_vectors_are_sentence_transformers_own(encoder: Encoder) -> None:
    expected = encoder.model.encode(TEXTS, show_progress_bar=False)
    assert np.allclose(encoder.encode_texts(TEXTS), expected, atol=1e-6)
    assert np.allclose(np.linalg.norm(encoder.encode_queries(TEXTS), axis=1), 1, atol=1e-6)


def test_prompts_are_those_of_the_model(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    model.prompts = {"query": "query: ", "document": "sleep "}
    encoder = Encoder(model, precision="fp32")
    assert np.allclose(encoder.encode_queries(TEXTS), model.encode_query(TEXTS), atol=1e-6)
    assert np.allclose(encoder.encode_texts(TEXTS), model.encode_document(TEXTS), atol=1e-6)
    assert not np.allclose(encoder.encode_queries(TEXTS), encoder.encode_texts(TEXTS), atol=1e-3)


def test_dot_product_models_keep_their_lengths(tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    whole = load_model(str(tiny_model))
    model = SentenceTransformer(modules=list(whole)[:2], similarity_fn_name="dot", device="cpu")
    vectors = Encoder(model, precision="fp32").encode_texts(TEXTS)
    assert np.allclose(vectors, model.encode(TEXTS), atol=1e-5)
    assert not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)


def test_static_embeddings_go_through_their_own_preprocessing() -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "sleep": 1, "and": 2, "memory": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu")
    encoder = Encoder(model, precision="bf16")
    assert encoder.precision == "fp32"
    expected = model.encode(TEXTS[:2], normalize_embeddings=True)
    assert np.allclose(encoder.encode_texts(TEXTS[:2]), expected, atol=1e-6)


def test_bf16_is_near_fp32(tiny_model: Path) -> None:
    exact = Encoder.load(str(tiny_model), precision="fp32").encode_texts(TEXTS)
    half = Encoder.load(str(tiny_model), precision="bf16").encode_texts(TEXTS)
    assert half.dtype == np.float32
    assert (exact * half).sum(axis=1).min() > 0.999
    assert not np.array_equal(exact, half)


def test_precision_by_name() -> None:
    assert resolve_precision("fp32", "cpu") == "fp32"
    assert resolve_precision("bf16", "cpu") == "bf16"
    assert resolve_precision("auto", "cpu") in ("fp32", "bf16")


@pytest.mark.parametrize("limit", ["AVX2", "avx512_core", "AVX512_CORE_VNNI", "SSE41"])
def test_a_processor_that_is_told_to_be_a_plain_one_computes_in_fp32(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    for allowed in ("", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_AMX"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", allowed)
        assert resolve_precision("auto", "cpu") == "bf16"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert resolve_precision("auto", "cpu") == "fp32"
    assert resolve_precision("bf16", "cpu") == "bf16", "who asks for it gets it"


def test_dropout_is_off_and_training_goes_on(encoder: Encoder) -> None:
    encoder.model.train()
    assert np.array_equal(encoder.encode_texts(TEXTS), encoder.encode_texts(TEXTS))
    assert encoder.model.training


def test_a_second_time_nothing_is_encoded(
    encoder: Encoder, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, queries = np.array(encoder.encode_corpus(corpus)), np.array(encoder.encode_queries(TEXTS))
    assert np.allclose(vectors, encoder.encode_texts(corpus.texts()), atol=1e-6)
    again = Encoder(encoder.model, precision="fp32", cache=encoder.cache)
    monkeypatch.setattr(again.towers["document"], "forward", lambda features: pytest.fail("encoded again"))
    assert np.array_equal(again.encode_corpus(corpus), vectors)
    assert np.array_equal(again.encode_queries(TEXTS), queries)
    assert isinstance(again.encode_corpus(corpus), np.memmap)


def test_a_killed_run_resumes_at_the_last_finished_block(
    encoder: Encoder, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syneg_cli.encoding.encoder.BLOCK_ROWS", 2)
    expected = encoder.encode_texts(corpus.texts())
    tower, calls = encoder.towers["document"], []
    forward = tower.forward

    def dies_at_the_third(features: dict[str, Any]) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(features)

    monkeypatch.setattr(tower, "forward", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_corpus(corpus)
    vectors = encoder.encode_corpus(corpus)
    assert len(calls) == 4  # two blocks, the one that died, and that one again
    assert np.allclose(vectors, expected, atol=1e-6)


def fingerprint(encoder: Encoder) -> str:
    return encoder.towers["document"].fingerprint


def _changes(folder: Path) -> Iterator[tuple[str, Encoder]]:
    import torch

    model = load_model(str(folder))
    with torch.no_grad():
        next(model.parameters())[0, 0] += 1e-3
    yield "weights", Encoder(model, precision="fp32")
    model = load_model(str(folder))
    model.prompts["query"] = "query: "
    yield "prompt", Encoder(model, precision="fp32")
    yield "length", Encoder.load(str(folder), max_length=16, precision="fp32")
    yield "precision", Encoder.load(str(folder), precision="bf16")
    model = load_model(str(folder))
    model[1].pooling_mode = "cls"  # type: ignore[assignment]
    yield "pooling", Encoder(model, precision="fp32")
    model = load_model(str(folder))
    model.similarity_fn_name = "dot"
    yield "similarity", Encoder(model, precision="fp32")


def test_everything_that_changes_vectors_changes_the_fingerprint(tiny_model: Path) -> None:
    base = Encoder.load(str(tiny_model), precision="fp32")
    same = Encoder.load(str(tiny_model), precision="fp32", batch_size=1)
    same.encode_texts(TEXTS)  # tokenising must leave no trace
    assert fingerprint(same) == fingerprint(base)
    prints = {name: fingerprint(encoder) for name, encoder in _changes(tiny_model)}
    assert len({fingerprint(base), *prints.values()}) == 1 + len(prints), prints


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_batches_hold_every_text_once_and_stay_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(by_token_count(lengths, budget))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= budget


def test_read_ahead_passes_errors_on_and_stops_early() -> None:
    def items(bad: int) -> Iterator[Any]:
        for number in range(100):
            if number == bad:
                raise ValueError("broken")
            yield number

    with read_ahead(items(3)) as ready, pytest.raises(ValueError, match="broken"):
        list(ready)
    with read_ahead(items(200)) as ready:
        first: Any = next(iter(ready))
        assert first == 0
