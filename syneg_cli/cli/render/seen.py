"""What `syneg eval` shows of what training saw: every score for the queries whose documents it saw, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syneg_cli.cli.output import table
from syneg_cli.evaluation import (
    Comparison,
    Evaluation,
    Part,
    as_data,
    decided,
    interval,
    label_of,
    plain_p,
    told_of_few,
    told_of_gain,
)

TITLES = {"all": "all", "seen": "seen", "unseen": "never seen"}


def seen(
    evaluation: Evaluation,
    baseline: Evaluation | None,
    whole: Comparison | None,
    margin: float,
    metrics: Sequence[str],
    parts: Mapping[str, Part] | None = None,
) -> tuple[dict[str, Any] | None, list[Any]]:
    """As one object (None where nothing is known of any training), and as tables and sentences.

    Where all queries are one of the two, a sentence says so.

    Args:
        whole: the comparison of the main metric over all queries.
        margin: that of equivalence.
        metrics: which are shown, the main one first.
        parts: where their comparisons were corrected as those of several systems.
    """
    exposed = evaluation.exposure
    if exposed is None:
        return None, []
    if parts is None:
        parts = evaluation.parts(baseline, metric=metrics[0], margin=margin)
    gain = told_of_gain(metrics[0], whole, parts) if whole else ""
    told = [*filter(None, (evaluation.told_of_training, gain, told_of_few(parts, evaluation.split)))]
    data: dict[str, Any] = {
        "known": exposed.known,
        "documents": exposed.documents,
        "seen_documents": exposed.seen_documents,
        "written": len(exposed.written),
        "parts": {name: _as_json(part) for name, part in parts.items()},
        "told": " ".join(told),
    }
    if not parts:
        return data, told
    shown: list[Any] = [_scores(parts, evaluation, baseline, metrics)]
    if baseline and whole:
        compared = {name: part.comparisons[metrics[0]] for name, part in parts.items()}
        shown.append(_differences({"all": whole, **compared}, evaluation, baseline, metrics[0]))
    return data, [*shown, *told]


def _as_json(part: Part) -> dict[str, Any]:
    return {
        "queries": part.queries,
        "metrics": dict(part.metrics),
        "baseline_metrics": dict(part.baseline_metrics) or None,
        "comparison": {metric: as_data(c) for metric, c in part.comparisons.items()} or None,
    }


def _scores(
    parts: Mapping[str, Part], evaluation: Evaluation, baseline: Evaluation | None, metrics: Sequence[str]
) -> Any:
    """A row for each metric, a column for all queries and for each part: the baseline's, then the model's."""
    means = [(evaluation.metrics, baseline.metrics if baseline else {})]
    means += [(part.metrics, part.baseline_metrics) for part in parts.values()]
    every = sum(part.queries for part in parts.values())
    rows = [
        [label_of(name), *(_cell(own, other, name) for own, other in means)]
        for name in metrics
        if name in evaluation.metrics
    ]
    columns = ["", f"all ({every})", *(f"{TITLES[name]} ({part.queries})" for name, part in parts.items())]
    systems = f"{baseline.name} -> {evaluation.name}" if baseline else evaluation.name
    return table(f"What training saw: {systems}", columns, rows)


def _cell(own: Mapping[str, float], other: Mapping[str, float], metric: str) -> str:
    before = f"{other[metric]:.4f} -> " if metric in other else ""
    return f"{before}{own[metric]:.4f}"


def _differences(
    compared: dict[str, Comparison], evaluation: Evaluation, baseline: Evaluation, metric: str
) -> Any:
    rows = []
    for name, c in compared.items():
        cells = [f"{c.difference:+.4f}", interval(c)]
        p = plain_p(c.p_randomisation)
        rows.append([TITLES[name], c.queries, *cells, p, decided(c)])
    columns = ["documents", "queries", label_of(metric), "95 % interval", "p", "verdict"]
    return table(f"{evaluation.name} against {baseline.name}, by what training saw", columns, rows)
