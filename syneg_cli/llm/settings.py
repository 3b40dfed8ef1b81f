"""How a language model is called: which one, how fast, for how much."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syneg_cli.core import Positive, Section, setting
from syneg_cli.llm.providers import PROVIDERS

CALLS = "Language model"


class CallSettings(Section):
    """The language model, and the limits of speed and money."""

    llm: str | None = setting(
        None,
        "openai:MODEL, ollama:MODEL, hf:MODEL or replay:FILE.",
        example='"ollama:llama3"',
        panel=CALLS,
        metavar="PROVIDER:MODEL",
        values=(*(f"{name}:" for name in PROVIDERS), "hf:<path>", "replay:<path>"),
    )
    base_url: str | None = setting(
        None,
        "The server, for openai (any compatible one) and ollama.",
        example='"http://localhost:8000/v1"',
        otherwise="OPENAI_BASE_URL, OLLAMA_HOST",
        panel=CALLS,
        metavar="URL",
    )
    concurrency: Positive = setting(8, "Calls at once, at most.", panel=CALLS, decides=False)
    rpm: Positive | None = setting(
        None, "Requests a minute, at most.", example="60", panel=CALLS, decides=False
    )
    tpm: Positive | None = setting(
        None, "Tokens a minute, at most.", example="90000", panel=CALLS, decides=False
    )
    timeout: Annotated[float, Field(gt=0)] = setting(
        120.0, "Seconds for one call.", panel=CALLS, decides=False
    )
    attempts: Positive = setting(
        8, "Tries of one call, for errors that can pass.", panel=CALLS, decides=False
    )
    max_wait: Annotated[float, Field(gt=0, allow_inf_nan=False)] = setting(
        300.0, "Seconds that a server may ask to wait, at most.", panel=CALLS, decides=False
    )
    max_cost: Annotated[float, Field(gt=0)] | None = setting(
        None,
        "Never spend more than this, in all runs; of `run`, in all its stages.",
        example="5.0",
        panel=CALLS,
        metavar="USD",
        decides=False,
    )
    max_calls: Positive | None = setting(
        None,
        "Never send more calls than this, in all runs; of `run`, in all its stages.",
        example="1000",
        panel=CALLS,
        decides=False,
    )
    price: Annotated[tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...], Field(max_length=2)] = (
        setting(
            (),
            "US dollars for a million tokens in and out, where the price is not known.",
            example="[0.5, 1.5]",
            panel=CALLS,
            decides=False,
        )
    )
    cache: str | None = setting(
        None,
        "The file of all answers paid for; data sets share it, and projects if you like.",
        example='"generations.db"',
        otherwise="WORK_DIR/generations.db",
        panel=CALLS,
        metavar="FILE",
        decides=False,
    )
