"""How embedding APIs are asked: what decides their vectors, and what they cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syneg_cli.core import Positive, Section, setting
from syneg_cli.llm import MOST_INPUTS

API = "Embedding API"


class EmbedSettings(Section):
    """Encoders behind an API, openai:MODEL or ollama:MODEL; limits and caps are those of [generate]."""

    base_url: str | None = setting(
        None,
        "The embedding server, for openai (any compatible one) and ollama.",
        example='"http://localhost:8080/v1"',
        otherwise="OPENAI_BASE_URL, OLLAMA_HOST",
        panel=API,
        metavar="URL",
    )
    dimensions: Positive | None = setting(
        None,
        "Ask for vectors of so many dimensions.",
        example="256",
        otherwise="the model's own",
        panel=API,
    )
    max_length: Positive = setting(
        8191, "Tokens per text; of a longer one the beginning is sent: 4 letters a token.", panel=API
    )
    query_prompt: str = setting("", "What is put before each query.", panel=API)
    passage_prompt: str = setting("", "What is put before each passage.", panel=API)
    batch_size: Annotated[int, Field(ge=1, le=MOST_INPUTS)] = setting(
        128, "Texts in one request, at most.", panel=API, decides=False
    )
    price: Annotated[float, Field(ge=0)] | None = setting(
        None,
        "US dollars for a million tokens, where the price is not known.",
        example="0.02",
        panel=API,
        metavar="USD",
        decides=False,
    )
