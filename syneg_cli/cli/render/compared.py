"""What `syneg eval` shows of several systems or data sets: one table of metrics, one of comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syneg_cli.cli.render.fitting import Column, Fitted
from syneg_cli.cli.render.measured import changes_of, measured, told_of_search
from syneg_cli.cli.render.seen import seen
from syneg_cli.core import counted
from syneg_cli.evaluation import (
    Comparison,
    Evaluation,
    compare_metrics,
    corrected,
    corrected_parts,
    interval,
    label_of,
    plain_p,
    verdict,
)
from syneg_cli.stages import Measured, Measurements

LEGEND = "p: paired randomisation test; Holm: corrected for {}; w/t/l: won, tied, lost queries"


def compared(record: Measurements, margin: float, *, for_machines: bool) -> tuple[Any, list[Any]]:
    """One system on one data set as one object and its own tables, more of them as a list and two tables.

    What failed is in the list, too. `margin` is that of equivalence. People see of several systems the
    comparison by the main metric alone, and do not wait for the others.
    """
    failed = [
        {"dataset": one.dataset, "name": one.system, "error": one.error.message, "hint": one.error.hint}
        for one in record.failed
    ]
    if not record.several:
        data, shown = measured(record.measured[0], margin, record.metrics)
        return ([data, *failed] if failed else data), shown
    main, label = record.metrics[0], label_of(record.metrics[0])
    pairs = {
        _called(one): compare_metrics(one.evaluation, one.baseline, [main], margin=margin)[main]
        for one in record.measured
        if one.baseline
    }
    family = corrected(pairs)
    every_part = {
        _called(one): one.evaluation.parts(one.baseline, metric=main, margin=margin)
        for one in record.measured
    }
    parts = corrected_parts(every_part, main)
    if for_machines:
        every = [
            measured(one, margin, record.metrics, family.get(_called(one)), parts[_called(one)])[0]
            for one in record.measured
        ]
        return [*every, *failed], []
    shown = [_metrics(record)]
    if family:
        shown += [f"{label}, against the baseline", _pairs(record.measured, family)]
        shown.append(LEGEND.format(counted(len(family), "comparison")))
        shown += [f"{called}: {verdict(label, c)}" for called, c in family.items()]
    for one in record.measured:
        lengths = one.evaluation.told_of_length(one.baseline) if one.baseline else ""
        shown += [f"{one.evaluation.dataset}: {lengths}"] if lengths else []
        called = _called(one)
        about, _ = seen(one.evaluation, one.baseline, family.get(called), margin, [main], parts[called])
        shown += [f"{one.evaluation.dataset}: {about['told']}"] if about and about["told"] else []
    for one in record.measured:
        shown += changes_of(one, main)
    shown += told_of_search(*(each for one in record.measured for each in (one.evaluation, one.baseline)))
    caveats = {one.evaluation.dataset: one.evaluation.caveat for one in record.measured}
    shown += [f"{dataset}: {caveat}" for dataset, caveat in caveats.items() if caveat]
    return failed, shown


def _called(one: Measured) -> str:
    return f"{one.evaluation.dataset}, {one.evaluation.name}"


def _metrics(record: Measurements) -> Fitted:
    """A row for every system, those of a data set together and its baselines first; at the end the means."""
    every: dict[tuple[str, str], Evaluation] = {}
    for dataset in dict.fromkeys(one.evaluation.dataset for one in record.measured):
        here = [one for one in record.measured if one.evaluation.dataset == dataset]
        for found in (*(one.baseline for one in here), *(one.evaluation for one in here)):
            if found:
                every.setdefault((dataset, found.name), found)
    rows: list[list[Any]] = []
    last = ""
    for (dataset, name), found in every.items():
        values = [found.metrics.get(metric) for metric in record.metrics]
        rows.append(["" if dataset == last else dataset, name, found.queries, *values])
        last = dataset
    rows += _means(every, record.metrics)
    # The main metric is never left out, and neither is who has it.
    columns = [Column("data set", least=8), Column("system"), Column("queries", spare=99)]
    columns += [Column(label_of(metric), spare=place) for place, metric in enumerate(record.metrics)]
    return Fitted(columns, rows, right=lambda name: name not in ("data set", "system"))


def _means(every: dict[tuple[str, str], Evaluation], metrics: Sequence[str]) -> list[list[Any]]:
    """Over the data sets, of the systems that were measured on all of them."""
    datasets = list(dict.fromkeys(dataset for dataset, _ in every))
    rows: list[list[Any]] = []
    for name in dict.fromkeys(name for _, name in every):
        found = [every[dataset, name] for dataset in datasets if (dataset, name) in every]
        if len(datasets) > 1 and len(found) == len(datasets):
            means = [_mean([one.metrics.get(metric) for one in found]) for metric in metrics]
            rows.append(["" if rows else f"mean of {len(datasets)}", name, "", *means])
    return rows


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _pairs(measured: Sequence[Measured], family: Mapping[str, Comparison]) -> Fitted:
    rows = []
    for one in measured:
        if one.baseline is None:
            continue
        c = family[_called(one)]
        p = [plain_p(value) for value in (c.p, c.p_corrected)]
        names = [one.evaluation.dataset, one.evaluation.name, one.baseline.name]
        rows.append([*names, f"{c.difference:+.4f}", interval(c), *p, f"{c.wins}/{c.ties}/{c.losses}"])
    columns = [
        Column("data set", least=8),
        Column("system"),
        Column("baseline", least=8, spare=3),
        Column("difference"),
        Column("95 % interval"),
        Column("p", spare=2),
        Column("Holm"),
        Column("w/t/l", spare=1),
    ]
    return Fitted(columns, rows, right=lambda name: name not in ("data set", "system", "baseline"))
