"""What of a model is trained, and how far it moves: dropout, freezing, LoRA, layer-wise rates, merging."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from syneg_cli.core import UsageError, install
from syneg_cli.training.settings import CROSS_ENCODER

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

RATES = ("dropout_prob", "attention_dropout", "attention_probs_dropout_prob", "dropout")
LAYER = re.compile(r"\.(?:layers?|h|block|blocks)\.(\d+)\.")


@contextmanager
def dropout(model: SentenceTransformer, rate: float | None) -> Iterator[None]:
    """Every dropout rate of the model set to `rate` for a while (None: left alone).

    The rates are in Dropout modules and, for fused attention, in plain attributes; the
    configuration is not touched, so that the saved model keeps its own.
    """
    saved: list[tuple[Any, str, float]] = []
    for module in model.modules() if rate is not None else ():
        names = (*RATES, "p") if "Dropout" in type(module).__name__ else RATES
        for name in names:
            value = module.__dict__.get(name)
            if isinstance(value, float):
                saved.append((module, name, value))
                setattr(module, name, rate)
    try:
        yield
    finally:
        for module, name, value in saved:
            setattr(module, name, value)


@contextmanager
def tuned(model: SentenceTransformer, *, lora: int, freeze: int, merge: float) -> Iterator[None]:
    """What is trained meanwhile, and how far it moves: low-rank updates, frozen layers, a part of the way.

    Args:
        lora: rank of low-rank updates; 0 for full ones. They are folded into the weights at the end.
        freeze: the first so many layers stay.
        merge: share of the fine-tuned weights at the end; the rest is what they were.
    """
    base = weights_of(model) if merge < 1 else {}
    if lora:
        add_lora(model, lora)
    freeze_layers(model, freeze)
    yield
    if lora:
        merge_lora(model)
    if merge < 1:
        merge_weights(model, base, merge)


def layer_of(name: str) -> int | None:
    """The layer number (from 0) in a parameter's name; None for embeddings and heads."""
    found = LAYER.search(f".{name}.")
    return int(found.group(1)) if found else None


def layer_count(model: SentenceTransformer) -> int:
    numbers = [layer_of(name) for name, _ in model.named_parameters()]
    return 1 + max((number for number in numbers if number is not None), default=-1)


def need_trainable(model: SentenceTransformer, kind: str) -> None:
    """Raises UsageError for two encoders in one, and for what is no transformer, as static embeddings."""
    from sentence_transformers.base.modules import Router

    if isinstance(model[0], Router):
        raise UsageError(
            "This backbone encodes queries and documents with two models; syneg trains one.",
            hint="Train the backbone it was made from (its card names it), or save one side as a model.",
        )
    if kind != CROSS_ENCODER and "attention_mask" not in model.preprocess(["text"]):
        raise UsageError(
            f"This backbone is no transformer ({type(model[0]).__name__}); syneg trains transformers alone.",
            hint="Name another --backbone. As it is it can mine and be measured.",
        )


def freeze_layers(model: SentenceTransformer, layers: int) -> None:
    """Embeddings and the first `layers` layers keep their weights; 0 freezes nothing.

    Raises:
        UsageError: the model has no more layers than that.
    """
    if not layers:
        return
    count = layer_count(model)
    if layers >= count:
        raise UsageError(
            f"freeze: {layers} layers of {count}: nothing would be left to train.",
            hint=f"Freeze at most {count - 1}." if count > 1 else "Leave freeze out.",
        )
    for name, parameter in model.named_parameters():
        number = layer_of(name)
        if "embeddings" in name or "embed_tokens" in name or (number is not None and number < layers):
            parameter.requires_grad_(False)


def parameter_groups(
    model: SentenceTransformer, *, lr: float, weight_decay: float, decay: float
) -> list[dict[str, Any]]:
    """AdamW's groups: the rate falls by `decay` a layer from the top; biases and norms do not decay.

    Embeddings count as one layer below the first. With decay 1 every group has the same rate.
    """
    count = layer_count(model)
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        number = layer_of(name)
        depth = count - number - 1 if number is not None else (count if "embed" in name else 0)
        weight = 0.0 if parameter.dim() < 2 else weight_decay
        groups.setdefault((lr * decay**depth, weight), []).append(parameter)
    return [{"params": group, "lr": rate, "weight_decay": weight} for (rate, weight), group in groups.items()]


def add_lora(model: SentenceTransformer, rank: int) -> None:
    """Train low-rank updates of every linear layer instead of the weights (arXiv 2106.09685).

    Raises:
        UsageError: peft is not installed.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise UsageError("lora needs the package peft.", hint=f"Run `{install('syneg[lora]')}`.") from None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear")
    transformer: Any = model[0]
    transformer.model = get_peft_model(transformer.model, config)


def merge_lora(model: SentenceTransformer) -> None:
    """Fold the low-rank updates into the weights: an ordinary model again."""
    transformer: Any = model[0]
    transformer.model = transformer.model.merge_and_unload()


def weights_of(model: SentenceTransformer) -> dict[str, Tensor]:
    """A copy of every weight, on the processor."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}


def merge_weights(model: SentenceTransformer, base: Mapping[str, Tensor], share: float) -> None:
    """LM-Cocktail (arXiv 2311.13534): share · fine-tuned + (1 - share) · base, weight by weight."""
    import torch

    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.lerp_(base[name].to(value), 1 - share)
