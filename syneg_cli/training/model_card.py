"""The README.md of a model folder: what it is, what it learned from, how to make it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syneg_cli import __version__


@dataclass(frozen=True)
class CardFacts:
    """What the card states; all of it was measured or resolved, nothing is typed in."""

    name: str
    base_model: str
    dataset: str
    strategy: str
    ratio: float
    negatives: int
    composition: Mapping[str, float]
    """Source -> mean number of negatives per instance."""
    pairs: int
    llm: str | None
    prompt: str | None
    loss: str
    training: Mapping[str, Any]
    max_length: int | None
    similarity: str
    prompts: Mapping[str, str | None]
    command: str
    mirrored: int = 0
    """Synthetic texts that train as the positives of queries of their own."""


def model_card(facts: CardFacts) -> str:
    """Markdown with the YAML head that model hubs read."""
    return "\n".join([*_head(facts), *_body(facts)]) + "\n"


def _head(facts: CardFacts) -> list[str]:
    return [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        f"base_model: {json.dumps(facts.base_model)}",
        f"datasets: [{json.dumps(facts.dataset)}]",
        "tags: [sentence-transformers, sentence-similarity, feature-extraction, dense, syneg]",
        "---",
    ]


def _body(facts: CardFacts) -> list[str]:
    sources = ", ".join(f"{mean:.2f} {source}" for source, mean in facts.composition.items()) or "none"
    lines = [
        f"# {facts.name}",
        "",
        f"`{facts.base_model}` fine-tuned on {facts.dataset} with "
        f"[syneg](https://arxiv.org/abs/2412.17250) {__version__}.",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer("{facts.name}")',
        'queries = model.encode_query(["a query"])',
        'documents = model.encode_document(["a title and a text"])',
        "scores = model.similarity(queries, documents)",
        "```",
        "",
        "| | |",
        "|---|---|",
        f"| Similarity | {facts.similarity} |",
        f"| Maximum length | {facts.max_length} tokens |",
    ]
    lines += [f"| Prompt for a {role} | `{text}` |" for role, text in facts.prompts.items() if text]
    lines += [
        "",
        "## Training data",
        "",
        f"{facts.pairs} judged (query, positive) pairs of {facts.dataset}. Strategy `{facts.strategy}`, "
        f"{facts.negatives} negatives per pair, synthetic : retrieved = {facts.ratio}; "
        f"on average {sources} per pair and epoch.",
    ]
    if facts.mirrored:
        lines += ["", f"{facts.mirrored} synthetic texts are also the positives of queries of their own."]
    if facts.llm:
        lines += ["", f"The synthetic negatives were written by `{facts.llm}` (prompt `{facts.prompt}`)."]
    lines += ["", "## Training", "", f"Loss: {facts.loss}.", "", "| setting | value |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in facts.training.items()]
    return [*lines, "", "## Make it again", "", "```", facts.command, "```"]


INDEX = "model-index: "


def with_metrics(card: str, name: str, dataset: str, split: str, metrics: Mapping[str, float]) -> str:
    """The card with these results in its `model-index`; earlier ones of the same split are replaced.

    The entry is one line of JSON, which is YAML too. A card without a YAML head is left alone.
    """
    lines = card.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        return card
    end = lines.index("---", 1)
    old = next((line for line in lines[1:end] if line.startswith(INDEX)), None)
    results = json.loads(old.removeprefix(INDEX))[0]["results"] if old else []
    place = {"type": dataset, "name": dataset, "split": split}
    results = [result for result in results if result["dataset"] != place]
    results.append(
        {
            "task": {"type": "information-retrieval", "name": "Information Retrieval"},
            "dataset": place,
            "metrics": [{"type": key, "value": round(value, 4)} for key, value in metrics.items()],
        }
    )
    entry = INDEX + json.dumps([{"name": name, "results": results}])
    head = [line for line in lines[1:end] if line != old]
    return "\n".join(["---", *head, entry, *lines[end:]]) + "\n"
