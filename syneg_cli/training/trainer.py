"""sentence-transformers' trainer, given our batches, our objective and our progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset as Rows
from sentence_transformers import (
    DefaultBatchSampler,
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import PrinterCallback, TrainerCallback

from syneg_cli.core import Diverged
from syneg_cli.training import checkpoints, parameters
from syneg_cli.training.adore import Adore, QueryCollator
from syneg_cli.training.batches import Collator
from syneg_cli.training.cross_encoder import PairObjective
from syneg_cli.training.monitor import Watch
from syneg_cli.training.objective import Objective
from syneg_cli.training.reporting import TRACKIO
from syneg_cli.training.settings import TrainSettings


class SeededBatches(DefaultBatchSampler):
    """Batches in an order that seed and epoch alone decide, so that a resumed run sees the same ones."""

    def __init__(self, dataset: Any, **options: Any) -> None:
        super().__init__(dataset, **options)
        self.rows = len(dataset)

    def __iter__(self) -> Iterator[list[int]]:
        return self.pass_over(range(self.rows), self.epoch)

    def pass_over(self, rows: Sequence[int], number: int) -> Iterator[list[int]]:
        """The batches of one pass over some rows."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        order = torch.randperm(len(rows), generator=generator).tolist()
        for start in range(0, len(rows), self.batch_size):
            yield [rows[place] for place in order[start : start + self.batch_size]]

    def __len__(self) -> int:
        return -(-self.rows // self.batch_size)


class PhasedBatches(SeededBatches):
    """All passes over the families of the first phase, then all passes over those of the next.

    Row `number * families + position` is pass `number` over a family. An epoch is as many batches as
    one pass over all families has, wherever in the run the phases meet.
    """

    def __init__(self, dataset: Any, *, phases: Sequence[Sequence[int]], **options: Any) -> None:
        super().__init__(dataset, **options)
        self.phases = phases
        self.families = sum(map(len, phases))

    def __iter__(self) -> Iterator[list[int]]:
        return islice(self._every_batch(), self.epoch * len(self), (self.epoch + 1) * len(self))

    def _every_batch(self) -> Iterator[list[int]]:
        for phase in self.phases:
            for number in range(self.rows // self.families):
                yield from self.pass_over([number * self.families + place for place in phase], number)

    def __len__(self) -> int:
        return sum(-(-len(phase) // self.batch_size) for phase in self.phases)


class Callback(TrainerCallback):
    """Tells the collator where in the run it is, marks checkpoints, and tells the watch."""

    def __init__(self, watch: Watch, collator: Collator | QueryCollator, scratch: Path) -> None:
        self.watch, self.collator, self.scratch = watch, collator, scratch

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.watch.start(state.max_steps, state.global_step)
        done = round(state.epoch or 0, 6)
        if state.global_step and self.watch.lacks(done):
            control.should_training_stop |= self.watch.measure(round(done))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.collator.epoch = int((state.epoch or 0) + 1e-6)
        self.collator.batch = state.global_step * args.gradient_accumulation_steps

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        _need_finite(logs or {}, state.global_step)
        self.watch.log(state.global_step, logs or {})

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.watch.advance(1)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        checkpoints.complete(self.scratch, state.global_step)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop |= self.watch.measure(round(state.epoch or 0))


def _need_finite(logs: Mapping[str, Any], step: int) -> None:
    """Raises Diverged where a loss or a gradient norm is no number any more: nothing good can follow."""
    for key, what in (("loss", "loss"), ("grad_norm", "gradient norm")):
        if not math.isfinite(float(logs.get(key) or 0.0)):
            raise Diverged(
                f"Training diverged: the {what} of step {step} is {logs[key]}. Nothing is saved.",
                hint="Lower --lr, raise --warmup or --temperature, or take --precision fp32.",
            )


class Trainer(SentenceTransformerTrainer):
    """With our parameter groups, and without a model card: ours is model_card.py."""

    settings: TrainSettings

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        return None

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None:
            groups = parameters.parameter_groups(
                self.model,
                lr=self.settings.lr,
                weight_decay=self.settings.weight_decay,
                decay=self.settings.layer_decay,
            )
            kind, options = self.get_optimizer_cls_and_kwargs(self.args)
            options.pop("optimizer_dict", None)  # the groups that ours replace
            self.optimizer = kind(groups, **options)
        return self.optimizer


def make_trainer(
    model: SentenceTransformer,
    settings: TrainSettings,
    collator: Collator | QueryCollator,
    objective: Objective | Adore | PairObjective,
    watch: Watch,
    scratch: Path,
    *,
    save: int,
    precision: str,
    phases: Sequence[Sequence[int]] = (),
) -> Trainer:
    """A trainer that is ready to run; `save` steps between two checkpoints in `scratch`, 0 for none.

    Args:
        phases: families that are trained on one group after the other; all together without.
    """
    count = len(collator.families)
    rows: dict[str, list[int]] = {"family": [*range(count)]}
    sampler: Callable[..., SeededBatches] = SeededBatches
    if len(phases) > 1:
        rows = {"family": [*range(count)] * settings.epochs}
        rows["pass"] = [number for number in range(settings.epochs) for _ in range(count)]
        sampler = partial(PhasedBatches, phases=phases)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.lr,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        bf16=precision == "bf16",
        use_cpu=model.device.type == "cpu",
        seed=settings.seed,
        batch_sampler=sampler,
        save_strategy="steps" if save else "no",
        save_steps=save or 500,
        save_total_limit=2,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,  # else a loss that is no number is logged as the mean of the others
        report_to=settings.report_to,
        **TRACKIO,
        disable_tqdm=True,
        dataloader_pin_memory=model.device.type == "cuda",
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Rows.from_dict(rows),
        loss=objective,
        data_collator=collator,  # type: ignore[arg-type]
        callbacks=[Callback(watch, collator, scratch)],
    )
    trainer.settings = settings
    trainer.remove_callback(PrinterCallback)
    return trainer
