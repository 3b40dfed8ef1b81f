"""A page of headings, texts, tables and figures, as Markdown and as one self-contained HTML file."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Protocol


class Block(Protocol):
    """A part of a page. `folder` is where the page's figures lie."""

    def markdown(self) -> str: ...

    def html(self, folder: Path) -> str: ...


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2

    def markdown(self) -> str:
        return f"{'#' * self.level} {_plain(self.text)}"

    def html(self, folder: Path) -> str:
        return f"<h{self.level}>{escape(self.text)}</h{self.level}>"


@dataclass(frozen=True)
class Text:
    text: str

    def markdown(self) -> str:
        return _plain(self.text)

    def html(self, folder: Path) -> str:
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True)
class Items:
    texts: Sequence[str]

    def markdown(self) -> str:
        return "\n".join(f"- {_plain(text)}" for text in self.texts)

    def html(self, folder: Path) -> str:
        return "<ul>\n" + "\n".join(f"<li>{escape(text)}</li>" for text in self.texts) + "\n</ul>"


@dataclass(frozen=True)
class Rows:
    """A table; a cell is text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        cells = [[cell if cell == "---" else _plain(cell) for cell in line] for line in lines]
        return "\n".join(f"| {' | '.join(line)} |" for line in cells)

    def html(self, folder: Path) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "\n".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows
        )
        table = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        return f'<div class="wide">{table}</div>'


@dataclass(frozen=True)
class Picture:
    """The figure <name>.png and <name>.svg of the page's folder."""

    name: str
    text: str

    def markdown(self) -> str:
        return f"![{_plain(self.text)}]({self.name}.png)\n\n[{self.name}.svg]({self.name}.svg)"

    def html(self, folder: Path) -> str:
        data = base64.b64encode((folder / f"{self.name}.svg").read_bytes()).decode()
        return f'<img alt="{escape(self.text)}" src="data:image/svg+xml;base64,{data}">'


def markdown(blocks: Sequence[Block]) -> str:
    """The page as Markdown; figures are links relative to it."""
    return "\n\n".join(block.markdown() for block in blocks) + "\n"


def html(title: str, blocks: Sequence[Block], folder: Path) -> str:
    """The page as HTML that needs no other file: the figures of `folder` are inside."""
    body = "\n".join(block.html(folder) for block in blocks)
    return PAGE.format(title=escape(title), style=CSS, body=body)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<|])", r"\\\1", text)


CSS = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
img { max-width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #ddd; }
th, td { padding: 0.3rem 0.8rem 0.3rem 0; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
