"""The model card: what it states, the results that are added later, and names that are hard to write."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import example, given
from hypothesis import strategies as st

from syneg_cli import __version__
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


EARLIER = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
base_model: "BAAI/bge-small-en-v1.5"
datasets: ["scifact"]
tags: [sentence-transformers, sentence-similarity, feature-extraction, dense, syneg]
model-index: [{"name": "m", "results": [RESULT]}]
---
# m

`BAAI/bge-small-en-v1.5` fine-tuned on scifact.
"""
"""A card as the version before this one wrote it: the results are one line of JSON."""

CARD = """---
base_model: owner/base
datasets:
- scifact
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- sentence-similarity
- feature-extraction
- dense
- syneg
---
# m

`owner/base` fine-tuned on scifact with [syneg](https://arxiv.org/abs/2412.17250) VERSION.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("m")
queries = model.encode_query(["a query"])
documents = model.encode_document(["a title and a text"])
scores = model.similarity(queries, documents)
```

| | |
|---|---|
| Similarity | cosine |
| Maximum length | 256 tokens |
| Prompt for a query | `query: ` |

## Training data

10 judged (query, positive) pairs of scifact. Strategy `hybrid`, 3 negatives per pair, synthetic : retrieved = 0.67 : 1 (40 % synthetic), asked for was 0.7 : 1 (41 % synthetic); on average 1.80 dense, 1.20 synthetic per pair and epoch.

20 synthetic texts are also the positives of queries of their own.

The synthetic negatives were written by `ollama:llama3` (prompt `syneg`).

## Training

Loss: InfoNCE.

| setting | value |
|---|---|
| epochs | 2 |
| learning rate | 5e-05 |

## Make it again

```
syneg train scifact
```
"""


def head(card: str) -> dict[str, Any]:
    loaded = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(loaded, dict)
    return loaded


def body(card: str) -> str:
    return card.split("---\n", 2)[2]


def earlier(dataset: str = "scifact") -> str:
    """An earlier version's card with results of two splits."""
    results = [
        {
            "task": {"type": "information-retrieval", "name": "Information Retrieval"},
            "dataset": {"type": dataset, "name": dataset, "split": split},
            "metrics": [{"type": "ndcg@10", "value": 0.5}, {"type": "map", "value": 0.25}],
        }
        for split in ("dev", "test")
    ]
    return EARLIER.replace("[RESULT]", json.dumps(results))


def scores(card: str) -> dict[tuple[str, str], dict[str, float]]:
    """(data set, split) -> metrics, as the card's index has them."""
    found = {}
    for result in head(card)["model-index"][0]["results"]:
        place = result["dataset"]["name"], result["dataset"]["split"]
        assert place not in found
        found[place] = {metric["type"]: metric["value"] for metric in result["metrics"]}
    return found


def test_the_whole_card() -> None:
    facts = replace(FACTS, base_model="owner/base", mirrored=20)
    assert model_card(facts) == CARD.replace("VERSION", __version__)


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
    assert scores(card) == {("scifact", "dev"): {"ndcg@10": 0.8}, ("scifact", "test"): {"ndcg@10": 0.75}}
    assert head(card)["model-index"][0]["name"] == "m"
    assert body(card) == body(model_card(FACTS))


def test_metrics_are_plain_numbers_of_four_digits() -> None:
    card = with_metrics(model_card(FACTS), "m", "scifact", "test", {"ndcg@10": np.float64(0.70004), "map": 1})
    assert scores(card) == {("scifact", "test"): {"ndcg@10": 0.7, "map": 1.0}}


@pytest.mark.parametrize("dataset", ["scifact", 'a "quoted": set', "😀"])
def test_a_card_of_the_earlier_version_is_read_and_updated(dataset: str) -> None:
    card = with_metrics(earlier(dataset), "m", dataset, "test", {"ndcg@10": 0.75})
    card = with_metrics(card, "m", "fiqa", "test", {"ndcg@10": 0.375})
    results = [result["metrics"] for result in head(card)["model-index"][0]["results"]]
    assert results == [
        [{"type": "ndcg@10", "value": 0.5}, {"type": "map", "value": 0.25}],
        [{"type": "ndcg@10", "value": 0.75}],
        [{"type": "ndcg@10", "value": 0.375}],
    ]
    old = head(earlier(dataset))
    assert {key: value for key, value in head(card).items() if key != "model-index"} == {
        key: value for key, value in old.items() if key != "model-index"
    }
    assert body(card) == body(earlier(dataset))
    card.encode("utf-8")


def test_results_of_somebody_else_stay() -> None:
    """Those of another task of the same split go; those of a version of the data set are not of the same."""
    added = model_card(FACTS).replace(
        "tags:",
        "model-index:\n- name: other\n  results:\n"
        "  - {task: {type: x}, dataset: {type: scifact, name: s, split: test}, metrics: [{type: a, value: 1}]}\n"
        "  - {task: {type: x}, dataset: {type: scifact, name: s, split: test, revision: r1},"
        " metrics: [{type: b, value: 2}]}\n"
        "license: mit\ntags:",
    )
    card = with_metrics(added, "m", "scifact", "test", {"ndcg@10": 0.5})
    results = head(card)["model-index"][0]["results"]
    assert [result["metrics"][0]["type"] for result in results] == ["b", "ndcg@10"]
    assert results[0]["dataset"]["revision"] == "r1"
    assert head(card)["license"] == "mit"


@pytest.mark.parametrize(
    "card",
    [
        "# mine\n",
        "",
        "---\nname: x\n",
        "---\na: [1\n---\n# m\n",
        "---\n- a list\n---\n# m\n",
        "---\n1: a key that is a number\n---\n# m\n",
        "---\nmodel-index: none yet\n---\n# m\n",
        "---\nmodel-index: [{name: m, results: [{task: {type: t}, dataset: [x], metrics: []}]}]\n---\n# m\n",
        "---\nmodel-index: [{name: m, results: [{task: {type: [t]}, dataset: {type: t, name: t}, "
        "metrics: [{type: a, value: 1}]}]}]\n---\n",
    ],
)
def test_a_card_of_somebody_else_is_left_alone(card: str) -> None:
    assert with_metrics(card, "m", "scifact", "test", {"ndcg@10": 1}) == card


HARD = st.text(
    st.one_of(st.sampled_from("\n\r\x85\u2028-:'\"{}%#|`&*!>[]?,@ \t\\"), st.characters(codec="utf-8"))
)
"""Names that mean something to YAML, Markdown or a template."""


def as_yaml(name: str) -> str:
    """YAML reads one of its line breaks as another."""
    return name.replace("\x85", "\n")


@pytest.mark.slow
@given(base=HARD, dataset=HARD, llm=HARD, name=HARD)
@example(base="{{ facts.command }}", dataset="{% for x in y %}", llm="{{ 1 // 0 }}", name="{# gone #}")
@example(base="a\n---\nb: c", dataset="x\r\n---\r\n", llm="\n## Training\n", name='m": "')
@example(base="no", dataset="1.0", llm="null", name="~")
def test_no_name_breaks_the_head_or_is_run_as_a_template(
    base: str, dataset: str, llm: str, name: str
) -> None:
    facts = replace(FACTS, base_model=base, dataset=dataset, llm=llm, prompt=name, name=name, command=llm)
    card = model_card(facts)
    text = ModelCard(card).text
    for value in (base, dataset, llm, name):
        assert " ".join(value.splitlines()) in text
    for result in (0.25, 0.5):
        card = with_metrics(card, name, dataset, "test", {"ndcg@10": result})
    assert with_metrics(card, name, dataset, "test", {"ndcg@10": 0.5}) == card
    read = ModelCard(card)
    assert read.data["base_model"] == as_yaml(base)
    assert read.data["datasets"] == [as_yaml(dataset)]
    assert read.data["model_name"] == as_yaml(name)
    assert [(r.dataset_name, r.metric_value) for r in read.data["eval_results"]] == [(as_yaml(dataset), 0.5)]
    assert read.text == text.replace("\r\n", "\n").replace("\r", "\n")
