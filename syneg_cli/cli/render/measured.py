"""What `syneg eval` and `syneg demo` show: metrics, and whether a difference is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.cli.render.changed import as_json, changed
from syneg_cli.cli.render.pictures import gains
from syneg_cli.cli.render.seen import seen
from syneg_cli.core import counted, duration
from syneg_cli.evaluation import (
    MAIN_METRIC,
    METRICS,
    Comparison,
    Evaluation,
    Part,
    Reranked,
    as_data,
    compare_metrics,
    corrected,
    interval,
    label_of,
    plain_p,
    verdict,
)
from syneg_cli.stages import Measured

LEGEND = "p: randomisation test, p (t): t-test, both paired; w/t/l: won, tied, lost queries"


def measured(
    record: Measured,
    margin: float,
    metrics: Sequence[str] = tuple(METRICS),
    main: Comparison | None = None,
    parts: Mapping[str, Part] | None = None,
) -> tuple[dict[str, Any], list[Any]]:
    """The result as one object, and as tables; `margin` is that of equivalence.

    Args:
        metrics: which are shown, by their names in files; the first is the one that systems are compared by.
        main: the comparison by that metric, where it was corrected as one of a family; `parts`: those on
            parts of the queries, likewise.
    """
    evaluation, baseline = record.evaluation, record.baseline
    known = {metrics[0]: main} if main else {}
    others = [metric for metric in metrics if metric not in known]
    if baseline and others:
        known |= compare_metrics(evaluation, baseline, others, margin=margin)
    comparisons = {metric: known[metric] for metric in metrics if metric in known}
    data = _as_json(record, metrics, comparisons)
    title = f"{evaluation.dataset}, {evaluation.split} ({counted(data['queries'], 'query', 'queries')})"
    rows = [[e.name, *(e.metrics.get(m) for m in metrics)] for e in (baseline, evaluation) if e]
    shown: list[Any] = [table(title, ["", *map(label_of, metrics)], rows)]
    whole = comparisons.get(metrics[0])
    if baseline and whole:
        label = label_of(metrics[0])
        shown += [_comparisons(evaluation, baseline, comparisons), LEGEND]
        shown.append(gains(label, _differences(evaluation, baseline, metrics[0])))
        shown.append(verdict(label, whole))
        shown += filter(None, [evaluation.told_of_length(baseline)])
    shown += told_of_search(evaluation, baseline)
    data["seen"], by_training = seen(evaluation, baseline, whole, margin, metrics, parts)
    shown += [*by_training, *changes_of(record, metrics[0])]
    if evaluation.caveat:
        shown.append(evaluation.caveat)
    if record.rerank:
        shown.append(_scored(record.rerank))
    return data, shown


def told_of_search(*evaluations: Evaluation | None) -> list[str]:
    """What rankings owe to more than a model's own vectors, each sentence once."""
    return [*dict.fromkeys(one.told_of_search for one in evaluations if one and one.told_of_search)]


def _as_json(
    record: Measured, metrics: Sequence[str], comparisons: Mapping[str, Comparison]
) -> dict[str, Any]:
    evaluation, baseline = record.evaluation, record.baseline

    def means(one: Evaluation) -> dict[str, float]:
        return {name: one.metrics[name] for name in metrics if name in one.metrics}

    return {
        "name": evaluation.name,
        "model": evaluation.model,
        "dataset": evaluation.dataset,
        "split": evaluation.split,
        "precision": evaluation.precision,
        "max_length": evaluation.max_length,
        "lexical": evaluation.lexical,
        "expansion": evaluation.expansion,
        "expansion_from": evaluation.expansion_from if evaluation.expansion else None,
        "expanded": evaluation.expanded,
        "queries": evaluation.queries,
        "metrics": means(evaluation),
        "run": evaluation.run,
        "written_queries": evaluation.written_queries,
        "baseline": {"name": baseline.name, "metrics": means(baseline)} if baseline else None,
        "comparison": {metric: as_data(c) for metric, c in comparisons.items()} if baseline else None,
        "rerank": asdict(record.rerank) if record.rerank else None,
        "worst": as_json(record.worst or ()),
        "best": as_json(record.best or ()),
        "vectors": list(record.vectors),
    }


def _differences(evaluation: Evaluation, baseline: Evaluation, metric: str) -> list[float]:
    """Of each query, by a metric that both have."""
    values, others = evaluation.per_query[metric], baseline.per_query[metric]
    return [value - others[query_id] for query_id, value in values.items()]


def changes_of(record: Measured, metric: str) -> list[Any]:
    """The queries that lost and gained most, where they were asked for."""
    if record.baseline is None:
        return []
    against = f"{record.evaluation.dataset}: {record.evaluation.name} against {record.baseline.name}"
    label = label_of(metric)
    asked = (("Lost most", record.worst), ("Gained most", record.best))
    return [
        line
        for title, queries in asked
        if queries is not None
        for line in changed(f"{title}, {against}", label, queries)
    ]


def _scored(about: Reranked) -> str:
    """How much was read again, and what all of it took, where it was not measured before."""
    took = f" With loading and retrieving it took {duration(about.seconds)}." if about.seconds else ""
    first = "the first document" if about.depth == 1 else f"the first {about.depth} documents"
    return f"{about.name} scored {counted(about.pairs, 'pair')}: {first} of each query.{took}"


def _comparisons(evaluation: Evaluation, baseline: Evaluation, comparisons: Mapping[str, Comparison]) -> Any:
    rows = [
        [
            label_of(metric),
            f"{c.difference:+.4f}",
            interval(c),
            plain_p(c.p_randomisation),
            plain_p(c.p_t),
            f"{c.wins}/{c.ties}/{c.losses}",
        ]
        for metric, c in comparisons.items()
    ]
    columns = ["metric", "difference", "95 % interval", "p", "p (t)", "w/t/l"]
    return table(f"{evaluation.name} against {baseline.name}", columns, rows)


UNTRAINED = ("zero-shot", "expanded")
"""Rows of the demo without a training."""


def arms(evaluations: Mapping[str, Evaluation], dataset: str) -> tuple[dict[str, Any], list[Any]]:
    """The demo's table: each arm against zero-shot, and trained ones against mined negatives, too."""

    def against(system: str, baseline: str) -> Comparison:
        return compare_metrics(evaluations[system], evaluations[baseline])[MAIN_METRIC]

    rows: list[list[Any]] = []
    data: dict[str, Any] = {"arms": {}, "comparisons": {}}
    for name, evaluation in evaluations.items():
        data["arms"][name] = dict(evaluation.metrics)
        row: list[Any] = [name, f"{evaluation.metrics[MAIN_METRIC]:.4f}"]
        for baseline in ("zero-shot", "mined"):
            if name == baseline or (baseline == "mined" and name in UNTRAINED):
                row += ["", ""]
                continue
            c = against(name, baseline)
            data["comparisons"][f"{name} - {baseline}"] = as_data(c)
            row += [f"{c.difference:+.4f}", interval(c)]
        rows.append(row)
    columns = ["", "nDCG@10", "to zero-shot", "95 % interval", "to mined", "95 % interval "]
    queries = len(evaluations["zero-shot"].per_query[MAIN_METRIC])
    title = f"syneg demo: {dataset}, {queries} test queries, one training run per arm, equal settings"
    pairs = [(name, "zero-shot" if name in UNTRAINED else "mined") for name in evaluations]
    others = [(name, baseline) for name, baseline in pairs if name not in ("zero-shot", "mined")]
    family = corrected({f"{name} - {baseline}": against(name, baseline) for name, baseline in others})
    data["comparisons"] |= {pair: as_data(c) for pair, c in family.items()}
    sentences = [f"{pair.replace(' - ', ' against ')}. {verdict('nDCG@10', c)}" for pair, c in family.items()]
    return data, [table(title, columns, rows, right=lambda c: bool(c)), "\n".join(sentences)]
