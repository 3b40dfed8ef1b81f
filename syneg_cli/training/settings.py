"""Everything that decides the weights, beside the instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from syneg_cli.core import Name, NonNegative, Positive, Section, Seed, Text, setting
from syneg_cli.llm import embedding_api

MODEL, OPTIMISER, LOSS = "Model", "Optimiser", "Loss"
MINING, DEV, MACHINES, OUTPUT = "Negatives that follow the model", "Choosing an epoch", "Machines", "Output"


def _all_different(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(sizes)) < len(sizes):
        raise ValueError("expected every number of dimensions once")
    return sizes


def _runs_here(name: str) -> str:
    if embedding_api(name):
        raise ValueError(
            "a model behind an API has no weights to train: expected an alias, a folder or a hub id "
            "(`syneg mine --backbone`, `verify` and `eval --backbone` take both)"
        )
    return name


CROSS_ENCODER = "cross-encoder"
CROSS_ENCODER_LR = 2e-5


class TrainSettings(Section):
    """Fine-tuning."""

    kind: Literal["bi-encoder", "cross-encoder"] = setting(
        "bi-encoder", "What is trained: a retriever, or a reranker (docs/rerankers.md).", panel=MODEL
    )
    backbone: Annotated[Text, AfterValidator(_runs_here)] = setting(
        "minilm",
        "An alias (bge-base, e5-base, ...), a local folder or a hub id.",
        panel=MODEL,
        values=("<backbone>",),
    )
    output: Name | None = setting(
        None,
        "Name of the model that is written.",
        example='"my-model"',
        otherwise="<backbone>-<mix>, of a cross-encoder <backbone>-<mix>-reranker",
        panel=OUTPUT,
        metavar="NAME",
        decides=False,
        values=("<model>",),
    )
    epochs: Positive = setting(2, "Passes over the pairs.", panel=OPTIMISER)
    batch_size: Positive = setting(16, "Pairs a step; mirrored ones come on top.", panel=OPTIMISER)
    lr: Annotated[float, Field(gt=0)] = setting(
        5e-5, "Peak learning rate; for a cross-encoder 2e-5.", panel=OPTIMISER
    )
    temperature: Annotated[float, Field(gt=0)] | None = setting(
        None,
        "Temperature of InfoNCE.",
        example="0.05",
        otherwise="0.05 for cosine, 1 for dot products",
        panel=LOSS,
    )
    loss: Literal["listwise", "bce"] = setting(
        "listwise",
        "Of a cross-encoder: softmax over a query's documents, or each pair by itself.",
        panel=LOSS,
    )
    synthetic_order: Literal["beside", "before"] = setting(
        "beside",
        "LLM-written queries beside the real ones in every epoch, or all their epochs before them.",
        panel=LOSS,
    )
    in_batch: bool = setting(True, "Other pairs' documents are negatives too.", panel=LOSS)
    warmup: Annotated[float, Field(ge=0, lt=1)] = setting(
        0.1, "Share of the steps in which the rate rises.", panel=OPTIMISER
    )
    weight_decay: Annotated[float, Field(ge=0)] = setting(0.01, "Weight decay of AdamW.", panel=OPTIMISER)
    layer_decay: Annotated[float, Field(gt=0, le=1)] = setting(
        1.0, "The rate of each layer is this times that of the one above.", panel=OPTIMISER
    )
    max_grad_norm: Annotated[float, Field(gt=0)] = setting(
        1.0, "Longer gradients are clipped.", panel=OPTIMISER
    )
    accumulation: Positive = setting(
        1, "Batches per step; in-batch negatives stay within a batch.", panel=OPTIMISER
    )
    chunk: Positive | None = setting(
        None, "GradCache: any batch size in the memory of so many texts.", example="32", panel=MACHINES
    )
    max_length: Positive | None = setting(
        None, "Tokens per text.", example="256", otherwise="the model's own", panel=MODEL
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = setting(
        None,
        "Dropout rate.",
        example="0.1",
        otherwise="0 on a CPU, else the model's own",
        panel=OPTIMISER,
    )
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "auto is bf16 where the processor has it, else fp32.", panel=MACHINES
    )
    balance: Annotated[float, Field(ge=0)] = setting(
        0.0, "Weight of CausalNeg's term against source shortcuts (0.05 there).", panel=LOSS
    )
    guide: Annotated[str, AfterValidator(_runs_here)] | None = setting(
        None,
        "A guide encoder that masks what it finds too relevant (GISTEmbed).",
        example='"bge-base"',
        panel=LOSS,
        values=("<backbone>",),
    )
    guide_margin: float = setting(0.0, "How far below its positive the guide masks.", panel=LOSS)
    cross_encoder: str | None = setting(
        None,
        "A cross-encoder that teaches by its scores.",
        example='"cross-encoder/ms-marco-MiniLM-L6-v2"',
        panel=LOSS,
    )
    lexical: Annotated[float, Field(ge=0)] = setting(
        0.0,
        "Teach by BM25's scores: so much for its best document, beside the backbone's similarities over the "
        "temperature, or the cross-encoder's scores; 10 is a start.",
        panel=LOSS,
    )
    distil: Annotated[float, Field(ge=0)] = setting(1.0, "Weight of that teaching.", panel=LOSS)
    matryoshka: Annotated[tuple[Positive, ...], AfterValidator(_all_different)] = setting(
        (), "Dimensions that are good alone too.", example="[64, 128]", panel=LOSS
    )
    refresh: Literal["none", "ance", "adore"] = setting(
        "none",
        "ance: mine again with the current weights. adore: train the query side alone, on what it retrieves.",
        panel=MINING,
    )
    refresh_steps: Positive | None = setting(
        None, "ance: batches between two minings.", example="50", otherwise="an epoch", panel=MINING
    )
    refresh_depth: Positive = setting(
        200, "First documents of a query to draw from (ance) or compare with (adore).", panel=MINING
    )
    freeze: NonNegative = setting(
        0, "First layers that keep their weights, with the embeddings.", panel=MODEL
    )
    frozen_gb: Annotated[float, Field(ge=0)] = setting(
        10.0,
        "Disk for what frozen layers give, computed once; 0: at every step.",
        panel=MACHINES,
        metavar="GB",
        decides=False,
    )
    lora: NonNegative = setting(0, "Rank of low-rank updates instead of full ones; needs peft.", panel=MODEL)
    merge: Annotated[float, Field(gt=0, le=1)] = setting(
        1.0, "Share of the fine-tuned weights; the rest is the backbone (LM-Cocktail).", panel=MODEL
    )
    share_negatives: bool = setting(
        False, "With torchrun: in-batch negatives of all processes.", panel=MACHINES
    )
    dev: bool = setting(False, "Measure on dev after every epoch and keep the best one.", panel=DEV)
    dev_pool: Positive = setting(50, "Documents per dev query that this searches among.", panel=DEV)
    patience: NonNegative = setting(0, "Stop after so many epochs without a better dev score.", panel=DEV)
    save_steps: NonNegative = setting(
        100, "A checkpoint every so many steps; 0 for none.", panel=OUTPUT, decides=False
    )
    report_to: str = setting(
        "none",
        "tensorboard, wandb or trackio.",
        panel=OUTPUT,
        values=("none", "tensorboard", "wandb", "trackio"),
    )
    seed: Seed = setting(0, "Random seed of the order of batches, and of dropout.", panel=OPTIMISER)

    @property
    def taught(self) -> bool:
        """Whether scores of others are learned from."""
        return bool(self.distil and (self.cross_encoder or self.lexical))

    @model_validator(mode="before")
    @classmethod
    def _rate_of_the_kind(cls, given: Any) -> Any:
        """Where no rate is given it is the one of the kind, so that whoever reads it reads what was used."""
        if isinstance(given, Mapping) and given.get("kind") == CROSS_ENCODER:
            return {"lr": CROSS_ENCODER_LR, **given}
        return given
