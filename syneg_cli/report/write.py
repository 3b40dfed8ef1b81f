"""A report of trained models: a page in HTML, the same in Markdown, and each figure as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from syneg_cli.core import Manifest, UsageError, manifest_path, read_manifest, write_text
from syneg_cli.report.facts import Facts
from syneg_cli.report.page import figures_of, to_html, to_markdown, to_svg
from syneg_cli.report.sections import page_of

PAGES = ("report.md", "report.html")
EARLIER = ("loss", "gradient", "similarity", "violated")
"""The figures of earlier versions, as .png and .svg."""


@dataclass(frozen=True)
class Report:
    """What was written."""

    markdown: Path
    html: Path
    figures: tuple[Path, ...]


def write_report(folder: Path, facts: Facts) -> Report:
    """Write report.md, report.html and every figure (<name>.svg) into `folder`.

    What an earlier report drew and this one does not is removed.

    Raises:
        UsageError: the folder holds a file that the report would replace and no report wrote.
    """
    blocks = page_of(facts)
    figures = {folder / f"{figure.name}.svg": to_svg(figure) for figure in figures_of(blocks)}
    names = [*PAGES, *(path.name for path in figures)]
    for old in _claimed(folder, names):
        if old not in names:
            (folder / old).unlink(missing_ok=True)
    made = Report(folder / PAGES[0], folder / PAGES[1], tuple(figures))
    write_text(made.markdown, to_markdown(blocks))
    write_text(made.html, to_html(f"Training on {facts.dataset}", blocks))
    for path, svg in figures.items():
        write_text(path, svg)
    _mark(folder, names)
    return made


def _claimed(folder: Path, names: Sequence[str]) -> Sequence[str]:
    """Mark a folder as that of a report before anything of it is written; what earlier ones wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    mark, page = manifest_path(folder), folder / "report.html"
    there = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    # An earlier version marked nothing.
    ours = mark.is_file() or (page.is_file() and b"<title>Training on " in page.read_bytes()[:2000])
    manifest = read_manifest(folder) if ours else None
    earlier = [name for name in manifest.counts.get("wrote", ()) if _is_ours(name)] if manifest else []
    if ours and not earlier:
        earlier = [f"{name}.{form}" for name in EARLIER for form in ("png", "svg")]
    foreign = [name for name in there if not ours or (name not in PAGES and name not in earlier)]
    if foreign:
        raise UsageError(
            f"{folder / foreign[0]} is there already, and no report wrote it.",
            hint="Give another folder to --output.",
        )
    # Until all is written both the earlier and the new ones are ours.
    _mark(folder, list(dict.fromkeys([*names, *earlier])))
    return earlier


def _is_ours(name: object) -> bool:
    """Whether it is the plain name of a page or a picture: a mark is a file that anybody may have edited."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and Path(name).suffix in (".svg", ".png", ".md", ".html")
    )


def _mark(folder: Path, wrote: Sequence[str]) -> None:
    text = json.dumps(asdict(Manifest("report", {}, {}, {"wrote": list(wrote)})), indent=2) + "\n"
    write_text(manifest_path(folder), text)
