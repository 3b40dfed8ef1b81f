"""Measured models against their backbone and against mined negatives alone, by seed, and by cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syneg_cli.core import duration, money
from syneg_cli.evaluation import MAIN_METRIC, METRICS, Comparison, compare, corrected, decided, plain_p
from syneg_cli.report.charts import Axis, Point, Row, points_chart, rows_chart
from syneg_cli.report.costs import MISSING
from syneg_cli.report.drawing import colour
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import (
    Block,
    Figure,
    Figures,
    Heading,
    Table,
)
from syneg_cli.report.records import Model
from syneg_cli.report.sections.answer import backbone_of, between, brackets, ends, side
from syneg_cli.report.sections.seen import DOCUMENTS

CONTROL = "retrieved"
"""The strategy of a model that learned from mined negatives alone."""


def comparisons(facts: Facts) -> list[Block]:
    """Models side by side, and ways to search with one; nothing where there are no two."""
    found = (_forest(facts), _against_control(facts), _searches(facts), _strip(facts), _cost(facts))
    figures = [figure for figure in found if figure]
    return [Heading("The models compared"), Figures(figures)] if figures else []


def _forest(facts: Facts) -> Figure | None:
    if len(facts.compared) < 2:  # the page begins with it
        return None
    backbones = sorted({backbone_of(model) for model in facts.compared})
    caption = (
        f"Each model against its backbone ({', '.join(backbones)}) on the same queries: an interval that "
        "stays clear of zero is a difference that these queries show. Grey ones are neither better nor "
        "worse for sure."
    )
    return _differences("differences", "Gain over the backbone", caption, facts.gains)


def _against_control(facts: Facts) -> Figure | None:
    """Against the model of mined negatives alone: what synthetic ones are worth beyond those."""
    controls = [model for model in facts.compared if model.mix and model.mix.strategy == CONTROL]
    gains: dict[str, Comparison] = {}
    others: dict[str, tuple[str, str]] = {}
    for model in facts.compared:
        control = _control_of(model, controls)
        if control is not None and control is not model and model not in controls:
            gains[model.name] = _paired(model, control)
            others[model.name] = control.name, _differs(model, control)
    if not gains:
        return None
    names = ", ".join(sorted({control for control, _ in others.values()}))
    apart = any(differs for _, differs in others.values())
    caption = (
        f"The same queries, against a model that learned from mined negatives alone ({names}): the one with "
        "most settings in common. "
    ) + (
        "Some differ in more than their negatives (the last column of Numbers), and so for other reasons, "
        "too."
        if apart
        else "They differ in nothing but their negatives, so the difference comes from these, or from chance."
    )
    figure = _differences("control", "Gain over mined negatives alone", caption, corrected(gains))
    assert isinstance(figure.numbers, Table)
    columns = [*figure.numbers.columns, "against", "differs also in"]
    rows = [[*row, others[row[0]][0], others[row[0]][1] or "nothing"] for row in figure.numbers.rows]
    return replace(figure, numbers=Table(columns, rows))


def _searches(facts: Facts) -> Figure | None:
    """Each system that searches with more than its model's vectors, against that model alone."""
    if not facts.searches:
        return None
    caption = (
        "The same weights, searched with in another way: nothing was trained for it. Each is compared with "
        "its model alone, on the same queries."
    )
    if facts.search_parts:
        caption += (
            " Judged queries in the index know which documents are asked for, as training does: Numbers has "
            "the differences on such documents, and on others."
        )
    figure = _differences("searches", "Gain of another way to search", caption, facts.search_gains)
    assert isinstance(figure.numbers, Table)
    by_name = {one.name: one for one in facts.searches}
    label = METRICS[MAIN_METRIC].label
    shown = [part for part in DOCUMENTS if any(part in parts for parts in facts.search_parts.values())]
    columns = ["system", label, f"{label} alone", *figure.numbers.columns[1:]]
    columns += [*(f"on documents {DOCUMENTS[part]}" for part in shown), "how it searches"]
    rows = [
        [name, f"{one.value:.4f}", f"{one.alone_value:.4f}", *rest, *_by_part(facts, name, shown), one.told]
        for name, *rest in figure.numbers.rows
        for one in [by_name[name]]
    ]
    return replace(figure, numbers=Table(columns, rows))


def _by_part(facts: Facts, name: str, shown: Sequence[str]) -> list[str]:
    """The differences on the parts of the queries, with what each rests on and says."""
    cells = []
    for part in shown:
        found = facts.search_parts.get(name, {}).get(part)
        gain = found.comparisons.get(MAIN_METRIC) if found else None
        cells.append(
            f"{gain.difference:+.4f} {between(gain)} ({gain.queries}): {decided(gain)}" if gain else MISSING
        )
    return cells


def _differs(model: Model, control: Model) -> str:
    """The settings in which two trainings differ, but for the name of their mix."""
    keys = sorted((model.settings.keys() | control.settings.keys()) - {"mix"})
    return ", ".join(key for key in keys if model.settings.get(key) != control.settings.get(key))


def _control_of(model: Model, controls: Sequence[Model]) -> Model | None:
    """The control that shares most settings with a model, of those with its backbone and its queries."""
    score = model.score
    fitting = [
        one
        for one in controls
        if score
        and one.score
        and one.score.per_query.keys() == score.per_query.keys()
        and backbone_of(one) == backbone_of(model)
    ]
    return max(
        fitting,
        key=lambda one: sum(one.settings.get(k) == v for k, v in model.settings.items()),
        default=None,
    )


def _paired(model: Model, control: Model) -> Comparison:
    assert model.score is not None
    assert control.score is not None
    assert model.gain is not None
    ours, theirs = model.score.per_query, control.score.per_query
    return compare(list(ours.values()), [theirs[name] for name in ours], margin=model.gain.margin)


def _differences(name: str, title: str, caption: str, gains: Mapping[str, Comparison]) -> Figure:
    """A forest plot of a family: the largest difference first."""
    order = sorted(gains, key=lambda model: -gains[model].difference)
    rows = [_row_of(model, gains[model]) for model in order]
    if len(gains) > 1:
        caption += f" p: paired randomisation test with Holm's correction for {len(gains)} comparisons."
    axis = Axis("difference in nDCG@10, with its 95 % interval", 0.0, left="worse", right="better")
    columns = [
        "model",
        "difference",
        "95 % interval",
        "p",
        "p, corrected",
        "better / same / worse",
        "verdict",
    ]
    table = [
        [
            model,
            f"{gain.difference:+.4f}",
            between(gain),
            plain_p(gain.p),
            plain_p(gain.p_corrected),
            f"{gain.wins} / {gain.ties} / {gain.losses}",
            decided(gain),
        ]
        for model, gain in ((model, gains[model]) for model in order)
    ]
    return Figure(name, title, rows_chart(name, title, caption, rows, axis), caption, Table(columns, table))


def _row_of(model: str, gain: Comparison) -> Row:
    told = f"{brackets(gain)} p {short(gain.p_corrected)}"
    return Row(model, gain.difference, told, ends(gain), classes=side(gain))


def short(p: float) -> str:
    """A p as pictures have it: `.031`, `<.001`."""
    return "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0") if p < 1 else "1"


def _strip(facts: Facts) -> Figure | None:
    """Models that differ in their seed alone, as points of one row."""
    groups = [[m for m in plan if m.score] for plan in facts.plans.values()]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return None
    rows, table = [], []
    for group in groups:
        values = [model.score.value for model in group if model.score]
        mean, apart = sum(values) / len(values), max(values) - min(values)
        label = f"{group[0].name} and {len(group) - 1} more"
        rows.append(
            Row(
                label,
                mean,
                f"mean {mean:.3f}, {apart:.3f} apart",
                points=values,
                classes=colour(facts.colours[group[0].name]),
            )
        )
        names = ", ".join(
            f"{m.name} (seed {m.settings.get('seed')}) {m.score.value:.4f}" for m in group if m.score
        )
        table.append([names, f"{mean:.4f}", f"{apart:.4f}"])
    title = "The same training with other seeds"
    caption = (
        "Each ring is one training run; a row's runs differ in nothing but their seed, the tick is their "
        "mean. A difference between rows that is smaller than the rings of a row are apart is no finding."
    )
    svg = rows_chart("seeds", title, caption, rows, Axis(f"nDCG@10 on {facts.split}"))
    return Figure("seeds", title, svg, caption, Table(["models", "mean", "largest - smallest"], table))


def _cost(facts: Facts) -> Figure | None:
    """What each model cost against what it gained: dollars where any were paid, training time else."""
    if len(facts.compared) < 2:
        return None
    paid = {row.path.resolve(): row.usd for row in facts.results.rows}
    usd = {m.name: sum(paid.get(path.resolve(), 0.0) for path in m.made_of) for m in facts.compared}
    by_money = any(usd.values())
    minutes = max(model.seconds for model in facts.compared) >= 120
    points, table = [], []
    for model in facts.compared:
        gain = model.gain
        assert gain is not None
        x = usd[model.name] if by_money else model.seconds / (60 if minutes else 1)
        points.append(Point(model.name, x, gain.difference, ends(gain), facts.colours[model.name]))
        table.append([model.name, money(usd[model.name]), duration(model.seconds), f"{gain.difference:+.4f}"])
    across = (
        "US dollars for the texts in its mix"
        if by_money
        else f"training time ({'minutes' if minutes else 'seconds'})"
    )
    title = "Cost against gain"
    caption = (
        "Further up gains more over the backbone, further left costs less; the lines are 95 % intervals. "
        "Texts that several models share count for each of them."
        if by_money
        else "Further up gains more over the backbone, further left trains faster; the lines are 95 % "
        "intervals. No money was paid for the texts of these models. Times are of this machine, whatever "
        "else ran on it."
    )
    svg = points_chart("cost", title, caption, points, across, "difference in nDCG@10")
    return Figure("cost", title, svg, caption, Table(["model", "LLM", "training", "difference"], table))
