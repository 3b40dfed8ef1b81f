"""Contrastive fine-tuning on sentence-transformers' trainer, with our batches and our objective."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import Diverged, NoProgress, Progress, TrainingInstance, UsageError, counted, world
from syneg_cli.data import Dataset
from syneg_cli.mixing import Texts, families
from syneg_cli.training import checkpoints, parameters
from syneg_cli.training.batches import Collator, Tokenise, phases
from syneg_cli.training.chosen import Chosen
from syneg_cli.training.companions import Helpers
from syneg_cli.training.cross_process import gather_documents
from syneg_cli.training.frozen_layers import Upper, upper_alone
from syneg_cli.training.monitor import Watch
from syneg_cli.training.recorder import step_figures, variance
from syneg_cli.training.reporting import keep_logs
from syneg_cli.training.settings import CROSS_ENCODER, TrainSettings
from syneg_cli.training.token_cache import tokeniser

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    from syneg_cli.training.adore import Adore, QueryCollator
    from syneg_cli.training.cross_encoder import PairObjective
    from syneg_cli.training.objective import Labels, Objective


@dataclass(frozen=True)
class TrainResult:
    """What a run did; `losses` are means over the steps of each epoch, `dev` nDCG@10 after each."""

    steps: int
    seconds: float
    losses: tuple[float, ...]
    temperature: float | None
    """None for a cross-encoder, which has none."""
    dropout: float | None
    precision: str
    device: str
    gradient_variance: float
    dev: tuple[float, ...] = ()
    best_epoch: int | None = None
    resumed_at: int = 0
    fresh_head: bool | None = None
    """Whether a cross-encoder began with a random head; None where vectors were trained."""


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
    """Fine-tune `model` in place; with kind = cross-encoder it is a CrossEncoder.

    Args:
        instances: pairs with negatives by reference; epoch e uses round e.
        texts: what the instances refer to and the data set does not have.
        helpers: dev selection, guide, teacher, checkpoints. A checkpoint in `scratch` that an
            interrupted run with the same settings left is gone on from.

    Returns:
        What was done, with the settings that "auto" and None resolved to.

    Raises:
        UsageError: the model has two towers or no transformer, or settings that do not fit it.
    """
    helpers = helpers or Helpers()
    parameters.need_trainable(model, settings.kind)
    _need_dimensions(model, settings.matryoshka)
    chosen = Chosen.of(settings, model)
    _tell_of_idle_pairs(instances, settings, progress or NoProgress())
    data = model, instances, dataset, texts
    watch = Watch(
        model,
        progress or NoProgress(),
        dev=helpers.dev,
        patience=settings.patience,
        scratch=helpers.scratch,
        record=helpers.record,
        between=_between(helpers),
    )
    tuned = parameters.tuned(model, lora=settings.lora, freeze=settings.freeze, merge=settings.merge)
    with _saying_where_it_goes_on(helpers, progress or NoProgress()), tuned, watch:
        collator = _queries(*data) if helpers.frozen else _collator(*data, settings, helpers)
        steps, seconds, history = _run(model, settings, helpers, chosen, collator, watch)
        watch.keep_best()
    _tokenise_once(model, settings)
    need_finite_weights(model, steps)
    return TrainResult(
        steps=steps,
        seconds=seconds,
        losses=epoch_losses(history),
        temperature=None if settings.kind == CROSS_ENCODER else chosen.temperature,
        dropout=chosen.dropout,
        precision=chosen.precision,
        device=chosen.device,
        gradient_variance=variance(watch.recorder.gradient_norms),
        dev=tuple(watch.best.history),
        best_epoch=watch.best.epoch,
        resumed_at=watch.resumed_at,
    )


def _between(helpers: Helpers) -> str:
    """What takes its time between the steps of a training."""
    parts = {"measuring on dev": helpers.dev, "mining again": helpers.refresh}
    return " and ".join(what for what, part in parts.items() if part is not None)


@contextmanager
def _saying_where_it_goes_on(helpers: Helpers, progress: Progress) -> Iterator[None]:
    """Around a training: if it is interrupted, from which step the same training would go on."""
    try:
        yield
    except KeyboardInterrupt:
        step = checkpoints.step_of(checkpoints.last(helpers.scratch)) if helpers.scratch else 0
        every = f"; there is one every {counted(helpers.save, 'step')}" if helpers.save else ""
        anew = f"train: there is no checkpoint yet{every}: the same command begins this training anew"
        progress.note(f"train: the same command goes on at step {step}" if step else anew)
        raise


def _run(
    model: SentenceTransformer,
    settings: TrainSettings,
    helpers: Helpers,
    chosen: Chosen,
    collator: Collator | QueryCollator,
    watch: Watch,
) -> tuple[int, float, list[dict[str, Any]]]:
    """(steps, seconds, the trainer's log) of training from the last checkpoint, or from the start."""
    from syneg_cli.training.cpu_attention import fast_attention
    from syneg_cli.training.trainer import make_trainer

    with (
        tempfile.TemporaryDirectory(prefix="syneg-train-") as elsewhere,
        parameters.dropout(model, chosen.dropout),
        fast_attention(model),
    ):
        scratch = helpers.scratch or Path(elsewhere)
        upper = upper_alone(model, collator, settings, chosen, helpers.cache, watch.progress)
        objective = _objective(model, settings, helpers, chosen, watch, upper)
        trainer = make_trainer(
            model,
            settings,
            collator,
            objective,
            watch,
            scratch,
            save=helpers.save,
            precision=chosen.precision,
            phases=_phases(collator, settings),
        )
        keep_logs(trainer, helpers.scratch or Path.cwd())
        resume = _resumed(scratch, watch)
        watch.resumed_at = checkpoints.step_of(resume)
        with redirect_stdout(sys.stderr):  # tools that show curves print, and results go to stdout
            outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        # Else the model in memory would go on computing in bf16, and its folder would not.
        trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    return outcome.global_step, outcome.metrics["train_runtime"], trainer.state.log_history


def _phases(collator: Collator | QueryCollator, settings: TrainSettings) -> tuple[tuple[int, ...], ...]:
    if not isinstance(collator, Collator):
        return ()
    return phases(collator.families, collator.dataset, settings.synthetic_order)


def _resumed(scratch: Path, watch: Watch) -> Path | None:
    """The checkpoint to go on from, with what was measured before it."""
    resume = checkpoints.last(scratch, watch.progress)
    if resume is None or watch.can_go_on(int(checkpoints.epochs_of(resume) + 1e-6)):
        return resume
    watch.progress.warn("train: what was measured before the last checkpoint is damaged; beginning anew")
    watch.best = checkpoints.Best(watch.best.folder)
    for checkpoint in scratch.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    return None


def _need_dimensions(model: SentenceTransformer, sizes: Sequence[int]) -> None:
    """Raises UsageError where a size is not one that the model's vectors can be cut to."""
    own = model.get_embedding_dimension() if sizes else None
    if own and (wrong := [size for size in sizes if size >= own]):
        raise UsageError(
            f"matryoshka: the model's vectors have {own} dimensions; they cannot be cut to {wrong[0]}.",
            hint=f"Give numbers below {own}; the whole vectors are always trained.",
        )


def _tell_of_idle_pairs(
    instances: Sequence[TrainingInstance], settings: TrainSettings, progress: Progress
) -> None:
    if told := _teaches_nothing(instances, settings):
        progress.warn(told)


def _teaches_nothing(instances: Sequence[TrainingInstance], settings: TrainSettings) -> str | None:
    """A pair without anything to be told from has the loss 0: worth a word."""
    alone = sum(not any(instance.rounds) for instance in instances)
    in_batch = settings.in_batch and settings.kind != CROSS_ENCODER
    if not alone or (in_batch and settings.batch_size > 1):
        return None
    why = "batches of one pair" if in_batch else "no in-batch negatives"
    return (
        f"{alone} of {len(instances)} pairs have no negative, with {why}: their loss is 0, they teach nothing"
    )


def need_finite_weights(model: SentenceTransformer, steps: int) -> None:
    """Raises Diverged where a weight is no number: the last step may have done what no loss shows."""
    for name, weights in model.named_parameters():
        if not bool(weights.isfinite().all()):
            raise Diverged(
                f"Training diverged: after {counted(steps, 'step')} {name} is not finite. Nothing is saved.",
                hint="Lower --lr, or take --precision fp32.",
            )


def epoch_losses(history: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """The mean loss of each epoch, from the trainer's log of every step."""
    steps: dict[int, list[float]] = {}
    for entry in history:
        if "loss" in entry:
            steps.setdefault(ceil(entry["epoch"] - 1e-6), []).append(entry["loss"])
    return tuple(sum(losses) / len(losses) for _, losses in sorted(steps.items()))


def _tokenise_once(model: Any, settings: TrainSettings) -> None:
    """A tokeniser is saved with the settings of its last call: the same ones where no step was left to do."""
    _tokeniser(model, settings)([(".", ".")] if settings.kind == CROSS_ENCODER else ["."], "query")


def _tokeniser(model: Any, settings: TrainSettings) -> Tokenise:
    from syneg_cli.training.cross_encoder import pair_tokeniser

    return pair_tokeniser(model) if settings.kind == CROSS_ENCODER else tokeniser(model)


def _queries(
    model: SentenceTransformer, instances: Sequence[TrainingInstance], dataset: Dataset, texts: Texts
) -> QueryCollator:
    from syneg_cli.training.adore import QueryCollator, by_query

    return QueryCollator(by_query(instances, dataset), dataset, texts, tokeniser(model))


def _collator(
    model: SentenceTransformer,
    instances: Sequence[TrainingInstance],
    dataset: Dataset,
    texts: Texts,
    settings: TrainSettings,
    helpers: Helpers,
) -> Collator:
    if settings.kind == CROSS_ENCODER:
        from syneg_cli.training.cross_encoder import PairCollator

        return PairCollator(families(instances), dataset, texts, _tokeniser(model, settings))
    return Collator(
        families=families(instances),
        dataset=dataset,
        texts=texts,
        tokenise=_tokeniser(model, settings),
        in_batch=settings.in_batch,
        share=settings.share_negatives and world().size > 1,
        guide=helpers.guide,
        guide_margin=helpers.guide_margin,
        teacher=helpers.teacher,
        refresh=helpers.refresh,
    )


def _objective(
    model: Any,
    settings: TrainSettings,
    helpers: Helpers,
    chosen: Chosen,
    watch: Watch,
    upper: Upper,
) -> Objective | Adore | PairObjective:
    import torch

    from syneg_cli.training.adore import Adore
    from syneg_cli.training.cross_encoder import PairObjective
    from syneg_cli.training.objective import Objective, Terms

    def autocast() -> AbstractContextManager[Any]:
        return torch.autocast(chosen.device, torch.bfloat16, enabled=chosen.precision == "bf16")

    def seen(scores: Tensor, labels: Labels) -> None:
        watch.recorder.figures = step_figures(scores, labels, chosen.temperature)

    if settings.kind == CROSS_ENCODER:
        return PairObjective(model, settings.loss, autocast=autocast, watch=seen)
    if helpers.frozen is not None:
        return Adore(
            model,
            helpers.frozen,
            temperature=chosen.temperature,
            autocast=autocast,
            watch=seen,
            upper=upper,
        )
    terms = Terms(
        temperature=chosen.temperature,
        balance=settings.balance,
        distil=settings.distil if helpers.teacher else 0.0,
        matryoshka=settings.matryoshka,
        chunk=settings.chunk,
    )
    gather = gather_documents if settings.share_negatives and world().size > 1 else None
    return Objective(model, terms, autocast=autocast, watch=seen, gather=gather, upper=upper)
