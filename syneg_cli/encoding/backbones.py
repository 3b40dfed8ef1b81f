"""Known encoders by alias: how each one pools, prompts and compares.

The table repeats what the makers of each model say on its card, so that a model without a
sentence-transformers configuration is used as it was trained, and what is saved after
fine-tuning carries all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from syneg_cli.core import user_path

SEARCH_PROMPT = "Represent this sentence for searching relevant passages: "
QWEN_TASK = "Given a web search query, retrieve relevant passages that answer the query"


@dataclass(frozen=True)
class Backbone:
    """A known encoder. `ndcg10` is the published zero-shot nDCG@10 on SciFact, NFCorpus and FiQA."""

    hub_id: str
    pooling: Literal["mean", "cls", "lasttoken"]
    query: str = ""
    passage: str = ""
    max_length: int = 512
    similarity: Literal["cosine", "dot"] = "cosine"
    remote_code: bool = False
    left_padding: bool = False
    ndcg10: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _e5(hub_id: str, *ndcg10: float) -> Backbone:
    return Backbone(hub_id, "mean", "query: ", "passage: ", ndcg10=(ndcg10[0], ndcg10[1], ndcg10[2]))


def _bge(size: str, *ndcg10: float) -> Backbone:
    hub_id = f"BAAI/bge-{size}-en-v1.5"
    return Backbone(hub_id, "cls", SEARCH_PROMPT, ndcg10=(ndcg10[0], ndcg10[1], ndcg10[2]))


def _nomic(hub_id: str, *ndcg10: float, remote_code: bool = False) -> Backbone:
    scores = (ndcg10[0], ndcg10[1], ndcg10[2])
    prompts = ("search_query: ", "search_document: ")
    return Backbone(hub_id, "mean", *prompts, max_length=8192, remote_code=remote_code, ndcg10=scores)


BACKBONES: dict[str, Backbone] = {
    "minilm": Backbone(
        "sentence-transformers/all-MiniLM-L6-v2", "mean", max_length=256, ndcg10=(64.51, 31.59, 36.87)
    ),
    "mpnet": Backbone(
        "sentence-transformers/all-mpnet-base-v2", "mean", max_length=384, ndcg10=(65.57, 33.29, 49.96)
    ),
    "bge-small": _bge("small", 71.27, 34.26, 40.34),
    "bge-base": _bge("base", 74.34, 37.37, 40.65),
    "bge-large": _bge("large", 74.64, 38.06, 45.02),
    "e5-small": _e5("intfloat/e5-small-v2", 68.85, 32.45, 37.43),
    "e5-base": _e5("intfloat/e5-base-v2", 71.94, 35.39, 39.88),
    "e5-large": _e5("intfloat/e5-large-v2", 72.24, 37.13, 41.14),
    "me5-base": _e5("intfloat/multilingual-e5-base", 69.65, 32.45, 38.15),
    "coco-dr": Backbone("OpenMatch/cocodr-base-msmarco", "cls", similarity="dot", ndcg10=(70.9, 35.5, 30.7)),
    "contriever": Backbone(
        "facebook/contriever-msmarco", "mean", similarity="dot", ndcg10=(67.7, 32.8, 32.9)
    ),
    "gte-base": Backbone("thenlper/gte-base", "mean", ndcg10=(76.18, 37.90, 40.76)),
    "arctic-m": Backbone(
        "Snowflake/snowflake-arctic-embed-m-v1.5", "cls", SEARCH_PROMPT, ndcg10=(71.84, 36.24, 42.40)
    ),
    "nomic": _nomic("nomic-ai/nomic-embed-text-v1.5", 70.28, 34.67, 37.46, remote_code=True),
    "modernbert": _nomic("nomic-ai/modernbert-embed-base", 69.63, 33.40, 40.59),
    "qwen3-0.6b": Backbone(
        "Qwen/Qwen3-Embedding-0.6B",
        "lasttoken",
        f"Instruct: {QWEN_TASK}\nQuery:",
        max_length=32768,
        left_padding=True,
        ndcg10=(69.72, 36.71, 46.61),
    ),
}


PLAIN = Backbone("", "mean")
"""A model that says nothing about itself."""


def hub_id(name: str) -> str | None:
    """The hub id of an alias or hub name, for model cards; None for a local folder."""
    if name in BACKBONES:
        return BACKBONES[name].hub_id
    return None if user_path(name).is_dir() else name
