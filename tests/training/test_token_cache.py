from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from syneg_cli.encoding.loading import load_model
from syneg_cli.training.token_cache import TokenCache, tokeniser

TEXTS = ["sleep and memory", "vitamin d supplements raise bone density " * 9, "", "sleep and memory"]


def test_the_features_are_those_of_preprocess(tiny_model: Path) -> None:
    model = load_model(str(tiny_model))
    for prompt in ("", "query: "):
        model.prompts["query"] = prompt
        ours, theirs = tokeniser(model)(TEXTS, "query"), model.preprocess(TEXTS, prompt=prompt or None)
        theirs.pop("prompt_length", None)  # for models that pool without the prompt: no plain ones
        assert set(ours) == set(theirs)
        for name, value in theirs.items():
            assert torch.equal(ours[name], value) if isinstance(value, torch.Tensor) else ours[name] == value


def test_a_text_is_tokenised_once_and_the_oldest_goes(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(tiny_model))
    asked: list[list[str]] = []
    tokenizer: Any = model.tokenizer

    class Counting:
        def __call__(self, texts: list[str], **options: Any) -> Any:
            asked.append(texts)
            return tokenizer(texts, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(tokenizer, name)

    monkeypatch.setattr(type(model), "tokenizer", Counting())
    cache = TokenCache(model, limit=2)
    cache.features(["a", "b", "a"], "")
    cache.features(["a"], "")
    cache.features(["c"], "")
    cache.features(["a", "b"], "")
    assert asked == [["a", "b"], ["c"], ["b"]]


def test_a_model_with_preprocessing_of_its_own_keeps_it(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(tiny_model))
    monkeypatch.setattr("syneg_cli.training.token_cache.plain_tokens", lambda model, prompt: False)
    assert torch.equal(
        tokeniser(model)(["a b"], "document")["input_ids"], model.preprocess(["a b"])["input_ids"]
    )


@pytest.mark.parametrize("pools_prompt", [True, False])
@pytest.mark.parametrize(
    "prompts",
    [
        {"query": "aspirin: ", "passage": "sleep: "},
        {"query": "aspirin: ", "document": "sleep: "},
        {"corpus": "memory of "},
        {"query": "aspirin: "},
        {},
    ],
)
def test_training_encodes_as_sentence_transformers_does(
    prompts: dict[str, str], pools_prompt: bool, tiny_model: Path, tmp_path: Path
) -> None:
    """Vectors of a training batch, of our encoder, and of the saved model's own methods: all the same."""
    from sentence_transformers import SentenceTransformer

    from syneg_cli.encoding import Encoder
    from syneg_cli.training.model_folder import save_model

    given = SentenceTransformer(str(tiny_model), device="cpu")
    given.prompts = dict(prompts)
    pooling: Any = given[1]
    pooling.include_prompt = pools_prompt
    given.save(str(tmp_path / "given"))
    model = load_model(str(tmp_path / "given")).eval()
    tokenise, encoder = tokeniser(model), Encoder(model, precision="fp32")
    with torch.no_grad():
        queries = model(dict(tokenise(TEXTS, "query")))["sentence_embedding"].numpy()
        documents = model(dict(tokenise(TEXTS, "document")))["sentence_embedding"].numpy()
    save_model(model, tmp_path / "saved", "card")
    for other in (model, SentenceTransformer(str(tmp_path / "saved"), device="cpu")):
        assert other.encode_query(TEXTS) == pytest.approx(queries, abs=1e-6)
        assert other.encode_document(TEXTS) == pytest.approx(documents, abs=1e-6)
    assert encoder.encode_queries(TEXTS) == pytest.approx(queries, abs=1e-6)
    assert encoder.encode_texts(TEXTS) == pytest.approx(documents, abs=1e-6)
    plain = given.encode(TEXTS)
    asked = prompts.get("document") or prompts.get("passage") or prompts.get("corpus")
    assert bool(asked) != bool(documents == pytest.approx(plain, abs=1e-6))
    assert model.prompts["document"] == (asked or "")
