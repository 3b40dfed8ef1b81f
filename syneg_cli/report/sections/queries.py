"""The main model query by query: what won, what lost, and their texts."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.report.charts import Bar, bars_chart
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import (
    Block,
    Figure,
    Heading,
    Link,
    Paragraph,
    Sample,
    Samples,
    Table,
    Text,
    anchor,
)
from syneg_cli.report.records import Model
from syneg_cli.report.sections.answer import backbone_of, signed

LISTED = 20
"""Queries that won most, and that lost most, whose texts are shown."""


def queries(facts: Facts) -> list[Block]:
    """The main model query by query, with the texts of those that moved most."""
    model = facts.main
    if model is None or model.score is None:
        return []
    score = model.score
    order = sorted(score.per_query, key=lambda name: (_moved(model, name), name))
    listed = [*_losers(model, order), *_winners(model, order)]
    bars = [
        Bar(
            _moved(model, name),
            f"{_named(facts, name)}: {_told(model, name)}",
            anchor("query", name) if name in listed else "",
        )
        for name in order
    ]
    signs = {sign: sum((bar.value > 0) - (bar.value < 0) == sign for bar in bars) for sign in (-1, 0, 1)}
    words = {-1: f"{signs[-1]} worse", 0: f"{signs[0]} the same", 1: f"{signs[1]} better"}
    title = f"Every {facts.split} query: {model.name} minus {backbone_of(model)}"
    caption = (
        "A bar for each query, sorted: above zero it ranks its relevant documents higher than the backbone "
        "does, below zero lower. A mean that rests on a few tall bars is less sure than one of many. A bar "
        "at either end leads to its query below."
    )
    svg = bars_chart("queries", title, caption, bars, "difference in nDCG@10", words.__getitem__)
    table = Table(
        ["query", "difference", "backbone", "model"],
        [
            [
                Link(name, anchor("query", name)),
                f"{_moved(model, name):+.4f}",
                f"{score.backbone_per_query[name]:.4f}",
                f"{score.per_query[name]:.4f}",
            ]
            for name in listed
        ],
    )
    figure = Figure("queries", title, svg, caption, table, wide=True)
    blocks: list[Block] = [Heading("Query by query"), figure]
    if listed:
        blocks.append(
            Paragraph(
                f"The queries that lost most and that won most ({len(listed)} of {len(order)}), with what "
                "is judged relevant:"
            )
        )
        blocks.append(Samples([_sample(facts, model, name) for name in listed]))
    return blocks


def _losers(model: Model, order: Sequence[str]) -> list[str]:
    return [name for name in order[:LISTED] if _moved(model, name) < 0]


def _winners(model: Model, order: Sequence[str]) -> list[str]:
    return [name for name in order[::-1][:LISTED] if _moved(model, name) > 0]


def _moved(model: Model, query_id: str) -> float:
    assert model.score is not None
    return model.score.per_query[query_id] - model.score.backbone_per_query[query_id]


def _told(model: Model, query_id: str) -> str:
    assert model.score is not None
    before, after = model.score.backbone_per_query[query_id], model.score.per_query[query_id]
    return f"{signed(after - before)} ({before:.3f} to {after:.3f})"


def _named(facts: Facts, query_id: str) -> str:
    """A query's text where it is at hand, else its id."""
    query = facts.texts.queries.get(query_id) if facts.texts else None
    return query.text if query else query_id


def _sample(facts: Facts, model: Model, query_id: str) -> Sample:
    texts = []
    for doc_id in sorted(facts.texts.positives(query_id)) if facts.texts else ():
        passage = facts.texts.corpus[doc_id] if facts.texts else None
        if passage:
            texts.append(Text(f"relevant: {doc_id}", passage.title, passage.text, "positive"))
    label = f"{signed(_moved(model, query_id))} · {query_id}"
    return Sample(anchor("query", query_id), label, _named(facts, query_id), texts or [_without(facts)])


def _without(facts: Facts) -> Text:
    why = (
        "The data set is not at hand."
        if facts.texts is None
        else "No document of the corpus is judged relevant."
    )
    return Text("relevant", "", why)
