"""Documents cut into passages: by tokens, between sentences, each under the headings above it.

A passage is a span of its document, so nothing of a text is lost or changed. A document that fits is
one passage. Else each section is cut for itself; sections too short to stand alone are joined where
they fit together. What is longer than a passage without a sentence ending in it is cut by semchunk:
at line ends, clauses, blanks, and last between characters.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import NamedTuple, Protocol, cast

from syneg_cli.data.imports.text import Document, Section
from syneg_cli.data.units import is_blank, units

BORDER = re.compile(
    r"\n[ \t]*(?:\r?\n[ \t]*)+"
    r"|(?<=[.?!…؟।])[\"'»”’)\]]*\s+(?=[^\sa-z])"
    r"|(?<=[。！？｡])[」』”’）]*\s*"
)
"""Between two sentences or paragraphs; after `e.g.` follows a small letter."""

STEP = " › "
"""Between a title and the headings under it."""

LONGEST = 100
"""Letters that a token has at most, on average: counting tokens takes a hundred bytes for each."""


class Counter(Protocol):
    """Counts the tokens of texts."""

    name: str
    """How it counts, for people."""
    extra: int
    """What a model adds to each text: its marks for beginning and end."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without `extra`."""
        ...


class ByUnits:
    """Where there is no tokenizer: a token for each four letters of a word, and for each character of scripts
    that do not separate words. More than most tokenizers count, so that passages stay within the limit."""

    name = "four letters of a word, or a character of scripts without blanks"
    extra = 2

    def count(self, texts: Sequence[str]) -> list[int]:
        return [sum(ceil(len(unit) / 4) for unit in units(text)) for text in texts]


class Cut(NamedTuple):
    """A passage: a span of its document's text, under a title."""

    title: str
    start: int
    end: int


@dataclass
class Cutter:
    """Cuts documents into passages of at most `tokens`, title and the model's marks counted."""

    counter: Counter
    tokens: int
    overlap: int = 0
    """Of two passages that follow each other, at most so many tokens, and whole sentences, are in both."""
    least: int = 0
    """What is shorter is joined to its neighbour."""
    shortened: int = 0
    """Titles that were too long for a passage."""
    _titles: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def cut(self, document: Document) -> list[Cut]:
        """The passages of a document, in order."""
        sections = [one for one in document.sections if not is_blank(document.text[one.start : one.end])]
        if not sections:
            return []
        self._titles.clear()
        whole = sections[0].under(())._replace(end=sections[-1].end)
        if len(sections) > 1:
            sections = [whole] if self._fits(document, whole) else self._joined(document, sections)
        return [passage for section in sections for passage in self._of(document, section)]

    def _of(self, document: Document, section: Section) -> Iterator[Cut]:
        title = self._title(document.title, section.path)
        start, end = _trimmed(document.text, section.start, section.end)
        if self._size(title, document.text[start:end]) <= self.tokens:
            yield Cut(title, start, end)
            return
        pieces = list(self._pieces(document, title, start, end))
        for first, last in self._packed(document.text, title, pieces):
            yield Cut(title, pieces[first][0], pieces[last - 1][1])

    def _fits(self, document: Document, section: Section) -> bool:
        title = self._title(document.title, section.path)
        return self._size(title, document.text[section.start : section.end]) <= self.tokens

    def _size(self, title: str, text: str) -> int:
        """Tokens of what is encoded: title, blank, text; more than fit for a text too long to be counted."""
        if len(text) > LONGEST * self.tokens:
            return self.tokens + 1
        return self.counter.count([f"{title} {text}".strip()])[0] + self.counter.extra

    def _title(self, title: str, path: tuple[str, ...]) -> str:
        """`Guide › Install › Linux`, or as much of it as half a passage holds."""
        if (title, path) not in self._titles:
            self._titles[title, path] = self._short(title, path)
        return self._titles[title, path]

    def _short(self, title: str, path: tuple[str, ...]) -> str:
        whole = shown = STEP.join(part for part in (title, *path) if part)
        for rest in range(1, len(path) + 1):
            if self._size(shown, "") <= self.tokens // 2:
                break
            shown = STEP.join(part for part in (title, "…", *path[rest:]) if part)
        while shown and self._size(shown, "") > self.tokens // 2:
            shown = shown[: len(shown) * 3 // 4].rstrip() + "…" if len(shown) > 4 else ""
        self.shortened += shown != whole
        return shown

    def _joined(self, document: Document, sections: Sequence[Section]) -> list[Section]:
        """Sections; one too short to stand alone with the one before or after it, if both fit together."""
        joined: list[Section] = []
        for section in sections:
            if joined and (self._is_short(document, joined[-1]) or self._is_short(document, section)):
                common = _common(joined[-1].path, section.path)
                both = joined[-1].under(common)._replace(end=section.end)
                if self._fits(document, both):
                    joined[-1] = both
                    continue
            joined.append(section)
        return joined

    def _is_short(self, document: Document, section: Section) -> bool:
        text = document.text[section.start : section.end]
        return len(text) < 40 * self.least and self.counter.count([text])[0] < self.least

    def _pieces(self, document: Document, title: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Sentences and code blocks, and parts of those that fit into no passage."""
        from semchunk.semchunk import chunk

        text = document.text
        for one in _sentences(text, start, end, document.blocks):
            if self._size(title, text[slice(*one)]) <= self.tokens:
                yield one
                continue
            _, spans = cast(
                "tuple[list[str], list[tuple[int, int]]]",
                chunk(
                    text[slice(*one)],
                    self.tokens,
                    lambda part: self._size(title, part),
                    memoize=False,
                    offsets=True,
                ),
            )
            yield from ((one[0] + begin, one[0] + stop) for begin, stop in spans)

    def _packed(self, text: str, title: str, pieces: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """(first, last + 1) of the pieces that make up each passage."""
        sizes = self.counter.count([text[start:end] for start, end in pieces])
        room = self.tokens - self._size(title, "")

        def fits(first: int, last: int) -> bool:
            return self._size(title, text[pieces[first][0] : pieces[last - 1][1]]) <= self.tokens

        before, done, left = 0, 0, sum(sizes)
        while done < len(pieces):
            again = max(self.overlap, self.least - left)
            first, size = done, 0
            while first - 1 > before and size + sizes[first - 1] <= again:
                first -= 1
                size += sizes[first]
            last = done
            while last < len(pieces) and size + sizes[last] <= room:
                size += sizes[last]
                last += 1
            last = max(last, done + 1)
            while last > done + 1 and not fits(first, last):
                last -= 1
            while first < done and not fits(first, last):
                first += 1
            yield first, last
            left -= sum(sizes[done:last])
            before, done = first, last


def _sentences(
    text: str, start: int, end: int, blocks: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Spans without blanks around them that hold all the rest of the text, in order."""
    first = bisect_right(blocks, start, key=lambda block: block[1])
    last = bisect_left(blocks, end, first, key=lambda block: block[0])
    inside = [(max(a, start), min(b, end)) for a, b in blocks[first:last]]
    borders = {start, end} | {border for block in inside for border in block}
    at = 0
    for found in BORDER.finditer(text, start, end):
        while at < len(inside) and inside[at][1] <= found.end():
            at += 1
        if at == len(inside) or found.end() <= inside[at][0]:
            borders.add(found.end())
    for begin, stop in pairwise(sorted(borders)):
        span = _trimmed(text, begin, stop)
        if span[0] < span[1]:
            yield span


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the blanks at its ends."""
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    return (start + left, start + len(part.rstrip())) if left < len(part) else (end, end)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The headings that two paths begin with."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same]
