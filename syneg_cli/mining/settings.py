"""Which negatives are mined, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syneg_cli.core import NonNegative, Positive, Section, Seed, setting

FILTERS, ENCODER, DRAWS = "Filters", "Encoder and index", "Draws"


class MineSettings(Section):
    """Retrieved negatives."""

    miners: Annotated[tuple[str, ...], Field(min_length=1)] = setting(
        ("dense",),
        "random, bm25, dense, simans[:MINER], run:FILE or fusion[:MINER+MINER].",
        decides=False,
        values=("<miner>", "simans:<ranking>", "fusion:", "run:<path>"),
    )
    depth: Positive = setting(30, "Negatives per query.")
    pool: Positive = setting(300, "Ranks that filters and draws choose from.")
    skip: NonNegative = setting(0, "First ranks left out.", panel=FILTERS)
    min_score: float | None = setting(None, "Lowest score of a negative.", example="0.2", panel=FILTERS)
    max_score: float | None = setting(None, "Highest score of a negative.", example="0.9", panel=FILTERS)
    margin: Annotated[float, Field(ge=0)] | Literal["auto"] | None = setting(
        None, "Stay this far below the positive's score, or auto.", example="0.05", panel=FILTERS
    )
    percentage: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = setting(
        "off", "Stay below this share of the positive's score, or off (see docs/mining.md).", panel=FILTERS
    )
    near_copies: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = setting(
        0.9, "Word overlap that makes a positive's copy, or off.", panel=FILTERS
    )
    draw: Literal["top", "sample"] = setting("top", "What is left: the top, or a random sample.", panel=DRAWS)
    backbone: str | None = setting(
        None,
        "The encoder: an alias, a folder, a hub id, openai:MODEL or ollama:MODEL.",
        example='"minilm"',
        otherwise="the one that is trained",
        panel=ENCODER,
        values=("<backbone>", "openai:", "ollama:"),
    )
    max_length: Positive | None = setting(
        None, "Tokens per text.", example="256", otherwise="the model's own", panel=ENCODER
    )
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "auto is bf16 where the processor has it, else fp32.", panel=ENCODER
    )
    backend: Literal["torch", "onnx", "openvino"] = setting(
        "torch", "What runs the encoder; onnx and openvino where they are installed.", panel=ENCODER
    )
    batch_size: Positive = setting(32, "Texts of 128 tokens in a batch.", panel=ENCODER, decides=False)
    trust_remote_code: bool = setting(
        False,
        "Run code that comes with the model. In a project file alone it is refused: say it by flag or "
        "variable, too.",
        panel=ENCODER,
        decides=False,
    )
    index: str = setting(
        "Flat",
        "A FAISS factory string: HNSW32, IVF1024,Flat, ...",
        panel=ENCODER,
        values=("Flat", "HNSW32", "IVF1024,Flat"),
    )
    index_options: str = setting("", "Search parameters of the index, such as nprobe=32.", panel=ENCODER)
    simans_a: Annotated[float, Field(ge=0)] = setting(
        0.5, "a of SimANS: p ~ exp(-a (s - s+ + b)^2).", panel=DRAWS
    )
    simans_b: float = setting(0.0, "b of SimANS.", panel=DRAWS)
    temperature: Annotated[float, Field(gt=0)] = setting(
        0.05, "SimANS divides cosines by it first.", panel=DRAWS
    )
    seed: Seed = setting(0, "Random seed of all draws.", panel=DRAWS)
