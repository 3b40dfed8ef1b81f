"""What is known of the data set: where it is, what counts as relevant, what is held out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syneg_cli.core import Section, Seed, setting


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
        "A BEIR name, a folder with corpus.jsonl, queries.jsonl and qrels/, or irds:NAME.",
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
    identical_ids: Literal["auto", "keep", "drop"] = setting(
        "auto",
        "A document with the query's id is left out: if it is the query itself (auto), always or never.",
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
