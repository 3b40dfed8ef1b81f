"""A page of headings, paragraphs, tables and figures, as Markdown and as one self-contained HTML file.

The HTML is page.html.jinja: it has a macro for each kind of block, named there by its class. Every text is
escaped, there and in `drawing.py`; and the page says itself that nothing may be loaded, no other script run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2

    @property
    def anchor(self) -> str:
        return anchor("section", self.text)

    def markdown(self) -> str:
        return f"{'#' * self.level} {_plain(self.text)}"


@dataclass(frozen=True)
class Lead:
    """What the page says first."""

    text: str

    def markdown(self) -> str:
        return f"**{_plain(self.text)}**"


@dataclass(frozen=True)
class Paragraph:
    text: str

    def markdown(self) -> str:
        return _plain(self.text)


@dataclass(frozen=True)
class BulletList:
    texts: Sequence[str]

    def markdown(self) -> str:
        return "\n".join(f"- {_plain(text)}" for text in self.texts)


class Link(str):
    """A cell that leads to an anchor of the page."""

    anchor: str

    def __new__(cls, text: str, anchor: str) -> Link:
        made = super().__new__(cls, text)
        made.anchor = anchor
        return made


@dataclass(frozen=True)
class Table:
    """A cell is text, or a link."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        cells = [[cell if cell == "---" else _plain(cell) for cell in line] for line in lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in cells)


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader opens."""

    summary: str
    blocks: Sequence[Block]

    def markdown(self) -> str:
        return "\n\n".join([f"{_plain(self.summary)}:", *(block.markdown() for block in self.blocks)])


@dataclass(frozen=True)
class Figure:
    """A picture with what to see in it; `numbers` has what it was drawn from."""

    name: str
    title: str
    svg: str
    caption: str
    numbers: Table | BulletList | None = None
    wide: bool = False
    """Whether it stands alone in its row."""

    def markdown(self) -> str:
        parts = [f"**{_plain(self.title)}**", _plain(self.caption)]
        return "\n\n".join([*parts, *([self.numbers.markdown()] if self.numbers else [])])


@dataclass(frozen=True)
class Text:
    """A document or a query in a sample: who made it, what it says, and what is known of it."""

    label: str
    title: str
    text: str
    kind: str = ""
    """The class of its colour: positive, mined, synthetic."""
    facts: Sequence[tuple[str, str]] = ()

    def markdown(self) -> str:
        told = "".join(f" {_plain(name)}: {_plain(value)}." for name, value in self.facts)
        title = f"*{_plain(self.title)}* " if self.title else ""
        return f"- {_plain(self.label)}: {title}{_plain(' '.join(self.text.split()))}{told}"


@dataclass(frozen=True)
class Sample:
    """A query with the documents that belong to it."""

    anchor: str
    label: str
    query: str
    texts: Sequence[Text]

    def markdown(self) -> str:
        lines = [
            f"**{_plain(self.label)}: {_plain(self.query)}**",
            "",
            *(text.markdown() for text in self.texts),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Samples:
    """Samples that a reader opens one by one, and searches where scripts run."""

    samples: Sequence[Sample]

    def markdown(self) -> str:
        return "\n\n".join(sample.markdown() for sample in self.samples)


Block: TypeAlias = "Heading | Lead | Paragraph | BulletList | Table | Folded | Figure | Figures | Samples"


@dataclass(frozen=True)
class Figures:
    """Figures that share rows where the page is wide enough."""

    figures: Sequence[Figure]

    def markdown(self) -> str:
        return "\n\n".join(figure.markdown() for figure in self.figures)


def anchor(kind: str, name: str) -> str:
    """An id of the page, from any text: different texts give different ids."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{kind}-{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def figures_of(blocks: Sequence[Block]) -> Iterator[Figure]:
    """All figures of a page, in its order."""
    for block in blocks:
        if isinstance(block, Figure):
            yield block
        elif isinstance(block, Figures):
            yield from block.figures
        elif isinstance(block, Folded):
            yield from figures_of(block.blocks)


def to_markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown: the same facts, without pictures."""
    return "\n\n".join(block.markdown() for block in blocks) + "\n"


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """The page as HTML that needs no other file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("syneg_cli.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    sections = [
        place for place, block in enumerate(blocks) if isinstance(block, Heading) and block.level == 2
    ]
    templates.filters["coded"] = _coded
    templates.filters["kind"] = lambda block: type(block).__name__
    script = _file("page.js")
    return templates.get_template("page.html.jinja").render(
        title=title,
        blocks=blocks,
        contents=[blocks[place] for place in sections],
        opening=sections[0] if sections else 0,
        style=_file("page.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def to_svg(figure: Figure) -> str:
    """A figure as a file of its own, which has the colours of a light page inside."""
    head, _, rest = figure.svg.partition(">")
    return f'{head} font-family="system-ui, sans-serif">\n<style>{_file("picture.css")}</style>{rest}\n'


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


CODE = r"`([^`\n]+)`"


def _coded(text: Any) -> str:
    """Text as HTML, escaped, with what stands between backticks as code."""
    return re.sub(CODE, r"<code>\1</code>", html.escape(str(text)))


def _plain(text: Any) -> str:
    """Text that Markdown shows as it is, but for what stands between backticks: that is code in both."""

    def shown(found: re.Match[str]) -> str:
        code = found[1]
        return f"\\{found[0]}" if code is None else "`" + code.replace("|", r"\|") + "`"

    return re.sub(rf"{CODE}|[\\`*_\[\]<|]", shown, str(text))
