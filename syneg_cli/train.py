"""Contrastive fine-tuning on sentence-transformers' trainer, with our batches and our loss."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.batches import Collator
from syneg_cli.progress import NoProgress, Progress
from syneg_cli.records import TrainingInstance

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.dataset import Dataset

COSINE_TEMPERATURE = 0.05
DOT_TEMPERATURE = 1.0
"""Raw dot products have a scale of their own, so they are taken as logits [I]."""


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides the weights, beside the instances and the backbone.

    `temperature` None: 0.05 for cosine models, 1 for dot products. `dropout` None: 0 on a
    CPU, where it costs a multiple of the step time, the model's own elsewhere.
    """

    epochs: int = 2
    batch_size: int = 16
    lr: float = 5e-5
    temperature: float | None = None
    in_batch: bool = True
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    dropout: float | None = None
    precision: str = "auto"
    seed: int = 0


@dataclass(frozen=True)
class TrainResult:
    """What a run did; `losses` are means over the steps of each epoch."""

    steps: int
    seconds: float
    losses: tuple[float, ...]
    temperature: float
    dropout: float | None
    precision: str
    device: str


def train(
    model: SentenceTransformer,
    instances: Sequence[TrainingInstance],
    *,
    dataset: Dataset,
    synthetic: Mapping[str, str],
    settings: TrainSettings,
    progress: Progress | None = None,
) -> TrainResult:
    """Fine-tune `model` in place.

    Args:
        instances: pairs with negatives by reference; epoch e uses round e.
        synthetic: SyntheticNegative.id -> text.

    Returns:
        What was done, with the settings that "auto" and None resolved to.
    """
    from datasets import Dataset as Rows
    from sentence_transformers import SentenceTransformerTrainingArguments

    from syneg_cli.encoder import resolve_precision

    device = model.device.type
    precision = resolve_precision(settings.precision, device)
    temperature = settings.temperature or default_temperature(model)
    dropout = 0.0 if settings.dropout is None and device == "cpu" else settings.dropout
    with tempfile.TemporaryDirectory(prefix="syneg-train-") as scratch, _dropout(model, dropout):
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.lr,
            warmup_steps=settings.warmup,
            weight_decay=settings.weight_decay,
            max_grad_norm=settings.max_grad_norm,
            bf16=precision == "bf16",
            use_cpu=device == "cpu",
            seed=settings.seed,
            save_strategy="no",
            logging_strategy="epoch",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=device == "cuda",
        )
        collator = Collator(
            instances=instances,
            dataset=dataset,
            synthetic=synthetic,
            tokenise=lambda texts, prompt: model.preprocess(texts, prompt=prompt),
            query_prompt=model.prompts.get("query") or None,
            document_prompt=model.prompts.get("document") or None,
            in_batch=settings.in_batch,
        )
        trainer = _trainer(
            model,
            arguments,
            Rows.from_dict({"instance": range(len(instances))}),
            collator,
            temperature,
            progress or NoProgress(),
        )
        outcome = trainer.train()
    losses = tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)
    return TrainResult(
        steps=outcome.global_step,
        seconds=outcome.metrics["train_runtime"],
        losses=losses,
        temperature=temperature,
        dropout=dropout,
        precision=precision,
        device=device,
    )


def default_temperature(model: SentenceTransformer) -> float:
    return DOT_TEMPERATURE if model.similarity_fn_name == "dot" else COSINE_TEMPERATURE


def _trainer(
    model: SentenceTransformer,
    arguments: Any,
    rows: Any,
    collator: Any,
    temperature: float,
    progress: Progress,
) -> Any:
    """sentence-transformers' trainer with our collator, loss and progress, and without its model card."""
    import torch
    from sentence_transformers import SentenceTransformerTrainer
    from transformers import PrinterCallback, TrainerCallback

    from syneg_cli.losses import info_nce

    class Loss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, features: list[dict[str, torch.Tensor]], labels: Any) -> torch.Tensor:
            queries, documents = (self.model(part)["sentence_embedding"].float() for part in features)
            return info_nce(
                queries, documents, labels["positives"], temperature=temperature, mask=labels["mask"]
            )

    class Watch(TrainerCallback):
        """Moves the collator to the epoch's round, and the progress line."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.task = progress.task("Training", state.max_steps, "steps")
            self.advance = self.task.__enter__()

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            collator.epoch = round(state.epoch or 0)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.advance(1)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.task.__exit__(None, None, None)

    class Trainer(SentenceTransformerTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """The card is ours: model_card.py."""

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        loss=Loss(),
        data_collator=collator,
        callbacks=[Watch()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


class _dropout:  # noqa: N801 - used like a function
    """Every dropout rate of the model set to `rate` for a while (None: left alone).

    The rates rest in Dropout modules and, for fused attention, in plain attributes; the
    configuration is not touched, so that the saved model keeps its own.
    """

    ATTRIBUTES = ("p", "dropout_prob", "attention_dropout", "attention_probs_dropout_prob", "dropout")

    def __init__(self, model: SentenceTransformer, rate: float | None) -> None:
        self.model, self.rate = model, rate
        self.saved: list[tuple[Any, str, float]] = []

    def __enter__(self) -> None:
        if self.rate is None:
            return
        for module in self.model.modules():
            for name in self.ATTRIBUTES:
                if name == "p" and "Dropout" not in type(module).__name__:
                    continue
                value = module.__dict__.get(name)
                if isinstance(value, float):
                    self.saved.append((module, name, value))
                    setattr(module, name, self.rate)

    def __exit__(self, *exception: object) -> None:
        for module, name, value in self.saved:
            setattr(module, name, value)


def save_model(model: SentenceTransformer, folder: Path, card: str) -> None:
    """Write a model folder that appears complete or not at all; replaces an older one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        model.save_pretrained(str(staging), create_model_card=False)
        (staging / "README.md").write_text(card, encoding="utf-8")
        staging.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
