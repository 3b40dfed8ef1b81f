"""The metrics and their values: computed by trec_eval, through ir_measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import Qrels, Run
from syneg_cli.data import best_first

if TYPE_CHECKING:
    import ir_measures


@dataclass(frozen=True)
class Metric:
    """A measure by its name in ir_measures (https://ir-measur.es/en/latest/measures.html).

    trec_eval knows a reciprocal rank without a cutoff only. `RR @ 10` would be computed by
    MS MARCO's script, which orders equal scores the other way round; so a measure can be taken
    without a cutoff on the first results instead, and all metrics see the same ranking.
    """

    measure: str
    at: int | None = None
    """The measure's own cutoff."""
    results: int | None = None
    """Take the measure on this many results of a query; None for all of them."""

    @property
    def label(self) -> str:
        """How a paper writes it: `nDCG@10`."""
        cutoff = self.at or self.results
        name = NAMES.get(self.measure, self.measure)
        return f"{name}@{cutoff}" if cutoff else name

    def load(self) -> ir_measures.Measure:
        """What ir_measures computes it with."""
        import ir_measures

        measure: ir_measures.Measure = getattr(ir_measures, self.measure)
        return measure if self.at is None else measure @ self.at


NAMES = {"R": "Recall", "RR": "MRR", "AP": "MAP"}
"""Measure -> its usual name, where that is another."""

METRICS = {
    "ndcg@10": Metric("nDCG", at=10),
    "recall@10": Metric("R", at=10),
    "recall@100": Metric("R", at=100),
    "mrr@10": Metric("RR", results=10),
    "map@100": Metric("AP", at=100),
}
"""Every metric that is measured, under the name it has in files. A line adds one."""

MAIN_METRIC = "ndcg@10"


@dataclass(frozen=True)
class Scores:
    """Metric -> mean over queries, and metric -> query -> value."""

    metrics: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]


def score(run: Run, qrels: Qrels) -> Scores:
    """Every metric for every judged query; a query without results scores 0.

    A grade below 0 (TREC's web tracks have -2 for spam) counts as 0, which changes none of the
    metrics: trec_eval writes past its arrays for a query that has grades below -1 only, and the
    process crashes.
    """
    judged = {q: {doc_id: max(grade, 0) for doc_id, grade in grades.items()} for q, grades in qrels.items()}
    per_query: dict[str, dict[str, float]] = {name: dict.fromkeys(judged, 0.0) for name in METRICS}
    for cutoff in {metric.results for metric in METRICS.values()}:
        results = {q: best_first(run[q], cutoff) for q in judged if run.get(q)}
        measures = {name: metric.load() for name, metric in METRICS.items() if metric.results == cutoff}
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
