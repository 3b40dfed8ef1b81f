"""Training recordings as figures: several models in the same axes, as PNG and SVG.

A figure is an entry of FIGURES: its title, its axis, and a panel for each kind of curve. A
model has one colour in all of them. The thick line is a mean of neighbouring steps, the faint
one behind it every step.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.core import write_bytes, write_text
from syneg_cli.report.curves import Curve, pieces, smooth, thin, window_for
from syneg_cli.report.recordings import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C")
"""Okabe and Ito's, which colour-blind people tell apart; grey for their yellow, pale on white."""

DASHES = ("-", "--", ":")
"""Lines beyond the eighth model."""

LONGEST_LABEL = 60
MOST_POINTS = 1000
"""A line of more is thinned to its extremes: more than the eye tells apart, and files stay small."""

STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "axes.edgecolor": "#666666",
    "text.parse_math": False,  # a dollar sign in a model's name is a dollar sign
    "svg.hashsalt": "syneg",  # equal recordings give equal files
}


@dataclass(frozen=True)
class Panel:
    """One pair of axes; `curve` picks what is drawn of a recording."""

    title: str
    curve: Callable[[Recording], Curve]


@dataclass(frozen=True)
class FigureSpec:
    """What one figure shows; its panels share both axes. `label` is a model's line in the legend."""

    title: str
    axis: str
    panels: tuple[Panel, ...]
    label: Callable[[str, Recording], str] = lambda name, recording: name
    from_zero: bool = True
    percent: bool = False


def _with_variance(name: str, recording: Recording) -> str:
    variance = recording.gradient_variance()
    return name if variance is None else f"{name}: variance {variance:.4g}"


FIGURES = {
    "loss": FigureSpec("Loss of each training step", "loss (nats)", (Panel("", lambda r: r.loss),)),
    "gradient": FigureSpec(
        "Norm of the gradient at each training step",
        "L2 norm of the gradient, before clipping",
        (Panel("", lambda r: r.gradient_norm),),
        label=_with_variance,
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


def write_figures(folder: Path, recordings: Mapping[str, Recording], similarity: str) -> list[str]:
    """Draw every figure that there is something to show in, as <name>.png and <name>.svg.

    Args:
        recordings: model -> what it recorded, in the order of the legend.
        similarity: how the models compare vectors ("cosine"), for the axis; "" if they differ.

    Returns:
        The names of the figures that were written.
    """
    import matplotlib

    written = []
    for name, spec in FIGURES.items():
        panels = [p for p in spec.panels if any(len(p.curve(r)) for r in recordings.values())]
        if not panels:
            continue
        axis = f"{spec.axis} ({similarity})" if name == "similarity" and similarity else spec.axis
        with matplotlib.rc_context(STYLE):
            figure = draw(spec, panels, axis, recordings)
            write_bytes(folder / f"{name}.png", _rendered(figure, "png", dpi=150))
            drawn = _rendered(figure, "svg", dpi=150, metadata={"Date": None})
        write_text(folder / f"{name}.svg", drawn.decode())
        written.append(name)
    return written


def draw(spec: FigureSpec, panels: Sequence[Panel], axis: str, recordings: Mapping[str, Recording]) -> Figure:
    """One figure: a line for each model in every panel, one legend below them all."""
    from matplotlib.figure import Figure

    lines = _legend(spec, panels, recordings)
    columns = 1 if max(len(str(line.get_label())) for line in lines) > LONGEST_LABEL / 2 else 2
    height = 4.2 + 0.24 * -(-len(lines) // columns)
    figure = Figure(figsize=(8.0 if len(panels) == 1 else 10.0, height), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    faint = min(0.3, 0.9 / len(recordings))  # many faint lines are not to become a dark ground
    for panel, one in zip(panels, axes, strict=True):
        for place, recording in enumerate(recordings.values()):
            _draw_curve(one, panel.curve(recording), place, 100.0 if spec.percent else 1.0, faint)
        one.set_title(panel.title, fontsize=10)
    curves = [panel.curve(recording) for panel in panels for recording in recordings.values()]
    _set_scales(axes, spec, max(curve.steps[-1] for curve in curves if len(curve)))
    axes[0].set_ylabel(axis)
    figure.suptitle(spec.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.legend(handles=lines, loc="outside lower left", ncols=columns, frameon=False, fontsize=9)
    return figure


def _set_scales(axes: Sequence[Axes], spec: FigureSpec, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    for one in axes:
        one.set_xlabel("training step")
        ticks = 10 if len(axes) == 1 else 5
        one.xaxis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10], integer=True))
    axes[0].set_xlim(0, last + 1)
    if spec.from_zero:
        axes[0].set_ylim(bottom=0)


def _draw_curve(axes: Axes, curve: Curve, place: int, scale: float, alpha: float) -> None:
    """The faint line of every step, and over all of those the thick one, where there are steps enough."""
    if not len(curve):
        return
    window = window_for(len(curve))
    style = _line_style(place)
    for piece in pieces(curve, gap=max(window, curve.steps[-1] // 10)):
        smoothed = smooth(piece, window) if window > 1 else Curve()
        raw = {"color": style["color"], "linewidth": 0.7, "alpha": alpha, "zorder": 2}
        if not len(smoothed):
            raw = {**style, "linewidth": 1.6, "zorder": 3, "marker": "o" if len(piece) == 1 else None}
        _plot(axes, piece, scale, raw)
        _plot(axes, smoothed, scale, {**style, "linewidth": 2.0, "zorder": 3})
    for line in axes.lines:
        line.set_clip_on(False)  # the axis does not cut a line at zero in half
        line.set_in_layout(False)


def _plot(axes: Axes, curve: Curve, scale: float, style: dict[str, Any]) -> None:
    shown = thin(curve, MOST_POINTS)
    axes.plot(shown.steps, [scale * value for value in shown.values], markersize=4, **style)


def _line_style(place: int) -> dict[str, Any]:
    dashes = DASHES[place // len(COLOURS) % len(DASHES)]
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": dashes}


def _legend(spec: FigureSpec, panels: Sequence[Panel], recordings: Mapping[str, Recording]) -> list[Line2D]:
    """A line for each model, and what thick and faint mean."""
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], linewidth=2.0, label=_legend_label(spec.label(name, recording)), **_line_style(place))
        for place, (name, recording) in enumerate(recordings.items())
    ]
    windows = {window_for(len(p.curve(r))) for p in panels for r in recordings.values()} - {1}
    if windows:
        widths = " to ".join(str(width) for width in sorted({min(windows), max(windows)}))
        lines.append(Line2D([], [], linewidth=2.0, color="#555555", label=f"mean of {widths} neighbours"))
        lines.append(Line2D([], [], linewidth=0.7, color="#555555", alpha=0.5, label="every step"))
    return lines


def _legend_label(label: str) -> str:
    """Long labels lose their middle; matplotlib hides those that begin with an underscore."""
    half = LONGEST_LABEL // 2
    short = label if len(label) <= LONGEST_LABEL else f"{label[:half]}…{label[-half:]}"
    return f" {short}" if short.startswith("_") else short


def _rendered(figure: Figure, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, **options)
    return buffer.getvalue()
