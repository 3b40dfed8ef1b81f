"""The metrics and their values: computed by trec_eval, through ir_measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import Qrels, Run, nearest
from syneg_cli.data import best_first

if TYPE_CHECKING:
    import ir_measures


MEASURES = {
    "ndcg": ("nDCG", "nDCG"),
    "recall": ("R", "Recall"),
    "mrr": ("RR", "MRR"),
    "map": ("AP", "MAP"),
    "p": ("P", "P"),
    "success": ("Success", "Success"),
    "judged": ("Judged", "Judged"),
}
"""Name in files -> (its name in ir_measures, how a paper writes it): with a cutoff, each is a metric. A
line adds one."""

LONGEST = 100_000
"""The largest cutoff: a run holds as many documents of every query."""


@dataclass(frozen=True)
class Metric:
    """A measure by its name in ir_measures (https://ir-measur.es/en/latest/measures.html).

    trec_eval knows a reciprocal rank without a cutoff only. `RR @ 10` would be computed by
    MS MARCO's script, which orders equal scores the other way round; so a measure can be taken
    without a cutoff on the first results instead, and all metrics see the same ranking. So does
    `Judged`, which has an order of its own, too.
    """

    measure: str
    at: int | None = None
    """The measure's own cutoff."""
    results: int | None = None
    """Take the measure on this many results of a query; None for all of them."""

    @property
    def cutoff(self) -> int:
        """How many documents of a query it looks at."""
        return self.at or self.results or LONGEST

    @property
    def label(self) -> str:
        """How a paper writes it: `nDCG@10`."""
        written = dict(MEASURES.values()).get(self.measure, self.measure)
        return f"{written}@{self.cutoff}" if self.at or self.results else written

    def load(self) -> ir_measures.Measure:
        """What ir_measures computes it with."""
        import ir_measures

        measure: ir_measures.Measure = getattr(ir_measures, self.measure)
        return measure if self.at is None else measure @ self.at


METRICS = {
    "ndcg@10": Metric("nDCG", at=10),
    "recall@10": Metric("R", at=10),
    "recall@100": Metric("R", at=100),
    "mrr@10": Metric("RR", results=10),
    "map@100": Metric("AP", at=100),
}
"""Every metric that is measured without being asked for, under the name it has in files. A line adds one."""


def metric_name(text: str) -> str:
    """The name in files of a metric as a user writes it: `nDCG@10`, `R@100`, `recall@100`, `RR@10`.

    Raises:
        ValueError: there is no such metric; says what was expected, and which is near.
    """
    if text in METRICS:
        return text
    known = {spelt.lower(): name for name, spellings in MEASURES.items() for spelt in (name, *spellings)}
    measure, _, cutoff = (part.strip().lower() for part in text.partition("@"))
    right = re.fullmatch("[1-9][0-9]{0,5}", cutoff) is not None and int(cutoff) <= LONGEST
    if measure in known and right:
        return f"{known[measure]}@{cutoff}"
    close = nearest(measure, [*known]) or ""
    near = f"{MEASURES[known[close]][0]}@{cutoff if right else 10}" if close else "nDCG@10"
    measures = ", ".join(short for short, _ in MEASURES.values())
    raise ValueError(f"Expected a metric such as {near} ({measures}, with a cutoff up to {LONGEST})")


def metric_of(name: str) -> Metric:
    """A metric by its name in files.

    Raises:
        ValueError: there is no such metric.
    """
    if name in METRICS:
        return METRICS[name]
    measure, _, cutoff = metric_name(name).partition("@")
    called, at = MEASURES[measure][0], int(cutoff)
    # trec_eval's reciprocal rank has no cutoff, and Judged would break ties in its own way.
    first = at if called in ("RR", "Judged") else None
    return Metric(called, at=None if called == "RR" else at, results=first)


def is_metric(name: str) -> bool:
    """Whether this version knows a metric, by its name in files."""
    try:
        return bool(metric_of(name))
    except ValueError:
        return False


def label_of(name: str) -> str:
    """How a paper writes a metric of a file; one that this version does not know keeps its name."""
    return metric_of(name).label if is_metric(name) else name


MAIN_METRIC = "ndcg@10"


@dataclass(frozen=True)
class Scores:
    """Metric -> mean over queries, and metric -> query -> value."""

    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]


def score(run: Run, qrels: Qrels, names: Iterable[str] = ()) -> Scores:
    """Metrics for every judged query; a query without results scores 0.

    A grade below 0 (TREC's web tracks have -2 for spam) counts as 0, which changes none of the
    metrics: trec_eval writes past its arrays for a query that has grades below -1 only, and the
    process crashes.

    Args:
        names: which, by their names in files; by default those of `METRICS`.

    Raises:
        ValueError: there is no such metric.
    """
    judged = {q: {doc_id: max(grade, 0) for doc_id, grade in grades.items()} for q, grades in qrels.items()}
    metrics = {name: metric_of(name) for name in names} or METRICS
    per_query: dict[str, dict[str, float]] = {name: dict.fromkeys(judged, 0.0) for name in metrics}
    for cutoff in {metric.results for metric in metrics.values()}:
        results = {q: best_first(run[q], cutoff) for q in judged if run.get(q)}
        measures = {name: metric.load() for name, metric in metrics.items() if metric.results == cutoff}
        for name, values in _values(measures, judged, results).items():
            per_query[name] |= values
    means = {name: sum(values.values()) / len(values) for name, values in per_query.items()}
    return Scores(means, per_query)


def _values(
    measures: Mapping[str, ir_measures.Measure],
    judged: dict[str, dict[str, int]],
    results: dict[str, dict[str, float]],
) -> dict[str, dict[str, float]]:
    """Name -> query -> value, all measures in one pass: reading the judgements takes most of the time."""
    import ir_measures

    found: dict[str, dict[str, float]] = {str(measure): {} for measure in measures.values()}
    for query_id, measure, value in ir_measures.iter_calc(measures.values(), judged, results):
        found[str(measure)][query_id] = float(value)
    return {name: found[str(measure)] for name, measure in measures.items()}
