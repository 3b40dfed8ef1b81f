"""What a text file that need not be in UTF-8 says: by its byte order mark, as it is told, or by a guess."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from syneg_cli.core import DatasetError, is_utf8, text_lines, unpacked

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 8192
WESTERN = "cp1252"
LOOKED_AT = 2**16
"""Bytes by which an encoding is guessed."""

Lines = Callable[[Path], Iterator[tuple[int, str]]]
"""How the lines of a file are read: (number from 1, line without its end)."""


class Undecodable(Exception):
    """Why bytes are no text."""


class Decoding(NamedTuple):
    text: str
    """With line feeds as line ends."""
    encoding: str | None
    """What it was read as; None for UTF-8."""


def utf8_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that has to be in UTF-8, or in UTF-16 by its byte order mark.

    Raises:
        DatasetError: it cannot be read or decoded.
    """
    return text_lines(path, DatasetError)


def decoded_lines(
    path: Path, encoding: str | None, read_as: Callable[[str, str], None]
) -> Iterator[tuple[int, str]]:
    """The lines of a file that need not be in UTF-8; any other is held in memory.

    Args:
        encoding: of a file without a byte order mark; None: guessed.
        read_as: told the name of a file that is not in UTF-8, and what it is read as.

    Raises:
        DatasetError: it cannot be read or decoded.
    """
    if is_utf8(path):
        yield from utf8_lines(path)
        return
    try:
        found = decoded(unpacked(path), encoding)
    except Undecodable as why:
        hint = "Save it in UTF-8, or name its encoding with --encoding."
        raise DatasetError(f"{path}: {why}.", hint=hint) from None
    if found.encoding:
        read_as(path.name, found.encoding)
    yield from enumerate(found.text.removesuffix("\n").split("\n"), start=1)


def decoded(data: bytes, given: str | None) -> Decoding:
    """By the byte order mark, else as UTF-8, else as is given, else by a guess.

    Raises:
        Undecodable: it is binary, or not what its mark or `given` says.
    """
    named = mark(data)
    try:
        text = data.decode(named or "utf-8")
    except UnicodeDecodeError as wrong:
        if named:
            raise Undecodable(f"not the {named} text that its first bytes announce") from None
        return Decoding(*_otherwise(data, given, wrong.start))
    if text.count("\0") > len(text) // 100:
        raise Undecodable("binary, not text")
    return Decoding(with_line_feeds(text), None if named in (None, "utf-8-sig") else named)


def _otherwise(data: bytes, given: str | None, wrong: int) -> tuple[str, str]:
    """(text, encoding) of what is not in UTF-8.

    Args:
        wrong: the first byte that shows it.
    """
    if b"\0" in data[:SAMPLE]:
        raise Undecodable("binary, not text")
    encoding = given or _guessed(data[max(0, wrong - LOOKED_AT // 2) :][:LOOKED_AT])
    try:
        return with_line_feeds(data.decode(encoding)), encoding
    except UnicodeDecodeError:
        raise Undecodable(f"neither UTF-8 nor {encoding}") from None


def mark(data: bytes) -> str | None:
    """The encoding that a byte order mark announces."""
    return next((encoding for start, encoding in MARKS if data.startswith(start)), None)


def _guessed(data: bytes) -> str:
    """The likeliest encoding; what is hardly less likely in Windows' Western one is that.

    By letters alone, `Déjà` and `Déją` are as likely.
    """
    from charset_normalizer import from_bytes

    found = list(from_bytes(data))
    if not found:
        raise Undecodable("neither UTF-8 nor another encoding that can be told (--encoding)")
    most = found[0].chaos + 0.1
    if any(WESTERN in one.could_be_from_charset and one.chaos <= most for one in found):
        return WESTERN  # one of several that say the same here is listed under the name of another one
    return str(found[0].encoding)


def with_line_feeds(text: str) -> str:
    """With line feeds as line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
