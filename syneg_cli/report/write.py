"""A report of trained models: figures, a Markdown page, and one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from syneg_cli.core import write_text
from syneg_cli.report.figures import write_figures
from syneg_cli.report.page import to_html, to_markdown
from syneg_cli.report.records import Model
from syneg_cli.report.wording import report_blocks


@dataclass(frozen=True)
class Report:
    """What was written."""

    markdown: Path
    html: Path
    figures: tuple[Path, ...]


def write_report(
    folder: Path,
    dataset: str,
    models: Sequence[Model],
    *,
    split: str = "test",
    left_out: Sequence[str] = (),
) -> Report:
    """Write report.md, report.html and the figures into `folder`.

    Args:
        models: as `read_models` gives them, in the order of table and legends.
        split: the one that their scores are of.
        left_out: lines about models that are not in the report.
    """
    similarities = {model.similarity for model in models}
    similarity = similarities.pop() if len(similarities) == 1 else ""
    names = write_figures(folder, {model.name: model.recording for model in models}, similarity)
    blocks = report_blocks(dataset, models, names, split=split, left_out=left_out)
    made = Report(
        folder / "report.md",
        folder / "report.html",
        tuple(folder / f"{name}.{form}" for name in names for form in ("png", "svg")),
    )
    write_text(made.markdown, to_markdown(blocks))
    write_text(made.html, to_html(f"Training on {dataset}", blocks, folder))
    return made
