"""What training saw: each gain for the queries whose documents it saw, and for the others."""

from __future__ import annotations

from collections.abc import Iterator

from syneg_cli.evaluation import MAIN_METRIC, METRICS, SEEN, UNSEEN, Comparison, plain_p, told_of_gain
from syneg_cli.report.charts import Axis, Row, rows_chart
from syneg_cli.report.costs import MISSING
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import Block, BulletList, Figure, Heading, Table
from syneg_cli.report.records import Model
from syneg_cli.report.sections.answer import between, brackets, ends, side

WHY = (
    "A model may remember which documents are ever asked for. On queries whose positives it never saw in "
    "training it cannot: a gain there is what a new document may hope for."
)
DOCUMENTS = {SEEN: "seen", UNSEEN: "never seen"}


def training_saw(facts: Facts) -> list[Block]:
    """Nothing where no model's evaluation says what its training saw."""
    models = [model for model in facts.models if model.score and model.score.told]
    if not models:
        return []
    of = {m.name: f"{m.name}: " if len(models) > 1 else "" for m in models}
    told = [f"{of[m.name]}{sentence}" for m in models for sentence in _sentences(facts, m)]
    label = METRICS[MAIN_METRIC].label
    columns = ["model", "documents", f"{facts.split} queries", label, "to the backbone", "95 % interval", "p"]
    table = Table(columns, [row for model in models for row in _table_rows(facts, model)])
    rows = [row for model in models for row in _rows(facts, model)]
    found: list[Block] = [Heading("What training saw")]
    if rows:
        title = "Gain on documents that training saw, and on others"
        axis = Axis(f"difference in {label}, with its 95 % interval", 0.0, left="worse", right="better")
        found.append(Figure("seen", title, rows_chart("seen", title, WHY, rows, axis), WHY, table, wide=True))
    elif table.rows:
        found.append(table)
    return [*found, BulletList(told)]


def _sentences(facts: Facts, model: Model) -> Iterator[str]:
    if model.score:
        yield from model.score.told
    if gain := facts.gains.get(model.name):
        yield from filter(None, [told_of_gain(MAIN_METRIC, gain, facts.parts[model.name])])


def _rows(facts: Facts, model: Model) -> Iterator[Row]:
    for part, gain in _gains(facts, model):
        label = f"{model.name}, {DOCUMENTS[part]} ({gain.queries})"
        yield Row(label, gain.difference, brackets(gain), ends(gain), classes=side(gain))


def _gains(facts: Facts, model: Model) -> Iterator[tuple[str, Comparison]]:
    for part in (SEEN, UNSEEN):
        found = facts.parts[model.name].get(part)
        gain = found.comparisons.get(MAIN_METRIC) if found else None
        if gain is not None:
            yield part, gain


def _table_rows(facts: Facts, model: Model) -> Iterator[list[str]]:
    gains = dict(_gains(facts, model))
    for part in (SEEN, UNSEEN):
        found = facts.parts[model.name].get(part)
        if found is None:
            continue
        gain = gains.get(part)
        p = plain_p(gain.p) if gain else MISSING
        numbers = [f"{gain.difference:+.4f}", between(gain), p] if gain else [MISSING] * 3
        yield [model.name, DOCUMENTS[part], str(found.queries), f"{found.metrics[MAIN_METRIC]:.4f}", *numbers]
