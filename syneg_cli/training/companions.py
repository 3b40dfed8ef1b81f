"""What a training run is given beside its data: other models, dev selection, where checkpoints are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import Progress, UsageError, world
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder, load_cross_encoder
from syneg_cli.mining import words_of
from syneg_cli.mixing import Texts
from syneg_cli.training.ance import Ance
from syneg_cli.training.batches import Judge, Refresh
from syneg_cli.training.chosen import Chosen
from syneg_cli.training.dev_pool import DevPairs, DevPool
from syneg_cli.training.settings import CROSS_ENCODER, TrainSettings
from syneg_cli.training.teachers import Guide, Nearness, Reading, Scorer, Teacher, Vectors, Words

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.training.adore import Frozen


@dataclass(frozen=True)
class Helpers:
    """What a run may be given beside its data; each may be missing.

    `dev` measures the model as it is (higher is better); `guide` gives guide similarities of a
    batch, `teacher` scores to learn from; `scratch` is where checkpoints are kept, every `save`
    steps; `record` is the folder of the per-step recording.
    """

    dev: Callable[[], float] | None = None
    guide: Judge | None = None
    guide_margin: float = 0.0
    teacher: Judge | None = None
    scratch: Path | None = None
    save: int = 0
    record: Path | None = None
    refresh: Refresh | None = None
    """Mines again while training goes on (ANCE)."""
    frozen: Frozen | None = None
    """Document vectors: the query side alone is trained, against what it retrieves (ADORE)."""
    cache: Path | None = None
    """Where what frozen layers give is kept."""


def check_refresh(settings: TrainSettings, dataset: Dataset) -> None:
    """Raises UsageError for what means nothing where negatives follow the model.

    With ADORE the documents' vectors stay as they are, and every query counts the same; ANCE mines again at
    the start of an epoch, and one phase after the other has no epochs of its own.
    """
    if settings.refresh != "none" and settings.synthetic_order == "before":
        raise UsageError(
            f"refresh = {settings.refresh} goes by epochs, and synthetic_order = before by phases.",
            hint="Leave one of the two out.",
        )
    useless = ("chunk", "balance", "guide", "cross_encoder", "lexical", "matryoshka", "share_negatives")
    given = [name for name in useless if getattr(settings, name)]
    if settings.refresh == "adore" and given:
        raise UsageError(
            f"refresh = adore trains the query side against what it retrieves; {given[0]} has no part in it.",
            hint=f"Leave out {', '.join(given)}, or refresh.",
        )
    if settings.refresh == "adore" and dataset.synthetic and dataset.synthetic_weight != 1:
        raise UsageError(
            "refresh = adore weighs no queries.", hint="Give --synthetic-queries 1, or leave out refresh."
        )


NOT_FOR_PAIRS = (
    *("temperature", "chunk", "balance", "guide", "guide_margin", "cross_encoder", "lexical", "distil"),
    "matryoshka",
    *("refresh", "refresh_steps", "refresh_depth", "lora", "merge", "share_negatives"),
)
"""Settings that are about vectors, in-batch negatives or a backbone's own weights."""


def check_kind(settings: TrainSettings) -> None:
    """Raises UsageError for settings that mean nothing for what is trained."""
    defaults = TrainSettings()
    given = [name for name in NOT_FOR_PAIRS if getattr(settings, name) != getattr(defaults, name)]
    if settings.in_batch and "in_batch" in settings.model_fields_set:
        given.append("in_batch")
    if settings.kind == CROSS_ENCODER and given:
        raise UsageError(
            f"kind = cross-encoder trains on pairs of texts; {given[0]} has no part in it.",
            hint=f"Leave out {', '.join(given)}, or kind.",
        )
    if settings.guide and settings.share_negatives:
        raise UsageError(
            "The guide masks documents of its own process, and share_negatives brings those of all.",
            hint="Leave out guide, or share_negatives.",
        )
    if settings.kind != CROSS_ENCODER and settings.loss != defaults.loss:
        raise UsageError(
            f"loss = {settings.loss} is a cross-encoder's; vectors are trained with InfoNCE.",
            hint="Leave it out, or add `--kind cross-encoder`.",
        )


@dataclass(frozen=True)
class Around:
    """What is known around a run: the data set, texts it does not have, and folders.

    `cache` is the folder of the embedding cache, `scratch` that of checkpoints and the recording.
    """

    dataset: Dataset
    texts: Texts
    progress: Progress
    cache: Path | None = None
    scratch: Path | None = None


def make_helpers(
    settings: TrainSettings,
    around: Around,
    model: SentenceTransformer,
    documents: SentenceTransformer | None,
) -> Helpers:
    """The other models that the settings name, dev, and where checkpoints are kept.

    Args:
        documents: what encodes documents, where that is not what is trained (ADORE).
    """
    dataset, texts, progress = around.dataset, around.texts, around.progress
    guide = settings.guide
    return Helpers(
        dev=_dev(settings, around, model, documents),
        guide=Guide(Vectors(Encoder.load(guide, progress=progress), dataset, texts)) if guide else None,
        guide_margin=settings.guide_margin,
        teacher=Teacher(tuple(_scorers(settings, around, model))) if settings.taught else None,
        scratch=around.scratch,
        save=settings.save_steps if around.scratch else 0,
        record=around.scratch if world().leads else None,
        refresh=_ance(settings, around, model),
        frozen=_frozen(settings, around, documents),
        cache=around.cache,
    )


def _scorers(settings: TrainSettings, around: Around, model: Any) -> Iterator[Scorer]:
    """Who teaches: a cross-encoder or else the backbone as it is, and words."""
    own = around.dataset, around.texts
    if settings.cross_encoder:
        yield Reading(load_cross_encoder(settings.cross_encoder, around.progress), *own)
    else:
        backbone = Encoder.load(
            settings.backbone,
            precision=settings.precision,
            max_length=settings.max_length,
            progress=around.progress,
        )
        yield Nearness(Vectors(backbone, *own), Chosen.of(settings, model).temperature)
    if settings.lexical:
        yield Words(words_of(around.dataset, around.progress), *own, settings.lexical)


def _dev(
    settings: TrainSettings,
    around: Around,
    model: Any,
    documents: SentenceTransformer | None,
) -> Callable[[], float] | None:
    if not (settings.dev or settings.patience):
        return None
    if settings.kind == CROSS_ENCODER:
        pairs = DevPairs.build(around.dataset, depth=settings.dev_pool, progress=around.progress)
        return partial(pairs.measure, model)
    encoder = Encoder(model, precision=settings.precision, cache=around.cache, name=settings.backbone)
    pool = DevPool.build(around.dataset, encoder, depth=settings.dev_pool, progress=around.progress)
    return partial(pool.measure, model, documents=documents, precision=settings.precision)


def _frozen(settings: TrainSettings, around: Around, documents: SentenceTransformer | None) -> Frozen | None:
    """The corpus as the backbone's vectors; from the embedding cache where it was mined with before."""
    if documents is None:
        return None
    from syneg_cli.training.adore import Frozen

    encoder = Encoder(documents, precision=settings.precision, cache=around.cache, name=settings.backbone)
    return Frozen(encoder.encode_corpus(around.dataset.corpus, around.progress), settings.refresh_depth)


def _ance(settings: TrainSettings, around: Around, model: SentenceTransformer) -> Refresh | None:
    if settings.refresh != "ance":
        return None
    return Ance(
        model,
        around.dataset,
        depth=settings.refresh_depth,
        every=settings.refresh_steps,
        seed=settings.seed,
        precision=settings.precision,
        scratch=around.scratch,
        kept=around.cache,
        progress=around.progress,
    )
