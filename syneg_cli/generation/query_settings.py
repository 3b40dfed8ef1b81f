"""Queries that an LLM writes for documents, and how they are used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from syneg_cli.core import Name, Section, setting


class QuerySettings(Section):
    """LLM-written queries. The model, its limits and its cache are those of [generate]."""

    name: Name = setting(
        "default",
        "Name of the LLM-written queries, to keep several.",
        metavar="NAME",
        decides=False,
        values=("<queries>",),
    )
    weight: Annotated[float, Field(ge=0, le=1)] | None = setting(
        None,
        "What an LLM-written query counts in training, a real one being 1; 0 leaves them out.",
        example="0.5",
        otherwise="1 where train has no real query, else 0",
        decides=False,
    )
