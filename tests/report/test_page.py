"""The page: Markdown, and one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from syneg_cli.core.artifacts import Workspace
from syneg_cli.report.charts import Axis, Bar, Row, bars_chart, rows_chart
from syneg_cli.report.page import (
    Block,
    BulletList,
    Figure,
    Figures,
    Folded,
    Heading,
    Lead,
    Link,
    Paragraph,
    Sample,
    Samples,
    Table,
    Text,
    to_html,
)
from syneg_cli.report.write import write_report
from tests.report.conftest import add_evaluation, add_model, facts_of, measured

EMPTY = {"meta", "input"}


class Reader(HTMLParser):
    """Collects what a page would load, its links and ids, its elements, and which stay open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.found: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {key: value or "" for key, value in attrs}
        self.loaded += [of[key] for key in ("src", "srcset", "data", "xlink:href", "style") if key in of]
        self.loaded += [key for key in of if key.startswith("on")]
        self.links += [of["href"]] if "href" in of else []
        self.ids += [of["id"]] if "id" in of else []
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.found.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def page(work: Workspace, tmp_path: Path) -> str:
    add_model(work, "a|b", lr=1e-5)
    add_model(work, "direct", "direct", lr=2e-5)
    add_evaluation(work, "minilm", [0.25] * 6 + [0.9] * 2, weights="abc")
    for name in ("a|b", "direct"):
        measured(work, name, [0.75] * 8)
    made = write_report(tmp_path / "out", facts_of(work, notes=["<x> is left out."]))
    return made.html.read_text(encoding="utf-8")


def test_the_page_is_whole_and_loads_nothing(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    assert read.loaded == []
    assert all(link.startswith("#") and link[1:] in read.ids for link in read.links), (
        "every link leads somewhere"
    )
    assert len(set(read.ids)) == len(read.ids)
    assert len(read.links) > 8, "contents, bars, queries"
    assert "&lt;x&gt; is left out." in page
    for loads in ("url(", "@import", "http://", "https://"):
        # The name of SVG's own format is no address that is asked.
        assert loads not in page.replace("http://www.w3.org/2000/svg", "")


def test_no_other_script_may_run(page: str) -> None:
    script = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(script) == 1
    told = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1] == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{told}'"


def test_every_picture_has_a_title_and_says_what_to_see(page: str) -> None:
    pictures = re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)
    assert len(pictures) == page.count("<figure")
    for picture in pictures:
        name = re.search(r'aria-labelledby="(\S+)-title', picture)
        assert name is not None
        for part in ("title", "desc"):
            told = re.search(rf'<{part} id="{name[1]}-{part}">([^<]+)<', picture)
            assert told is not None
            assert len(told[1]) > 10


def test_both_modes_and_print_have_every_colour(page: str) -> None:
    style = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)[0]
    light, dark, printed = (set(re.findall(r"(--\w+):", part)) for part in _modes(style))
    assert light - {"--link"} == printed
    assert dark == light
    assert {f"--c{place}" for place in range(8)} < light


def _modes(style: str) -> tuple[str, str, str]:
    light, _, rest = style.partition("prefers-color-scheme: dark")
    dark, _, printed = rest.partition("@media print")
    return light, dark, printed


def test_the_markdown_has_the_same_facts(page: str, tmp_path: Path) -> None:
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert r"a\|b |" in text, "a bar in a name does not end a cell"
    assert "Differs: lr: a\\|b 1e-05, direct 2e-05" in text
    assert "variance 2, mean 4, largest 6, over 4 steps." in text
    headings = Reader(page).found["h2"]
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == headings
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_writing_twice_gives_the_same_bytes(work: Workspace, tmp_path: Path) -> None:
    add_model(work, "m")
    first = {path.name: path.read_bytes() for path in _written(work, tmp_path)}
    assert {path.name: path.read_bytes() for path in _written(work, tmp_path)} == first


def _written(work: Workspace, folder: Path) -> list[Path]:
    made = write_report(folder / "out", facts_of(work))
    return [made.html, made.markdown, *made.figures]


def test_markdown_shows_text_as_it_is() -> None:
    assert Paragraph("a_b *c* <d> [e]").markdown() == r"a\_b \*c\* \<d> \[e\]"
    assert Table(["x"], [["1|2"]]).markdown() == "| x |\n| --- |\n| 1\\|2 |"


MARKUP = "<b>\"'&{{ title }}{% raw %}</script>"
"""Text that means something to HTML and to a template."""

ROWS = rows_chart("n", MARKUP, MARKUP, [Row(MARKUP, 1, MARKUP)], Axis(MARKUP, 0.0, meaning=MARKUP))
BARS = bars_chart("n", MARKUP, MARKUP, [Bar(1.0, MARKUP, MARKUP)], MARKUP, lambda sign: MARKUP)


@pytest.mark.parametrize(
    ("block", "tag"),
    [
        (Heading(MARKUP), "h2"),
        (Lead(MARKUP), "p"),
        (Paragraph(MARKUP), "p"),
        (BulletList([MARKUP]), "li"),
        (Table([MARKUP], []), "th"),
        (Table(["x"], [[MARKUP]]), "td"),
        (Table(["x"], [[Link(MARKUP, "x")]]), "a"),
        (Folded(MARKUP, []), "summary"),
        (Figure("n", MARKUP, ROWS, "x"), "h3"),
        (Figures([Figure("n", "x", BARS, MARKUP)]), "figcaption"),
        (Samples([Sample("x", "x", "x", [Text("x", "x", "x", "", [(MARKUP, MARKUP)])])]), "dd"),
        (Samples([Sample("x", "x", "x", [Text(MARKUP, "", "")])]), "p"),
        (Samples([Sample("x", MARKUP, "x", [])]), "b"),
    ],
)
def test_html_shows_text_as_it_is(block: Block, tag: str) -> None:
    page = to_html(MARKUP, [block])
    read = Reader(page)
    assert MARKUP in read.found[tag]
    assert read.found["title"][0] == MARKUP
    assert MARKUP not in page
    assert page.count("</script>") == 1
    assert read.open == []


def test_a_block_that_the_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        to_html("", ["no block"])  # type: ignore[list-item]


def test_what_stands_between_backticks_is_code_and_escaped() -> None:
    said = "Run `syneg study --arms <a|b>` for *this*; one ` alone is none."
    page = to_html("t", [Paragraph(said), BulletList([said]), Lead(said)])
    assert page.count("<code>syneg study --arms &lt;a|b&gt;</code> for *this*; one ` alone") == 3
    shown = Paragraph(said).markdown()
    assert r"Run `syneg study --arms <a\|b>` for \*this\*; one \` alone is none." in shown
