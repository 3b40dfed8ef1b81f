"""The sources of negatives: how near to the query, by what they are told apart, how many are false."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.forecast import STYLE
from syneg_cli.report.charts import Axis, Row, rows_chart
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, Figure, Figures, Heading, Table
from syneg_cli.report.separation import POSITIVE, Separation

OF_MINED = ("mined", "mined2", "mined3", "c5", "c7")


def sources(facts: Facts) -> list[Block]:
    """Nothing where neither a sample was measured nor anything verified."""
    found = [_similarity(facts, facts.separation), _apart(facts.separation)] if facts.separation else []
    figures = [figure for figure in (*found, _false(facts)) if figure]
    return [Heading("Where the negatives come from"), Figures(figures)] if figures else []


def kind_of(source: str, facts: Facts) -> str:
    """The class of a source's colour, the same in the whole page."""
    if source == POSITIVE:
        return "positive"
    if source.startswith("synthetic"):
        return "synthetic"
    mined = [one for one in facts.negatives.sources if not one.startswith("synthetic")]
    return OF_MINED[mined.index(source) % len(OF_MINED)] if source in mined else "muted"


def _similarity(facts: Facts, measured: Separation) -> Figure:
    rows, table = [], []
    for source, values in measured.similarity.items():
        low, first, middle, third, high = quantiles(values)
        label = f"{source}s" if source == POSITIVE else f"{source} negatives"
        rows.append(
            Row(
                label,
                middle,
                f"median {middle:.3f}",
                (low, high),
                (first, third),
                classes=kind_of(source, facts),
            )
        )
        table.append(
            [label, str(len(values)), *(f"{value:.4f}" for value in (low, first, middle, third, high))]
        )
    title = "How near each source is to its query"
    caption = (
        f"Similarity by {measured.encoder}, as it was before training, of one usable document of each "
        f"source for {measured.queries} queries: the dot is the median, the thick line the middle half, the "
        "thin one nine tenths. Negatives far left of the positives are easy and teach little; those right "
        "of them may be relevant after all."
    )
    svg = rows_chart("nearness", title, caption, rows, Axis("similarity to the query"))
    columns = ["source", "texts", "5 %", "25 %", "median", "75 %", "95 %"]
    return Figure("nearness", title, svg, caption, Table(columns, table))


def _apart(measured: Separation) -> Figure | None:
    if not measured.apart:
        return None
    rows, table = [], []
    pairs = {(one.one, one.other) for one in measured.apart}
    for one in measured.apart:
        label = f"by {one.by}" + (f": {one.one} from {one.other}" if len(pairs) > 1 else "")
        low, high = one.auc.low, one.auc.high
        told = f"{one.auc.value:.2f} [{low:.2f}, {high:.2f}]"
        rows.append(Row(label, one.auc.value, told, (low, high), classes="c3"))
        interval = f"{low:.4f} to {high:.4f}"
        table.append(
            [f"{one.one} from {one.other}", one.by, f"{one.auc.value:.4f}", interval, str(one.texts)]
        )
    title = "By what LLM-written negatives are told from retrieved ones"
    caption = (
        "The chance that of two texts the LLM's is picked out; 0.5 is a coin. A high value by length and "
        "style, or by the embedding, is a shortcut: a model can learn who wrote a text instead of what "
        "answers the query (--balance and the mirror strategy work against it). Style is "
        f"{', '.join(STYLE)}; both are linear classifiers on texts of queries that they were not fitted on. "
        "The lines are 95 % intervals."
    )
    axis = Axis("AUC", 0.5, meaning="a coin", low=0.0, high=1.0)
    svg = rows_chart("shortcut", title, caption, rows, axis)
    return Figure(
        "shortcut", title, svg, caption, Table(["what", "by", "AUC", "95 % interval", "texts"], table)
    )


def _false(facts: Facts) -> Figure | None:
    judged = facts.negatives.judged
    if not judged:
        return None
    rows, table = [], []
    for one in judged:
        share = one.relevant / one.judged
        low, high = (100 * end for end in one.interval)
        told = f"{100 * share:.1f} % ({one.relevant} of {one.judged})"
        rows.append(
            Row(
                f"{one.source}, by {one.check}",
                100 * share,
                told,
                (low, high),
                classes=kind_of(one.source, facts),
            )
        )
        table.append(
            [one.source, one.check, str(one.relevant), str(one.judged), f"{low:.1f} % to {high:.1f} %"]
        )
    title = "Negatives that a check calls relevant"
    caption = (
        "What verify found, by source and check, with 95 % intervals over queries. A negative that is "
        "relevant, left in, teaches the model to push down what it should find. margin is no judge: it has "
        "not read the texts, and only says that a negative is about as near to the query as the positive is."
    )
    svg = rows_chart("false", title, caption, rows, Axis("called relevant (%)", low=0.0))
    columns = ["source", "check", "relevant", "judged", "95 % interval"]
    return Figure("false", title, svg, caption, Table(columns, table))


def quantiles(values: Sequence[float]) -> tuple[float, float, float, float, float]:
    """The 5th, 25th, 50th, 75th and 95th percentile, linear between neighbours."""
    import numpy as np

    low, first, middle, third, high = np.percentile(list(values), [5, 25, 50, 75, 95]).tolist()
    return low, first, middle, third, high
