"""What is known of the data set: where it is, what counts as relevant, what is held out."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from syneg_cli.core import NonNegative, Positive, Section, Seed, setting

FEWEST = 16
"""Tokens that a passage has to have room for: a title, and a few words."""


def _none_or_some(tokens: int) -> int:
    if tokens and tokens < FEWEST:
        raise ValueError(f"a passage needs room for {FEWEST} tokens (0: documents stay whole)")
    return tokens


def _known_encoding(name: str | None) -> str | None:
    try:
        return None if name is None else codecs.lookup(name).name
    except LookupError:
        raise ValueError("no encoding is called so") from None


class AttributePools(Section):
    """What the prompt's attributes are drawn from; built in for known data sets."""

    domain: tuple[str, ...] = setting(
        (), "Fields of expertise that the text is written in.", example='["Epidemiology", "Virology"]'
    )
    difficulty: tuple[str, ...] = setting(
        (),
        "Education that the text asks of its reader.",
        example='["Intermediate (High School and Undergraduate)"]',
    )
    length: tuple[str, ...] = setting(
        (),
        "Length, compared with the positive.",
        example='["approximately the same as", "nearly the same as"]',
    )


class DatasetSettings(Section):
    """The data set."""

    name: str | None = setting(
        None,
        "A BEIR name, a folder with corpus.jsonl, queries.jsonl and qrels/, irds:NAME, hub:OWNER/NAME or "
        "mteb:TASK.",
        example='"scifact"',
        values=("<dataset>",),
    )
    data_dir: str | None = setting(
        None,
        "Where data set folders are already; nothing is downloaded then.",
        example='"data"',
        metavar="FOLDER",
    )
    dev_fraction: Annotated[float, Field(ge=0, lt=1)] = setting(
        0.1, "Share of train queries held out as dev where there is no dev split."
    )
    dev_seed: Seed = setting(0, "Which queries those are.")
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = setting(
        0.0,
        "Share of the queries that is test, the rest train, where only one of the two is there; 0: off.",
    )
    test_seed: Seed = setting(0, "Which queries those are.")
    train_queries: Positive | None = setting(
        None,
        "Train as if so many of the train queries alone were judged; dev and test stay as they are.",
        example="200",
        otherwise="all",
    )
    train_seed: Seed = setting(0, "Which queries those are; more of them have the fewer ones among them.")
    resplit: Literal["none", "documents"] = setting(
        "none",
        "Deal the queries out anew, in splits of the same sizes; no two share a positive (documents).",
    )
    resplit_seed: Seed = setting(0, "How they are dealt out.")
    disjoint: bool = setting(False, "Train without the pairs whose document is a positive of dev or test.")
    identical_ids: Literal["auto", "keep", "drop"] = setting(
        "auto",
        "A document with the query's id is left out: if it is the query itself (auto), always or never.",
    )
    same_document: Literal["beside", "all", "none"] = setting(
        "beside",
        "Passages (guide.md#4) of a positive's document that are never negatives: those next to it (beside), "
        "all or none.",
    )
    relevance: str | None = setting(
        None,
        "What counts as relevant; built in for known data sets.",
        example='"An abstract is relevant if ..."',
    )
    language: str | None = setting(
        None,
        "The documents' language, for BM25: english, german, japanese, ... or a code (de, ja).",
        example='"german"',
        otherwise="guessed from the corpus",
        values=("<language>",),
    )
    attributes: AttributePools = AttributePools()

    def loading(self) -> dict[str, Any]:
        """What `load_dataset` is told of it, beside where the data set is."""
        told = self.model_dump(exclude={"name", "data_dir", "disjoint"})
        told["resplit_by"] = told.pop("resplit")
        return told


class DocumentsSettings(Section):
    """How `syneg import` reads documents, and cuts them into passages."""

    source: str | None = setting(
        None,
        "Documents that `syneg run` imports first, into the folder that [dataset] names.",
        example='"docs"',
        metavar="PATH",
        decides=False,
        values=("<path>", "hub:", "irds:"),
    )
    tokens: Annotated[int, AfterValidator(_none_or_some)] = setting(
        256, "Most tokens of a passage, with its title, by the backbone's tokenizer; 0: documents stay whole."
    )
    overlap: NonNegative = setting(
        32, "Of passages that follow each other, at most so many tokens (whole sentences) are in both."
    )
    min_tokens: NonNegative = setting(
        32, "Shorter sections are joined to their neighbours, where both fit into a passage."
    )
    id_column: str | None = setting(
        None, "Of a table: the column with the ids.", example='"doc_id"', otherwise="guessed", metavar="NAME"
    )
    title_column: str | None = setting(
        None,
        "Of a table: the column with the titles.",
        example='"headline"',
        otherwise="guessed",
        metavar="NAME",
    )
    text_column: str | None = setting(
        None, "Of a table: the column with the texts.", example='"body"', otherwise="guessed", metavar="NAME"
    )
    encoding: Annotated[str | None, AfterValidator(_known_encoding)] = setting(
        None,
        "Of files that are not in UTF-8 and have no byte order mark.",
        example='"cp1252"',
        otherwise="guessed for each, and said",
        metavar="NAME",
    )
    max_megabytes: Positive = setting(64, "Larger files are left out.")
    max_seconds: Positive = setting(
        120, "A file whose conversion (HTML, PDF, Word, ...) takes longer is left out."
    )
    judged_passages: Literal["none", "all"] = setting(
        "none",
        "Judgements of a document that was cut: left out (none), or given to all its passages.",
    )
