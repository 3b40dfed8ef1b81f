"""With `freeze`, the first layers give the same for a text at every step: computed once, before the first.

What is kept serves every run with the same backbone, and the encoder, which takes from it what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import Progress
from syneg_cli.encoding import Kept, Task, Tower, unpadded, why_whole
from syneg_cli.training.batches import Collator
from syneg_cli.training.chosen import Chosen
from syneg_cli.training.settings import CROSS_ENCODER, TrainSettings

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from syneg_cli.training.adore import QueryCollator

WHAT = "train: the frozen layers"
BLOCK = 1024
"""Texts that are tokenised together."""

Upper = Callable[[], AbstractContextManager[None]]
"""Around a call of the model: its frozen layers are looked up."""


def upper_alone(
    model: SentenceTransformer,
    collator: Collator | QueryCollator,
    settings: TrainSettings,
    chosen: Chosen,
    cache: Path | None,
    progress: Progress,
) -> Upper:
    """Keep what the frozen layers give for all texts of the run, and say so, or why not.

    Args:
        cache: folder of the embedding cache; without one every step computes all layers.
    """
    if not settings.freeze or not settings.frozen_gb or cache is None:
        return nullcontext
    reason = _why_not(model, settings, chosen.dropout)
    if not reason:
        kept = Kept(cache, model, settings.freeze, chosen.precision)
        room = int(settings.frozen_gb * 1e9)
        tower = Tower(model, chosen.precision)
        split = tower.split(settings.freeze)
        add = partial(kept.add, split, room=room, name=settings.backbone, progress=progress)
        with tower.evaluating():
            reason = add(_texts_of(collator, settings.epochs))
            if not reason and settings.refresh == "ance" and (less := add(_corpus_of(collator))):
                progress.note(f"{WHAT} are computed again for each mining: {less}")
    if reason:
        progress.note(f"{WHAT} are computed at every step: {reason}")
        return nullcontext
    progress.note(f"{WHAT} are computed once: {kept.size / 1e6:,.0f} MB in {kept.folder}")
    here = Tower(model, "fp32").split(settings.freeze)  # the model itself, whatever autocast does with it
    return partial(here.upper_alone, partial(kept.hidden, here))


def _why_not(model: Any, settings: TrainSettings, dropout: float | None) -> str:
    if settings.kind == CROSS_ENCODER:
        return "they are kept for texts, not for a cross-encoder's pairs"
    if settings.lora:
        return "they are not kept with lora"
    if dropout != 0:
        return "with dropout they differ every time (--dropout 0 computes them once)"
    return why_whole(model, settings.freeze)


def _texts_of(collator: Collator | QueryCollator, epochs: int) -> Iterator[dict[str, np.ndarray]]:
    """The token ids of every text that the run will see, ANCE's own negatives left out."""
    instances = [*chain.from_iterable(collator.families)]
    data, texts = collator.dataset, collator.texts
    queries = dict.fromkeys(instance.query_id for instance in instances)
    yield from _tokens(collator, "query", (texts.query(query_id, data) for query_id in queries))
    if isinstance(collator, Collator):
        refs = dict.fromkeys(
            ref for one in instances for ref in (one.positive, *chain.from_iterable(one.rounds[:epochs]))
        )
        yield from _tokens(collator, "document", (texts.document(ref, data) for ref in refs))


def _corpus_of(collator: Collator | QueryCollator) -> Iterator[dict[str, np.ndarray]]:
    corpus = collator.dataset.corpus
    starts = range(0, len(corpus), BLOCK)
    blocks = (corpus.texts(range(start, min(start + BLOCK, len(corpus)))) for start in starts)
    yield from _tokens(collator, "document", chain.from_iterable(blocks))


def _tokens(
    collator: Collator | QueryCollator, task: Task, texts: Iterator[str]
) -> Iterator[dict[str, np.ndarray]]:
    block: list[str] = []
    for text in chain(texts, [None]):
        if text is not None:
            block.append(text)
        if block and (text is None or len(block) == BLOCK):
            yield from unpadded(collator.tokenise(block, task))
            block = []
