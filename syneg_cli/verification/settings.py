"""Which checks look for false negatives, and what becomes of those."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syneg_cli.core import Positive, Section, setting


class VerifySettings(Section):
    """Checks on negatives, written and mined alike."""

    checks: Annotated[tuple[Literal["judge", "margin", "cross-encoder"], ...], Field(min_length=1)] = setting(
        ("judge",), "judge (a language model), margin (an encoder), cross-encoder."
    )
    effect: Literal["drop", "relabel", "mark"] = setting(
        "drop", "What becomes of a negative that is relevant: left out, made a positive, only marked."
    )
    agree: Literal["any", "all"] = setting("any", "Whether one check is enough, or all have to agree.")
    sources: tuple[str, ...] = setting(
        (),
        "Which negatives: synthetic, or a miner's name.",
        example='["synthetic"]',
        otherwise="what [mix] reads",
        values=("synthetic", "<mined>"),
    )
    per_query: Positive | None = setting(
        None,
        "Mined negatives of each query and miner that are checked, the best ranked; others are not mixed.",
        example="10",
        otherwise="as many as [mix] can draw: rounds x negatives",
    )
    margin: Annotated[float, Field(ge=0)] = setting(
        0.05, "How far below the positive a negative has to stay."
    )
    cross_encoder: str | None = setting(
        None,
        "The cross-encoder: a hub id or a folder.",
        example='"cross-encoder/ms-marco-MiniLM-L6-v2"',
        metavar="MODEL",
    )
    prompt: str = setting(
        "judge", "The judge's prompt; judge-graded asks for grades from 0 to 3.", values=("<judge>",)
    )
    relevant_from: Annotated[int, Field(ge=1, le=3)] = setting(
        2, "The grade from which a document is relevant, with a prompt that asks for grades."
    )
