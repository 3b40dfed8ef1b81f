"""One file as a document: text is decoded, other formats go through markitdown, the rest says why not."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile

from syneg_cli.core import install
from syneg_cli.data.decoding import SAMPLE, Undecodable, decoded, mark, with_line_feeds
from syneg_cli.data.imports.converting import MOST_MEMORY, Converter
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.imports.text import Document, markdown, plain
from syneg_cli.data.settings import DocumentsSettings
from syneg_cli.data.units import is_blank

TEXT = (".txt", ".text", ".rst", ".adoc", ".org", ".tex", ".log")
MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
CONVERTED = {
    ".html": "HtmlConverter",
    ".htm": "HtmlConverter",
    ".xhtml": "HtmlConverter",
    ".pdf": "PdfConverter",
    ".docx": "DocxConverter",
    ".pptx": "PptxConverter",
    ".xlsx": "XlsxConverter",
    ".epub": "EpubConverter",
    ".ipynb": "IpynbConverter",
}
"""Ending -> what reads it: that alone is asked, for one of many would take a broken PDF for plain text."""
TABLES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
DATABASES = (".db", ".sqlite", ".sqlite3", ".duckdb")
PACKED = (".docx", ".pptx", ".xlsx", ".epub")
INSTALL = install("syneg[documents]")
GROWTH = 10
"""A packed document may unpack to so many times the size limit."""
UNSAFE = re.compile(r"[\s\x00-\x1f\x7f-\x9f%#]")


class Unreadable(Exception):
    """Why a file is left out."""


def file_id(name: str) -> str:
    """The id of a file's document: its path, with what files of judgements cannot hold as %20."""
    return UNSAFE.sub(lambda found: quote(found.group(), safe=""), name)


def read_file(
    path: Path, name: str, settings: DocumentsSettings, tally: Tally, converter: Converter
) -> Document:
    """The document that a file holds.

    Args:
        name: the file as people and ids name it.
        tally: told what a file that is not in UTF-8 was read as.
        converter: of the formats that are converted.

    Raises:
        Unreadable: it is none, with the reason.
    """
    ending = path.suffix.lower()
    look_at(path, settings.max_megabytes)
    about, doc_id = {"file": name}, file_id(name)
    if ending in CONVERTED:
        document = _converted(path, doc_id, about, converter)
    else:
        data = _bytes(path)
        if not ending and not _is_text(data):
            raise Unreadable("no text, and no ending that says what it is")
        text = _text(data, name, settings.encoding, tally)
        if ending in MARKDOWN:
            document = markdown(doc_id, text, path.stem, about)
        else:
            document = plain(doc_id, path.stem, text, about=about, named_by_file=True)
    if is_blank(document.text):
        raise Unreadable("no text in it" if document.text else "empty")
    return document


def look_at(path: Path, max_megabytes: int) -> None:
    """Raises Unreadable where a file's name, kind or size says that it is no document; it is not opened."""
    ending, most = path.suffix.lower(), max_megabytes * 2**20
    try:
        found = path.stat()
    except FileNotFoundError:
        raise Unreadable("vanished while the others were read") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("no file, but a pipe or a device")
    if ending in TABLES:
        raise Unreadable("a table: import it by itself (syneg import FILE)")
    if ending in DATABASES:
        raise Unreadable("a database: import it by itself (syneg import FILE --query ...)")
    if ending and ending not in (*TEXT, *MARKDOWN, *CONVERTED):
        raise Unreadable(f"{ending} is no format that is read")
    if found.st_size > most:
        raise Unreadable(f"larger than {max_megabytes:g} MB (--max-megabytes)")
    if found.st_size == 0:
        raise Unreadable("empty")


def _bytes(path: Path) -> bytes:
    """The content, if the file stays as it is while it is read."""
    try:
        before = path.stat()
        data = path.read_bytes()
        after = path.stat()
    except FileNotFoundError:
        raise Unreadable("vanished while the others were read") from None
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise Unreadable("changed while it was read")
    return data


def _is_text(data: bytes) -> bool:
    """Whether a file without an ending may be text, as README and LICENSE are."""
    if mark(data):
        return True
    try:
        return b"\0" not in data[:SAMPLE] and bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _text(data: bytes, name: str, given: str | None, tally: Tally) -> str:
    """What it says; the tally is told of what is not in UTF-8."""
    try:
        found = decoded(data, given)
    except Undecodable as why:
        raise Unreadable(str(why)) from None
    if found.encoding:
        tally.read_as(name, found.encoding)
    return found.text


def _converted(path: Path, doc_id: str, about: Mapping[str, Any], converter: Converter) -> Document:
    """By markitdown, which makes Markdown of it; whatever it raises is the reason."""
    kind = path.suffix.lower()
    if find_spec("markitdown") is None:  # another process loads it
        raise Unreadable(f"{kind} needs markitdown: {INSTALL}")
    _check_unpacked(path)
    try:
        before = path.stat().st_mtime_ns
        made = converter.convert(path, CONVERTED[kind])
        if path.stat().st_mtime_ns != before:
            raise Unreadable("changed while it was read")
    except FileNotFoundError:
        raise Unreadable("vanished while the others were read") from None
    except ImportError:
        raise Unreadable(f"{kind} needs markitdown, which cannot be loaded: {INSTALL}") from None
    except TimeoutError:
        raise Unreadable(f"not converted within {converter.seconds:g} s (--max-seconds)") from None
    except MemoryError:
        raise Unreadable(f"needs more than {MOST_MEMORY / 2**30:g} GB of memory to be converted") from None
    except ChildProcessError:
        raise Unreadable("what converts it broke off, as for want of memory") from None
    if (error := made.get("error")) == "MissingDependencyException":
        needed = INSTALL if kind in (".pdf", ".docx") else install(f"markitdown[{kind[1:]}]")
        raise Unreadable(f"{kind} needs more of markitdown: {needed}")
    if error:
        raise Unreadable(f"broken, or no {kind} file ({error})")
    return markdown(doc_id, with_line_feeds(made["markdown"]), path.stem, about, made["title"], lines=False)


def _check_unpacked(path: Path) -> None:
    """Raises Unreadable for a packed document that would fill the memory."""
    if path.suffix.lower() not in PACKED:
        return
    try:
        with ZipFile(path) as opened:
            size = sum(member.file_size for member in opened.infolist())
    except (BadZipFile, OSError, ValueError) as error:
        raise Unreadable(f"broken, or no {path.suffix.lower()} file ({type(error).__name__})") from None
    if size > GROWTH * max(path.stat().st_size, 2**26):
        raise Unreadable(f"would unpack to {size / 2**20:,.0f} MB")
