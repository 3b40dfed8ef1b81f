"""Training recordings as figures: several models in the same axes.

A figure is an entry of FIGURES: its title, its axis, and a panel for each kind of curve. Models that
differ in their seed alone have one colour. The thick line is a mean of neighbouring steps, the faint
one behind it every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from syneg_cli.report.charts import Line, Lines, line_chart
from syneg_cli.report.curves import Curve, pieces, smooth, window_for
from syneg_cli.report.recordings import Recording


@dataclass(frozen=True)
class Panel:
    """One pair of axes; `curve` picks what is drawn of a recording."""

    title: str
    curve: Callable[[Recording], Curve]


@dataclass(frozen=True)
class FigureSpec:
    """What one figure shows; its panels share both axes."""

    title: str
    axis: str
    panels: tuple[Panel, ...]
    from_zero: bool = True
    percent: bool = False


FIGURES = {
    "loss": FigureSpec("Loss of each training step", "loss (nats)", (Panel("", lambda r: r.loss),)),
    "gradient": FigureSpec(
        "Norm of the gradient at each training step",
        "L2 norm of the gradient, before clipping",
        (Panel("", lambda r: r.gradient_norm),),
    ),
    "similarity": FigureSpec(
        "Similarity of a query to its positive and to its negatives",
        "mean similarity",
        (
            Panel("positives", lambda r: r.positive_similarity),
            Panel("mined negatives", lambda r: r.similarity["mined"]),
            Panel("synthetic negatives", lambda r: r.similarity["synthetic"]),
        ),
        from_zero=False,
    ),
    "violated": FigureSpec(
        "Negatives that score at least as high as their positive",
        "share of the step's negatives (%)",
        (
            Panel("mined negatives", lambda r: r.violated["mined"]),
            Panel("synthetic negatives", lambda r: r.violated["synthetic"]),
        ),
        percent=True,
    ),
}


def draw(
    name: str,
    recordings: Mapping[str, Recording],
    colours: Mapping[str, int],
    told: str,
    similarity: str = "",
) -> str | None:
    """One figure as SVG: a line for each model in every panel; None where nothing was measured.

    Args:
        recordings: model -> what it recorded, in the order of the legend.
        colours: model -> the place of its colour.
        told: what one should see, for those who do not.
        similarity: how the models compare vectors ("cosine"), for the axis; "" if they differ.
    """
    spec = FIGURES[name]
    panels = [p for p in spec.panels if any(len(p.curve(r)) for r in recordings.values())]
    if not panels:
        return None
    scale = 100.0 if spec.percent else 1.0
    drawn = [
        Lines(
            panel.title,
            [
                _line(panel.curve(one), colours[model], scale)
                for model, one in recordings.items()
                if len(panel.curve(one))
            ],
        )
        for panel in panels
    ]
    up = f"{spec.axis} ({similarity})" if name == "similarity" and similarity else spec.axis
    legend = legend_of(recordings, colours)
    windows = {window_for(len(p.curve(r))) for p in panels for r in recordings.values()} - {1}
    if windows:
        widths = " to ".join(str(width) for width in sorted({min(windows), max(windows)}))
        legend.append((-1, f"thick: mean of {widths} neighbours; faint: every step"))
    return line_chart(
        name, spec.title, told, drawn, across="training step", up=up, legend=legend, zero=spec.from_zero
    )


def legend_of(names: Iterable[str], colours: Mapping[str, int]) -> list[tuple[int, str]]:
    """(colour, the models that have it): those that differ in their seed alone share a line."""
    found: dict[int, list[str]] = {}
    for name in names:
        found.setdefault(colours[name], []).append(name)
    return [(place, ", ".join(models)) for place, models in found.items()]


def _line(curve: Curve, place: int, scale: float) -> Line:
    """The faint line of every step, and over it the thick one, where there are steps enough."""
    window = window_for(len(curve))
    faint: list[Curve] = []
    thick: list[Curve] = []
    for piece in pieces(curve, gap=max(window, int(curve.steps[-1]) // 10)):
        scaled = Curve(piece.steps, tuple(scale * value for value in piece.values))
        smoothed = smooth(scaled, window) if window > 1 else Curve()
        if len(smoothed):
            faint.append(scaled)
        thick.append(smoothed if len(smoothed) else scaled)
    return Line(place, thick, faint)
