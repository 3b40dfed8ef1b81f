"""How synthetic and mined negatives meet in one training instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from syneg_cli.core import Name, NonNegative, Positive, Section, Seed, setting
from syneg_cli.mixing.strategies import STRATEGIES

FILES = "Input and output"


class MixSettings(Section):
    """Training instances."""

    strategy: str = setting(
        "hybrid",
        "; ".join(f"{name}: {strategy.about}" for name, strategy in STRATEGIES.items()) + ".",
        values=tuple(STRATEGIES),
    )
    name: Name | None = setting(
        None,
        "Name of the mix that is written.",
        example='"hybrid"',
        otherwise="the strategy's",
        panel=FILES,
        metavar="NAME",
        decides=False,
        values=("<mix>",),
    )
    ratio: Annotated[float, Field(ge=0, allow_inf_nan=False)] = setting(
        0.7, "Synthetic negatives for each retrieved one, on average; 0.7 is 41 % synthetic."
    )
    negatives: NonNegative = setting(3, "Per training instance; 0: in-batch ones alone.")
    rounds: Positive | None = setting(
        None,
        "Draws per instance: one an epoch, then again from the first.",
        example="8",
        otherwise="8; graded: the epochs",
    )
    weights: Mapping[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = setting(
        None,
        "Shares of miners or prompts, 1 where not named; 0 leaves one out; without any, all are one pool.",
        example="{bm25 = 0.5, dense = 1.0}",
        metavar="NAME=NUMBER,...",
    )
    max_synthetic: NonNegative | None = setting(None, "Synthetic texts per instance, at most.", example="1")
    need_synthetic: Annotated[float, Field(ge=0, le=1)] = setting(
        0.5,
        "Share of the pairs that must have a synthetic negative; 0 lets any pass.",
        decides=False,
    )
    max_risk: Annotated[float, Field(ge=0, le=1)] | None = setting(
        None,
        "Share of verify's checks that may call a negative relevant.",
        example="0.0",
        otherwise="any",
    )
    mirror: str | None = setting(
        None,
        "Queries of the synthetic negatives' own, where the prompt asked for none.",
        example='"mirror.jsonl"',
        panel=FILES,
        metavar="FILE",
        decides=False,
    )
    file: str | None = setting(
        None,
        "Pairs and negatives you have, instead of mined ones.",
        example='"train.jsonl"',
        panel=FILES,
        metavar="FILE",
        decides=False,
    )
    seed: Seed = setting(0, "Random seed of the draws.")

    @field_validator("weights", mode="before")
    @classmethod
    def _weights_from_text(cls, value: Any) -> Any:
        """`bm25=0.5,dense=1`, as flags and environment variables give it."""
        if not isinstance(value, str):
            return value
        parts = [part.rpartition("=") for part in value.split(",") if part.strip()]
        if not all(name.strip() and equals for name, equals, _ in parts):
            raise ValueError("expected NAME=NUMBER,NAME=NUMBER")
        return {name.strip(): number.strip() for name, _, number in parts}
