"""Curves over what models differ in alone: number of pairs, ratio, temperature."""

from __future__ import annotations

from dataclasses import dataclass

from syneg_cli.report.charts import Line, Lines, line_chart
from syneg_cli.report.curves import Curve
from syneg_cli.report.facts import Facts, sweeps
from syneg_cli.report.page import Block, Figure, Figures, Heading, Table
from syneg_cli.report.records import Model


@dataclass(frozen=True)
class Sweep:
    """`key` is what `sweeps` knows the setting by."""

    name: str
    key: str
    title: str
    across: str
    look_for: str


SWEEPS = (
    Sweep(
        "pairs",
        "pairs",
        "More training pairs",
        "training pairs",
        "A curve that still rises at its end would gain from more.",
    ),
    Sweep(
        "ratio",
        "ratio",
        "Ratio of synthetic to retrieved negatives",
        "R, synthetic : retrieved",
        "The paper finds its best value at 0.7.",
    ),
    Sweep(
        "temperature", "temperature", "Temperature of the loss", "τ", "The paper's values are 0.017 and 0.01."
    ),
)


def sweep_section(facts: Facts) -> list[Block]:
    """A figure for each setting in which some models differ alone; nothing where there are none."""
    figures = [figure for sweep in SWEEPS if (figure := _figure(facts, sweep))]
    return [Heading("What one setting changes"), Figures(figures)] if figures else []


def _figure(facts: Facts, sweep: Sweep) -> Figure | None:
    groups = list(sweeps(facts.models, sweep.key))
    if not groups:
        return None
    lines, legend, table = [], [], []
    for place, group in enumerate(groups):
        by_value: dict[float, list[Model]] = {}
        for value, model in group:
            by_value.setdefault(value, []).append(model)
        means = {value: _mean(models) for value, models in by_value.items()}
        lines.append(
            Line(place, [Curve(tuple(means), tuple(means.values()))], markers=True, bars=_bars(by_value))
        )
        legend.append((place, _label(group[0][1])))
        for value, models in by_value.items():
            table.append([f"{value:g}", ", ".join(m.name for m in models), f"{means[value]:.4f}"])
    caption = (
        "Models that differ in nothing else, but for their seed; several seeds are their mean, with the "
        f"lowest and the highest. {sweep.look_for} Points of a single seed move by chance."
    )
    title, up = sweep.title, f"nDCG@10 on {facts.split}"
    svg = line_chart(
        sweep.name, title, caption, [Lines("", lines)], across=sweep.across, up=up, legend=legend
    )
    return Figure(sweep.name, title, svg, caption, Table([sweep.across, "models", "nDCG@10"], table))


def _values(models: list[Model]) -> list[float]:
    return [model.score.value for model in models if model.score]


def _mean(models: list[Model]) -> float:
    values = _values(models)
    return sum(values) / len(values)


def _bars(by_value: dict[float, list[Model]]) -> list[tuple[float, float, float]]:
    return [(value, min(_values(ms)), max(_values(ms))) for value, ms in by_value.items() if len(ms) > 1]


def _label(model: Model) -> str:
    strategy = model.mix.strategy if model.mix else "models"
    return f"{strategy}, as {model.name}"
