"""A report of trained models: figures, a Markdown page, and one HTML file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from syneg_cli.core import Manifest, UsageError, manifest_path, write_text
from syneg_cli.report.figures import FIGURES, write_figures
from syneg_cli.report.page import to_html, to_markdown
from syneg_cli.report.records import Model
from syneg_cli.report.results import Results
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
    results: Results | None = None,
) -> Report:
    """Write report.md, report.html and the figures into `folder`.

    Args:
        models: as `read_models` gives them, in the order of table and legends.
        split: the one that their scores are of.
        left_out: lines about models that are not in the report.
        results: all that was made of the data set, as `read_results` gives it.

    Raises:
        UsageError: the folder holds a file that the report would replace and no report wrote.
    """
    _claim(folder)
    similarities = {model.similarity for model in models}
    similarity = similarities.pop() if len(similarities) == 1 else ""
    names = write_figures(folder, {model.name: model.recording for model in models}, similarity)
    blocks = report_blocks(dataset, models, names, split=split, left_out=left_out, results=results)
    made = Report(
        folder / "report.md",
        folder / "report.html",
        tuple(folder / f"{name}.{form}" for name in names for form in ("png", "svg")),
    )
    write_text(made.markdown, to_markdown(blocks))
    write_text(made.html, to_html(f"Training on {dataset}", blocks, folder))
    return made


def _claim(folder: Path) -> None:
    """Mark a folder as that of a report, before anything of it is written."""
    folder.mkdir(parents=True, exist_ok=True)
    mark, page = manifest_path(folder), folder / "report.html"
    names = ["report.md", page.name, *(f"{name}.{form}" for name in FIGURES for form in ("png", "svg"))]
    there = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    # An earlier version marked nothing.
    ours = mark.is_file() or (page.is_file() and b"<title>Training on " in page.read_bytes()[:2000])
    if there and not ours:
        raise UsageError(
            f"{folder / there[0]} is there already, and no report wrote it.",
            hint="Give another folder to --output.",
        )
    if not mark.is_file():
        write_text(mark, json.dumps(asdict(Manifest("report", {}, {})), indent=2) + "\n")
