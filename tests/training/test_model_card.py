from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from syneg_cli.training.model_card import CardFacts, model_card, with_metrics

FACTS = CardFacts(
    name="m",
    base_model="owner/base: small",
    dataset="scifact",
    strategy="hybrid",
    ratio=0.7,
    negatives=3,
    composition={"dense": 1.8, "synthetic": 1.2},
    pairs=10,
    llm="ollama:llama3",
    prompt="syneg",
    loss="InfoNCE",
    training={"epochs": 2, "learning rate": 5e-5},
    max_length=256,
    similarity="cosine",
    prompts={"query": "query: ", "document": ""},
    command="syneg train scifact",
)


def head(card: str) -> dict[str, object]:
    loaded = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(loaded, dict)
    return loaded


def test_the_card_names_what_it_was_made_of() -> None:
    card = model_card(FACTS)
    assert head(card)["base_model"] == "owner/base: small"
    assert head(card)["datasets"] == ["scifact"]
    for fact in (
        "hybrid",
        "ollama:llama3",
        "1.20 synthetic",
        "syneg train scifact",
        "`query: `",
        "256 tokens",
    ):
        assert fact in card
    assert "Prompt for a document" not in card
    assert "written by" not in model_card(replace(FACTS, llm=None))
    assert "20 synthetic texts" in model_card(replace(FACTS, mirrored=20))


def test_metrics_go_into_the_model_index_once_per_split() -> None:
    card = with_metrics(model_card(FACTS), "m", "scifact", "test", {"ndcg@10": 0.70004})
    card = with_metrics(card, "m", "scifact", "dev", {"ndcg@10": 0.8})
    card = with_metrics(card, "m", "scifact", "test", {"ndcg@10": 0.75})
    index = head(card)["model-index"]
    assert isinstance(index, list)
    found = {r["dataset"]["split"]: r["metrics"][0]["value"] for r in index[0]["results"]}
    assert found == {"dev": pytest.approx(0.8), "test": pytest.approx(0.75)}
    assert card.count("# m") == 1


def test_a_card_of_somebody_else_is_left_alone() -> None:
    assert with_metrics("# mine\n", "m", "scifact", "test", {"ndcg@10": 1}) == "# mine\n"
