"""What a model wants in front of queries and of documents: one answer for mining, training and measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Task = Literal["query", "document"]

NAMES: dict[Task, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""What sentence-transformers and the makers of models call the prompt of a task."""


def prompt_of(model: SentenceTransformer, task: Task) -> str:
    """The model's prompt for a task; empty where it has none."""
    return next((prompt for name in NAMES[task] if (prompt := model.prompts.get(name))), "")


def name_prompts(model: SentenceTransformer) -> None:
    """Have `encode_query` and `encode_document` find both prompts, also where the model is loaded again.

    sentence-transformers takes an empty "document" before a "passage" with something in it.
    """
    model.prompts |= {task: prompt_of(model, task) for task in NAMES}
