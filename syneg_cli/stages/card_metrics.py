"""What `eval` measured, noted in the card of the model."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import MissingArtifact, Progress, read_manifest, whole_text, write_text
from syneg_cli.evaluation import SEEN, UNSEEN, Evaluation
from syneg_cli.stages.subjects import Subject
from syneg_cli.training import CARD, with_metrics

IN_CARD = {
    SEEN: "queries whose documents training saw",
    UNSEEN: "queries whose documents training never saw",
}
"""Part of the queries -> how a model's card names it, after the split."""


def note_in_card(subject: Subject, evaluation: Evaluation, progress: Progress) -> None:
    """Put the metrics into the card of a model that syneg trained; other folders are not touched."""
    folder = Path(subject.location)
    card = folder / CARD
    if subject.is_run or not card.is_file() or read_manifest(folder) is None:
        return
    try:
        text = whole_text(card, MissingArtifact)
    except MissingArtifact as error:
        progress.warn(f"{error.message.rstrip('.')}: the metrics are not noted in it")
        return
    split = f"{evaluation.split}, LLM-written queries" if evaluation.written_queries else evaluation.split
    parts = evaluation.parts()
    noted = {split: evaluation.metrics}
    for name, which in IN_CARD.items():  # what an earlier evaluation noted is not left behind
        noted[f"{split}, {which}"] = parts[name].metrics if name in parts else {}
    for which, metrics in noted.items():
        text = with_metrics(text, subject.name, evaluation.dataset, which, metrics)
    write_text(card, text)
