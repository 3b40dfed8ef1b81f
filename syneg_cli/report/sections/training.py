"""What training recorded: loss, gradient, similarities, dev scores."""

from __future__ import annotations

from syneg_cli.report.charts import Line, Lines, line_chart
from syneg_cli.report.curves import Curve
from syneg_cli.report.facts import Facts
from syneg_cli.report.figures import FIGURES, draw, legend_of
from syneg_cli.report.page import Block, BulletList, Figure, Figures, Heading, Table
from syneg_cli.report.wording import EXPLANATIONS, paper_lines


def training(facts: Facts) -> list[Block]:
    """The curves of all models; nothing where nothing was recorded."""
    figures = [figure for name in FIGURES if (figure := _figure(facts, name))]
    if dev := _dev(facts):
        figures.append(dev)
    return [Heading("How training went"), Figures(figures)] if figures else []


def _figure(facts: Facts, name: str) -> Figure | None:
    similarities = {model.similarity for model in facts.models}
    similarity = similarities.pop() if len(similarities) == 1 else ""
    recordings = {model.name: model.recording for model in facts.models}
    explained = EXPLANATIONS[name]
    caption = f"{explained.shows} {explained.look_for}"
    svg = draw(name, recordings, facts.colours, caption, similarity)
    if svg is None:
        return None
    lines = [f"{model.name}: {explained.measured(model)}" for model in facts.models]
    lines += paper_lines(facts.models) if name == "gradient" else []
    return Figure(name, FIGURES[name].title, svg, caption, BulletList(lines))


def _dev(facts: Facts) -> Figure | None:
    """Scores on dev after each epoch, of the models that were measured there."""
    models = [model for model in facts.models if model.dev]
    if not models:
        return None
    lines = [
        Line(facts.colours[m.name], [Curve(tuple(range(1, len(m.dev) + 1)), m.dev)], markers=True)
        for m in models
    ]
    title = "Dev score after each epoch"
    caption = (
        "nDCG@10 of the dev queries in a small pool of documents, by which the best epoch is kept. It "
        f"orders the epochs of one run, and is no measure for {facts.split}: a pool is much easier than a "
        "corpus."
    )
    legend = legend_of((model.name for model in models), facts.colours)
    up = "nDCG@10 in the dev pool"
    svg = line_chart("dev", title, caption, [Lines("", lines)], across="epoch", up=up, legend=legend)
    table = [[model.name, ", ".join(f"{value:.4f}" for value in model.dev)] for model in models]
    return Figure("dev", title, svg, caption, Table(["model", "after each epoch"], table))
