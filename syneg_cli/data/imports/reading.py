"""One file as a document: text is decoded, other formats go through markitdown, the rest says why not."""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile

from syneg_cli.core import install
from syneg_cli.data.imports.converting import MOST_MEMORY, Converter
from syneg_cli.data.imports.tally import Decoded, Tally
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
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UNSAFE = re.compile(r"[\s\x00-\x1f\x7f-\x9f%#]")
SAMPLE = 8192
LOOKED_AT = 2**16
"""Bytes by which an encoding is guessed."""


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
        text = _decoded(data, name, settings.encoding, tally)
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
    return _mark(data) is not None or (b"\0" not in data[:SAMPLE] and _utf8(data) is not None)


def _mark(data: bytes) -> str | None:
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decoded(data: bytes, name: str, given: str | None, tally: Tally) -> str:
    """By the byte order mark, else as UTF-8, else as is given, or by a guess; these are told."""
    try:
        mark = _mark(data)
        text = data.decode(mark) if mark else _utf8(data)
    except UnicodeDecodeError:
        raise Unreadable(f"not the {mark} text that its first bytes announce") from None
    if text is not None:
        if mark not in (None, "utf-8-sig"):
            tally.decoded.append(Decoded(name, str(mark)))
        if text.count("\0") > len(text) // 100:
            raise Unreadable("binary, not text")
        return _lines(text)
    if b"\0" in data[:SAMPLE]:
        raise Unreadable("binary, not text")
    encoding = given or _guessed(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(f"neither UTF-8 nor {encoding}") from None
    tally.decoded.append(Decoded(name, encoding))
    return _lines(text)


def _guessed(data: bytes) -> str:
    """The likeliest encoding; what is hardly less likely in Windows' Western one is that.

    By letters alone, `Déjà` and `Déją` are as likely.
    """
    from charset_normalizer import from_bytes

    found = list(from_bytes(data[:LOOKED_AT]))
    if not found:
        raise Unreadable("neither UTF-8 nor another encoding that can be told (--encoding)")
    western = (one for one in found if one.encoding == "cp1252" and one.chaos <= found[0].chaos + 0.1)
    return str(next(western, found[0]).encoding)


def _lines(text: str) -> str:
    """With line feeds as line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
    return markdown(doc_id, _lines(made["markdown"]), path.stem, about, made["title"], lines=False)


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
