"""Contrastive fine-tuning on sentence-transformers' trainer, with our batches and our objective."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core.processes import world
from syneg_cli.core.progress import NoProgress, Progress
from syneg_cli.core.records import TrainingInstance
from syneg_cli.mixing.families import families
from syneg_cli.mixing.texts import Texts
from syneg_cli.training import checkpoints, tuning
from syneg_cli.training.batches import Collator
from syneg_cli.training.cross_process import gather_documents
from syneg_cli.training.recorder import step_figures, variance
from syneg_cli.training.settings import TrainSettings
from syneg_cli.training.token_cache import tokeniser
from syneg_cli.training.watch import Watch

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    from syneg_cli.data.dataset import Dataset
    from syneg_cli.training.adore import Adore, Frozen, QueryCollator
    from syneg_cli.training.batches import Judge, Refresh
    from syneg_cli.training.objective import Labels, Objective

COSINE_TEMPERATURE = 0.05
DOT_TEMPERATURE = 1.0
"""Raw dot products have a scale of their own, so they are taken as logits [I]."""


@dataclass(frozen=True)
class TrainResult:
    """What a run did; `losses` are means over the steps of each epoch, `dev` nDCG@10 after each."""

    steps: int
    seconds: float
    losses: tuple[float, ...]
    temperature: float
    dropout: float | None
    precision: str
    device: str
    gradient_variance: float
    dev: tuple[float, ...] = ()
    best_epoch: int | None = None
    resumed_at: int = 0


@dataclass(frozen=True)
class Helpers:
    """What a run may be given beside its data; each may be missing.

    `dev` measures the model as it is (higher is better); `guide` gives guide similarities of a
    batch, `teacher` a cross-encoder's scores; `scratch` is where checkpoints rest, every `save`
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


def train(
    model: SentenceTransformer,
    instances: Sequence[TrainingInstance],
    *,
    dataset: Dataset,
    texts: Texts,
    settings: TrainSettings,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> TrainResult:
    """Fine-tune `model` in place.

    Args:
        instances: pairs with negatives by reference; epoch e uses round e.
        texts: what the instances refer to and the data set does not have.
        helpers: dev selection, guide, teacher, checkpoints. A checkpoint in `scratch` that an
            interrupted run with the same settings left is gone on from.

    Returns:
        What was done, with the settings that "auto" and None resolved to.

    Raises:
        UsageError: the model has two towers, or settings that do not fit it.
    """
    from syneg_cli.encoding.tower import resolve_precision
    from syneg_cli.training.attention import fast_attention
    from syneg_cli.training.trainer import make_trainer

    helpers = helpers or Helpers()
    tuning.need_one_tower(model)
    device = model.device.type
    precision = resolve_precision(settings.precision, device)
    temperature = settings.temperature or default_temperature(model)
    rate = 0.0 if settings.dropout is None and device == "cpu" else settings.dropout
    base = tuning.weights_of(model) if settings.merge < 1 else {}
    if settings.lora:
        tuning.add_lora(model, settings.lora)
    tuning.freeze(model, settings.freeze)
    watch = Watch(
        model,
        progress or NoProgress(),
        dev=helpers.dev,
        patience=settings.patience,
        scratch=helpers.scratch,
        record=helpers.record,
    )
    data = model, instances, dataset, texts
    collator = _queries(*data) if helpers.frozen else _collator(*data, settings, helpers)
    with (
        tempfile.TemporaryDirectory(prefix="syneg-train-") as elsewhere,
        tuning.dropout(model, rate),
        fast_attention(model),
    ):
        scratch = helpers.scratch or Path(elsewhere)
        objective = _objective(model, settings, helpers.frozen, temperature, precision, device, watch)
        trainer = make_trainer(
            model,
            settings,
            collator,
            objective,
            watch,
            scratch,
            save=helpers.save,
            precision=precision,
        )
        resume = checkpoints.last(scratch)
        watch.resumed_at = checkpoints.step_of(resume)
        outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    watch.finish()
    if settings.lora:
        tuning.merge_lora(model)
    if settings.merge < 1:
        tuning.merge(model, base, settings.merge)
    return TrainResult(
        steps=outcome.global_step,
        seconds=outcome.metrics["train_runtime"],
        losses=epoch_losses(trainer.state.log_history),
        temperature=temperature,
        dropout=rate,
        precision=precision,
        device=device,
        gradient_variance=variance(watch.recorder.gradient_norms),
        dev=tuple(watch.best.history),
        best_epoch=watch.best.epoch,
        resumed_at=watch.resumed_at,
    )


def epoch_losses(history: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """The mean loss of each epoch, from the trainer's log of every step."""
    steps: dict[int, list[float]] = {}
    for entry in history:
        if "loss" in entry:
            steps.setdefault(ceil(entry["epoch"] - 1e-6), []).append(entry["loss"])
    return tuple(sum(losses) / len(losses) for _, losses in sorted(steps.items()))


def default_temperature(model: SentenceTransformer) -> float:
    return DOT_TEMPERATURE if model.similarity_fn_name == "dot" else COSINE_TEMPERATURE


def _queries(
    model: SentenceTransformer, instances: Sequence[TrainingInstance], dataset: Dataset, texts: Texts
) -> QueryCollator:
    from syneg_cli.training.adore import QueryCollator, by_query

    return QueryCollator(
        by_query(instances, dataset), dataset, texts, tokeniser(model), model.prompts.get("query") or None
    )


def _collator(
    model: SentenceTransformer,
    instances: Sequence[TrainingInstance],
    dataset: Dataset,
    texts: Texts,
    settings: TrainSettings,
    helpers: Helpers,
) -> Collator:
    return Collator(
        families=families(instances),
        dataset=dataset,
        texts=texts,
        tokenise=tokeniser(model),
        query_prompt=model.prompts.get("query") or None,
        document_prompt=model.prompts.get("document") or None,
        in_batch=settings.in_batch,
        share=settings.share_negatives and world().size > 1,
        guide=helpers.guide,
        guide_margin=helpers.guide_margin,
        teacher=helpers.teacher if settings.distil else None,
        refresh=helpers.refresh,
    )


def _objective(
    model: SentenceTransformer,
    settings: TrainSettings,
    frozen: Frozen | None,
    temperature: float,
    precision: str,
    device: str,
    watch: Watch,
) -> Objective | Adore:
    import torch

    from syneg_cli.training.adore import Adore
    from syneg_cli.training.objective import Objective, Terms

    def autocast() -> AbstractContextManager[Any]:
        return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")

    def seen(scores: Tensor, labels: Labels) -> None:
        watch.recorder.figures = step_figures(scores, labels, temperature)

    if frozen is not None:
        return Adore(model, frozen, temperature=temperature, autocast=autocast, watch=seen)
    terms = Terms(
        temperature=temperature,
        balance=settings.balance,
        distil=settings.distil,
        matryoshka=settings.matryoshka,
        chunk=settings.chunk,
    )
    gather = gather_documents if settings.share_negatives and world().size > 1 else None
    return Objective(model, terms, autocast=autocast, watch=seen, gather=gather)


def save_model(model: SentenceTransformer, folder: Path, card: str, *extra: Path) -> None:
    """Write a model folder that appears complete or not at all; replaces an older one.

    Args:
        extra: further files to put beside the weights.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        model.save_pretrained(str(staging), create_model_card=False)
        (staging / "README.md").write_text(card, encoding="utf-8")
        for file in extra:
            if file.is_file():
                shutil.copy(file, staging / file.name)
        staging.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
