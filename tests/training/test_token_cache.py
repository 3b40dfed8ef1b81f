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
    for prompt in (None, "query: "):
        ours, theirs = tokeniser(model)(TEXTS, prompt), model.preprocess(TEXTS, prompt=prompt)
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
    assert torch.equal(tokeniser(model)(["a b"], None)["input_ids"], model.preprocess(["a b"])["input_ids"])
