"""Texts to model inputs: sorted by length, batched by token count, prepared ahead of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syneg_cli.encoding.prompts import Task, prompt_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WIDTH_STEP = 16


@dataclass(frozen=True)
class TokenBatch:
    """Model inputs for some texts of a block: `places` are their positions in it.

    `tokens` are those that are computed for them, `of` those for the whole block.
    """

    start: int
    size: int
    places: list[int]
    features: dict[str, Any]
    tokens: int
    of: int


def token_batches(
    model: SentenceTransformer, start: int, texts: list[str], task: Task, budget: int
) -> Iterator[TokenBatch]:
    """The batches of one block of texts, longest first, with the model's prompt for the task.

    Args:
        start: the block's first row, passed through.
        budget: tokens in a batch, padding included.
    """
    prompt = prompt_of(model, task)
    if not plain_tokens(model, prompt):
        # Models with preprocessing of their own: four letters count as a token.
        guessed = [len(text) // 4 + 1 for text in texts]
        read = [min(length, model.max_seq_length or length) for length in guessed]
        for chosen in by_token_count(guessed, budget):
            features = model.preprocess([texts[i] for i in chosen], prompt=prompt or None, task=task)
            yield TokenBatch(start, len(texts), chosen, features, sum(read[i] for i in chosen), sum(read))
        return
    tokenizer: Any = model.tokenizer
    tokens = tokenizer([prompt + text for text in texts], truncation=True, max_length=model.max_seq_length)
    widths = [_width(len(ids), model.max_seq_length) for ids in tokens["input_ids"]]
    for chosen in by_token_count(widths, budget):
        picked = {key: [values[i] for i in chosen] for key, values in tokens.items()}
        padded = tokenizer.pad(
            picked, padding="max_length", max_length=max(widths[i] for i in chosen), return_tensors="pt"
        )
        features = dict(padded) | {"modality": "text"}
        yield TokenBatch(start, len(texts), chosen, features, sum(widths[i] for i in chosen), sum(widths))


def _width(length: int, limit: int | None) -> int:
    """The length padded to a multiple of 16, within the model's limit.

    On a CPU each new shape costs memory and set-up in bf16: fewer shapes were a sixth
    faster and held a fifth less memory beyond the model (600 SciFact abstracts, MiniLM).
    """
    rounded = -(-length // WIDTH_STEP) * WIDTH_STEP
    return max(length, min(rounded, limit)) if limit else rounded


def by_token_count(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions in batches, longest texts first, each padded to at most `budget` tokens.

    A text longer than the budget is a batch of its own.
    """
    batch: list[int] = []
    longest = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        longest = longest or lengths[place]
        if batch and (len(batch) + 1) * longest > budget:
            yield batch
            batch, longest = [], lengths[place]
        batch.append(place)
    if batch:
        yield batch


def plain_tokens(model: SentenceTransformer, prompt: str) -> bool:
    """Whether tokenising and padding is all that the model's `preprocess` does to a text."""
    from sentence_transformers.base.modules import Transformer

    first: Any = model[0]
    if type(first) is not Transformer or not getattr(first.tokenizer, "is_fast", False):
        return False
    special = (first.query_expansion, first.query_length, first.document_length, first.processing_kwargs)
    keeps_prompt = all(getattr(module, "include_prompt", True) for module in model) or not prompt
    text_only = "text" in first.modality_config and "message" not in first.modality_config
    return text_only and keeps_prompt and not any(special) and not first.can_flatten_inputs


@contextmanager
def read_ahead(items: Iterable[TokenBatch], depth: int = 4) -> Iterator[Iterator[TokenBatch]]:
    """Prepare the next items in a thread of their own (tokenisers release the interpreter lock)."""
    from queue import Queue
    from threading import Event, Thread

    queue: Queue[tuple[str, Any]] = Queue(depth)
    stopped = Event()

    def fill() -> None:
        try:
            for item in items:
                queue.put(("item", item))
                if stopped.is_set():
                    return
            queue.put(("end", None))
        except BaseException as error:
            queue.put(("error", error))

    def drain() -> Iterator[TokenBatch]:
        while True:
            kind, value = queue.get()
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    thread = Thread(target=fill, daemon=True)
    thread.start()
    try:
        yield drain()
    finally:
        stopped.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get()
            thread.join(0.01)
