"""What a report says of what training saw: each score for the queries whose documents it saw, and others."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.evaluation import MAIN_METRIC, METRICS, SEEN, UNSEEN, Part, p_value
from syneg_cli.report.costs import MISSING
from syneg_cli.report.page import Block, BulletList, Heading, Paragraph, Table
from syneg_cli.report.records import Model

WHY = (
    "A model may remember which documents are ever asked for. On queries whose positives it never saw in "
    "training it cannot: a gain there is what a new document may hope for."
)


def seen_blocks(models: Sequence[Model], split: str) -> list[Block]:
    """A section; nothing where no model's evaluation says what its training saw."""
    scores = [(model.name, model.score) for model in models if model.score and model.score.told]
    if not scores:
        return []
    rows = [
        _row(name, part, score.parts[part])
        for name, score in scores
        for part in (SEEN, UNSEEN)
        if part in score.parts
    ]
    label = METRICS[MAIN_METRIC].label
    columns = ["model", "documents", f"{split} queries", label, "to the backbone", "95 % interval", "p"]
    sentences = BulletList([f"{name}: {sentence}" for name, score in scores for sentence in score.told])
    table: list[Block] = [Table(columns, rows)] if rows else []
    return [Heading("What training saw"), Paragraph(WHY), *table, sentences]


def _row(name: str, which: str, part: Part) -> list[str]:
    c = part.comparisons.get(MAIN_METRIC)
    gain = [MISSING] * 3
    if c is not None:
        p = p_value(c.p_randomisation).removeprefix("= ")
        gain = [f"{c.difference:+.4f}", f"[{c.low:+.4f}, {c.high:+.4f}]", p]
    documents = "seen in training" if which == SEEN else "never seen"
    return [name, documents, str(part.queries), f"{part.metrics[MAIN_METRIC]:.4f}", *gain]
