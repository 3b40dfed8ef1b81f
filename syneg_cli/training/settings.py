"""Everything that decides the weights, beside the instances and the backbone."""

from __future__ import annotations

from dataclasses import dataclass


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
    layer_decay: float = 1.0
    max_grad_norm: float = 1.0
    accumulation: int = 1
    chunk: int | None = None
    dropout: float | None = None
    precision: str = "auto"
    balance: float = 0.0
    distil: float = 0.0
    matryoshka: tuple[int, ...] = ()
    freeze: int = 0
    lora: int = 0
    merge: float = 1.0
    share_negatives: bool = False
    patience: int = 0
    report_to: str = "none"
    seed: int = 0
