"""Queries that an LLM writes for documents, and how they are used."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syneg_cli.core import Name, NonNegative, Positive, Section, Text, setting
from syneg_cli.generation.settings import Shard

DOCUMENTS, CHECKS = "Which documents", "Checks"


class QueryAttributes(Section):
    """What the attributes of a written query are drawn from, one value of each for a call."""

    user: tuple[str, ...] = setting(
        (
            "somebody new to the subject",
            "a practitioner who needs it for their work",
            "an expert of the subject",
        ),
        "Who asks.",
    )
    form: tuple[str, ...] = setting(
        (),
        "What kind of query.",
        example='["a question", "a few keywords"]',
        otherwise="that of the example queries; without any a question, keywords or a statement",
    )
    length: tuple[str, ...] = setting(
        (),
        "How long.",
        example='["up to 6 words", "6 to 15 words"]',
        otherwise="that of the example queries; without any 4 to 8 or 8 to 16 words",
    )
    specificity: tuple[str, ...] = setting(
        ("about the main point", "about one particular finding, figure or condition"),
        "How specific.",
    )


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
    prompt: Text = setting(
        "query", "The prompt that asks for the queries of a document.", values=("<query prompt>",)
    )
    rewrite_prompt: Text = setting(
        "rewrite-query", "The prompt that rewords a training query.", values=("<rewrite prompt>",)
    )
    n: Positive = setting(2, "Queries for a document.")
    examples: NonNegative = setting(3, "Training queries that the model is shown for their style.")
    negate: Literal["auto", "yes", "no"] = setting(
        "auto",
        "Reword into the opposite, too; auto: where evidence against a query is known to count (SciFact).",
    )
    documents: Literal["all", "random", "spread"] = setting(
        "all", "All documents, a random sample, or one spread over what they are about.", panel=DOCUMENTS
    )
    sample: Positive | None = setting(
        None, "How many documents, where not all.", example="1000", panel=DOCUMENTS
    )
    shard: Shard | None = setting(
        None,
        "Only part I of N of them, to spread over machines.",
        example='"1/4"',
        panel=DOCUMENTS,
        metavar="I/N",
    )
    judged: bool = setting(
        False, "For documents that a training query finds relevant already, too.", panel=DOCUMENTS
    )
    min_words: NonNegative = setting(5, "Shorter documents get none, in words.", panel=DOCUMENTS)
    check: Literal["retrieval", "cross-encoder", "judge", "none"] = setting(
        "retrieval",
        "What has to find its document again: retrieval, cross-encoder, judge or none.",
        panel=CHECKS,
        metavar="CHECK",
    )
    top: Positive | None = setting(
        None,
        "It has to be among the first so many.",
        example="20",
        otherwise="20; 3 by a cross-encoder",
        panel=CHECKS,
    )
    retriever: Literal["auto", "bm25", "dense", "bm25+dense"] = setting(
        "auto", "What searches; auto: both, or bm25 where the backbone is not here yet.", panel=CHECKS
    )
    near_copies: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = setting(
        0.8, "Word overlap with another query, real or written, that makes a copy, or off.", panel=CHECKS
    )
    max_copied: Annotated[float, Field(gt=0, le=1)] | Literal["off"] = setting(
        0.7,
        "Share of a query's words that it may take over from its document in runs of five, or off.",
        panel=CHECKS,
    )
    max_words: Positive = setting(60, "Longest query, in words.", panel=CHECKS)
    judge_pool: NonNegative = setting(
        0, "First documents that a judge looks at for more that is relevant (--check judge).", panel=CHECKS
    )
    attributes: QueryAttributes = QueryAttributes()
