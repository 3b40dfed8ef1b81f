"""The page: Markdown, and one HTML file that needs nothing else."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from syneg_cli.core.artifacts import Workspace
from syneg_cli.report.figures import FIGURES
from syneg_cli.report.models import read_models
from syneg_cli.report.page import Block, BulletList, Heading, Paragraph, Picture, Table, to_html
from syneg_cli.report.write import write_report
from tests.report.conftest import add_model


class Outside(HTMLParser):
    """Collects what a page would load from elsewhere, and which elements stay open."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.slow
def test_the_page_links_its_figures_and_the_html_needs_nothing_else(work: Workspace, tmp_path: Path) -> None:
    add_model(work, "a|b", lr=1e-5)
    add_model(work, "direct", "direct", lr=2e-5)
    models, _ = read_models(work)
    made = write_report(tmp_path / "out", "tiny", models, left_out=["<x> is left out."])
    text = made.markdown.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (tmp_path / "out" / target).is_file()
    assert r"| a\|b |" in text, "a bar in a name does not end a cell"
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1
    assert "Differs: lr: a\\|b 1e-05, direct 2e-05" in text
    assert "variance 2, mean 4, largest 6, over 4 steps." in text

    page = made.html.read_text(encoding="utf-8")
    parser = Outside()
    parser.feed(page)
    assert parser.open == []
    assert len(parser.loaded) == len(FIGURES)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in parser.loaded)
    assert "&lt;x&gt; is left out." in page
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.slow
def test_writing_twice_gives_the_same_bytes(work: Workspace, tmp_path: Path) -> None:
    add_model(work, "m")
    models, _ = read_models(work)
    first = write_report(tmp_path, "tiny", models).html.read_bytes()
    assert write_report(tmp_path, "tiny", models).html.read_bytes() == first


def test_markdown_shows_text_as_it_is() -> None:
    assert Paragraph("a_b *c* <d> [e]").markdown() == r"a\_b \*c\* \<d> \[e\]"
    assert Table(["x"], [["1|2"]]).markdown() == "| x |\n| --- |\n| 1\\|2 |"


MARKUP = "<b>\"'&{{ title }}{% raw %}"
"""Text that means something to HTML and to a template."""


@pytest.mark.parametrize(
    ("block", "tag"),
    [
        (Heading(MARKUP), "h2"),
        (Paragraph(MARKUP), "p"),
        (BulletList([MARKUP]), "li"),
        (Table([MARKUP], []), "th"),
        (Table(["x"], [[MARKUP]]), "td"),
        (Picture("figure", MARKUP), "img"),
    ],
)
def test_html_shows_text_as_it_is(tmp_path: Path, block: Block, tag: str) -> None:
    (tmp_path / "figure.svg").write_text("<svg/>")
    page = to_html(MARKUP, [block], tmp_path)
    texts = Texts()
    texts.feed(page)
    assert texts.found["title"] == texts.found[tag] == [MARKUP]
    assert "<b>" not in page


class Texts(HTMLParser):
    """Collects the text in each element, and what stands for an image."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tag = tag
        if tag == "img":
            self.found[tag] = [dict(attrs)["alt"] or ""]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.setdefault(self.tag, []).append(data)


def test_a_block_that_the_template_does_not_know_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        to_html("", ["no block"], tmp_path)  # type: ignore[list-item]
