"""A browser of samples: a query, its positives, and each of its negatives with all that is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syneg_cli.report.facts import Facts
from syneg_cli.report.negatives import Negative
from syneg_cli.report.page import Block, Heading, Paragraph, Sample, Samples, Text, anchor
from syneg_cli.report.sections.sources import kind_of

SHOWN = 20
"""Queries whose texts can be read."""

MINED = 3
"""Retrieved negatives of a query and source that are shown, the best ranked."""


def samples(facts: Facts) -> list[Block]:
    """Some queries with their texts; nothing where there are no negatives, or no data set to read."""
    if facts.texts is None or not facts.negatives.by_query:
        return []
    known = [name for name in facts.negatives.by_query if name in facts.texts.queries][:SHOWN]
    if not known:
        return []
    told = (
        f"{len(known)} training queries, drawn by their ids, with every LLM-written negative and the first "
        f"{MINED} of each retrieved source. Reading a few of them says more than any number on this page."
    )
    return [Heading("Samples"), Paragraph(told), Samples([_sample(facts, name) for name in known])]


def _sample(facts: Facts, query_id: str) -> Sample:
    assert facts.texts is not None
    dataset, own = facts.texts, facts.negatives.by_query[query_id]
    texts = [
        Text(f"positive · {name}", dataset.corpus[name].title, dataset.corpus[name].text, "positive")
        for name in sorted(dataset.positives(query_id))
    ]
    for source in facts.negatives.sources:
        texts += _negatives(facts, source, [one for one in own if one.source == source])
    return Sample(anchor("sample", query_id), query_id, dataset.queries[query_id].text, texts)


def _negatives(facts: Facts, source: str, own: Sequence[Negative]) -> Iterator[Text]:
    retrieved = sorted((one for one in own if one.doc_id), key=lambda one: (one.rank or 0, one.doc_id))[
        :MINED
    ]
    for one in [*(one for one in own if not one.doc_id), *retrieved]:
        title, text = one.title, one.text
        if one.doc_id:
            if facts.texts is None or one.doc_id not in facts.texts.corpus:
                continue
            title, text = facts.texts.corpus[one.doc_id].title, facts.texts.corpus[one.doc_id].text
        name = one.doc_id or f"{one.index} for {one.positive_id}"
        left_out = "" if one.status == "ok" else f" · {_fate(one)}"
        yield Text(f"{source} negative · {name}{left_out}", title, text, kind_of(source, facts), one.facts)


def _fate(one: Negative) -> str:
    """Why a negative is not used as one."""
    what = "a positive after all" if one.status == "positive" else "left out"
    return f"{what}: {one.reason}" if one.reason else what
