"""What is asked of the language model."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from syneg_cli.core import Name, NonNegative, Positive, Seed, Text, setting
from syneg_cli.llm import CallSettings

NAMES = "Input and output"


def one_of_the_shards(text: str) -> str:
    """`I/N` as it is.

    Raises:
        PydanticCustomError: it is not of this form, or there is no such part.
    """
    found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,8})", text, re.ASCII)
    if found is None or int(found[1]) > int(found[2]):
        raise PydanticCustomError("shard", "has to be I/N with I from 1 to N (1/4 is part 1 of 4)")
    return text


Shard = Annotated[str, AfterValidator(one_of_the_shards)]
"""`1/4`: the first of four parts."""


class GenerateSettings(CallSettings):
    """LLM-written negatives. verify and mirrored queries call the same model."""

    prompt: Text = setting(
        "syneg",
        "A prompt's name (prompts/NAME.txt here, else the one that ships), or a .txt file.",
        values=("<prompt>",),
    )
    name: Name = setting(
        "default",
        "Name of the synthetic negatives that are written, to keep several.",
        panel=NAMES,
        metavar="NAME",
        decides=False,
        values=("<synthetic>",),
    )
    n: Positive = setting(2, "Synthetic negatives per (query, positive).")
    limit: Positive | None = setting(None, "Only the first so many pairs.", example="100", panel=NAMES)
    shard: Shard | None = setting(
        None,
        "Only part I of N of the pairs, to spread over machines.",
        example='"1/4"',
        panel=NAMES,
        metavar="I/N",
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = setting(
        None, "Sampling temperature.", example="0.7", otherwise="the server's"
    )
    max_tokens: Positive = setting(4096, "Longest answer.")
    seed: Seed = setting(0, "Draws the attributes; sent to servers that take a seed.")
    structured: bool = setting(True, "Ask for JSON that fits the schema, where the server can.")
    corrections: NonNegative = setting(1, "Times the model is shown what is wrong with its answer.")
    max_words: Positive = setting(400, "Longest negative that is asked for, in words.")
