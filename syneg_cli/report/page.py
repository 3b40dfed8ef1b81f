"""A page of headings, paragraphs, tables and figures, as Markdown and as one self-contained HTML file.

The HTML is page.html.jinja: it has a macro for each kind of block, named there by its class.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2

    def markdown(self) -> str:
        return f"{'#' * self.level} {_plain(self.text)}"


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


@dataclass(frozen=True)
class Table:
    """A cell is text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        cells = [[cell if cell == "---" else _plain(cell) for cell in line] for line in lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in cells)


@dataclass(frozen=True)
class Picture:
    """The figure <name>.png and <name>.svg of the page's folder."""

    name: str
    text: str

    def markdown(self) -> str:
        return f"![{_plain(self.text)}]({self.name}.png)\n\n[{self.name}.svg]({self.name}.svg)"


Block: TypeAlias = Heading | Paragraph | BulletList | Table | Picture


def to_markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown; figures are links relative to it."""
    return "\n\n".join(block.markdown() for block in blocks) + "\n"


def to_html(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """The page as HTML that needs no other file: the figures of `folder` are inside."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def inline(picture: Picture) -> str:
        data = base64.b64encode((folder / f"{picture.name}.svg").read_bytes()).decode()
        return f"data:image/svg+xml;base64,{data}"

    templates = Environment(
        loader=PackageLoader("syneg_cli.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["inline"] = inline
    template = templates.get_template("page.html.jinja")
    return template.render(title=title, blocks=[(type(block).__name__, block) for block in blocks])


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<|])", r"\\\1", text)
