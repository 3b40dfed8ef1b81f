"""A document as a text with a title and sections, which are spans of it: plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from syneg_cli.data.units import is_blank

FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(?=\s*[\w\"'-]+[ \t]*[:=])(.*?\n)?\1[ \t]*(?:\n|\Z)", re.DOTALL
)
TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)


class Section(NamedTuple):
    """What is under a heading, up to the next one, as a span of the text."""

    path: tuple[str, ...]
    """The headings above it, its own last."""
    start: int
    end: int
    heads: tuple[int, ...] = ()
    """Where each of those headings begins."""
    floor: int = 0
    """Where the section before it ends."""

    def under(self, path: tuple[str, ...]) -> Section:
        """As a section under fewer headings: the others become text, unless they are above others, too."""
        kept = len(path)
        start = max(self.heads[kept], self.floor) if len(self.path) > kept else self.start
        return self._replace(path=path, start=start, heads=self.heads[:kept])


@dataclass(frozen=True)
class Document:
    """A document that was read, before it is cut."""

    doc_id: str
    title: str
    text: str
    sections: tuple[Section, ...]
    blocks: tuple[tuple[int, int], ...] = ()
    """Spans that are no sentences: code."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Where it is from: `file` or `row`."""
    named_by_file: bool = False
    """Whether the title is only the file's name: two copies of a file are the same text."""
    lines: bool = True
    """Whether its lines are those of the file: those of a PDF made Markdown are not."""


def plain(doc_id: str, title: str, text: str, **more: Any) -> Document:
    """A document without headings."""
    return Document(doc_id, title, text, (Section((), 0, len(text)),), **more)


def markdown(
    doc_id: str, text: str, name: str, about: Mapping[str, Any], title: str = "", *, lines: bool = True
) -> Document:
    """A document of Markdown (CommonMark): its headings become paths, its code is not cut into sentences.

    Front matter is no part of the text. The title is the first heading of the first level, else the front
    matter's, else `title`, else the name.

    Args:
        name: the file's, without its ending.
        title: what the file says of itself elsewhere, as `<title>` of HTML does.
    """
    front = FRONT_MATTER.match(text)
    said = TITLE.search(front[2] or "") if front else None
    begin = front.end() if front else 0
    headings, blocks = _parsed(text[begin:], begin)
    first = next((one.words for one in headings if one.level == 1), "")
    named = first or (said[1].strip("\"'") if said else "") or " ".join(title.split())
    return Document(
        doc_id,
        named or name,
        text,
        tuple(_sections(text, begin, headings, named)),
        tuple(blocks),
        about,
        named_by_file=not named,
        lines=lines,
    )


class _Heading(NamedTuple):
    level: int
    words: str
    start: int
    end: int


def _parsed(text: str, offset: int) -> tuple[list[_Heading], list[tuple[int, int]]]:
    """(headings, code blocks) of a text, their places counted from `offset`.

    The parser's tokens take fifty bytes for each of a text. So they are dropped as soon as a block is
    looked at, and only what stands in headings is parsed further, when all references are known.
    """
    from markdown_it import MarkdownIt

    lines = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=offset))
    found, blocks = list[tuple[int, str, int, int]](), list[tuple[int, int]]()

    def take(tokens: list[Any]) -> None:
        for number, token in enumerate(tokens):
            if token.map is None or token.level:
                continue
            start, end = (min(lines[line], offset + len(text)) for line in token.map)
            if token.type == "heading_open":
                found.append((int(token.tag[1:]), tokens[number + 1].content, start, end))
            elif token.type in ("fence", "code_block"):
                blocks.append((start, end))
        tokens.clear()

    def before_a_block(state: Any, start: int, end: int, silent: bool) -> bool:
        take(state.tokens)
        return False

    parser, references = MarkdownIt("commonmark").disable(["inline", "text_join"]), dict[str, Any]()
    parser.block.ruler.before("code", "take", before_a_block)
    take(parser.parse(text, references))
    headings = [
        _Heading(level, _words(parser, content, references), start, end)
        for level, content, start, end in found
    ]
    return headings, blocks


def _words(parser: Any, content: str, references: dict[str, Any]) -> str:
    """The text of a heading, without its marks."""
    parts: list[Any] = []
    parser.inline.parse(content, parser, references, parts)
    text = "".join(" " if part.type in ("softbreak", "hardbreak") else part.content for part in parts)
    return " ".join(text.split())


def _sections(text: str, begin: int, headings: list[_Heading], title: str) -> Iterator[Section]:
    """What is under each heading; one with nothing under it, no other heading either, is a text itself."""
    places = [_Heading(0, "", begin, begin), *headings, _Heading(0, "", len(text), len(text))]
    path: list[_Heading] = []
    for heading, following in pairwise(places):
        if heading.level:
            path = [above for above in path if above.level < heading.level] + [heading]
        named = [above for above in path if above.words]
        if named and named[0].words == title:
            del named[0]
        if is_blank(text[heading.end : following.start]):
            if not heading.level or following.level > heading.level:
                continue
            named = named[:-1] if named and named[-1] is heading else named
            start = heading.start
        else:
            start = heading.end
        words, heads = tuple(one.words for one in named), tuple(one.start for one in named)
        yield Section(words, start, following.start, heads, begin)
        begin = following.start
