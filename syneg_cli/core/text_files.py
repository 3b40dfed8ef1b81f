"""Text files as others left them, read with line numbers: plain or gzipped, with a byte order mark or not.

Every reader of a user's file goes through here, so that one rule holds for all: what cannot be
decoded is an error that names file, line and encoding, and half a surrogate pair, which no file
can be written with, becomes U+FFFD and is counted.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import reprlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from syneg_cli.core.errors import SynegError
from syneg_cli.core.paths import RIGHTS, need_file
from syneg_cli.core.text import mended

Told = Callable[[str], None]

AGAIN = "Fetch or copy the file again."
TOO_LONG = "a whole number with more than 4300 digits"
OBJECTS = "Every line has to be one JSON object; correct that line, or take it out."
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
NO_TEXT = {
    PARQUET: (
        "a Parquet file",
        "Data sets and training files may be Parquet, unpacked; convert the rest to text.",
    ),
    b"PK\x03\x04": ("a zip archive", "Unpack it, and give the file that is inside."),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "Unpack it; gzip is read as it is."),
    b"BZh": ("packed by bzip2", "Unpack it; gzip is read as it is."),
    b"\xfd7zXZ": ("packed by xz", "Unpack it; gzip is read as it is."),
    b"ARROW1": ("an Arrow file", "Convert it to JSONL or Parquet."),
    b"SQLite format 3": ("an SQLite database", "Export its rows as JSONL."),
}
"""How files begin that no reader of text can read -> what they are, and what to do."""
UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
PLAIN = re.compile(r"[\w.-]{1,40}")
FIELDS_SHOWN = 12
ESCAPED = re.compile(r"\\ud[89a-f]", re.IGNORECASE)
"""How a line of JSON can hold a surrogate: a file in UTF-8 has none of them as they are."""


def text_lines(path: Path, error: type[SynegError], *, hint: str | None = None) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of a text file in UTF-8, or in UTF-16 by its byte order mark.

    Raises:
        error: it cannot be opened or decoded; the message names file, line and encoding.
    """
    number = 0
    need_file(path, error, hint=hint)
    try:
        with _opened(path) as file:
            start = file.read(16)
            file.seek(0)
            _need_text(path, start, error)
            if encoding := UTF16.get(start[:2]):
                yield from _utf16(path, file.read(), encoding, error, hint)
                return
            for number, line in enumerate(file, start=1):
                try:
                    yield number, _bare(line.decode("utf-8"))
                except UnicodeDecodeError as wrong:
                    raise _undecodable(path, number, "UTF-8", wrong, error, hint) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise error(f"{path}, after line {number}: damaged gzip file: {wrong}.", hint=hint or AGAIN) from None
    except OSError as wrong:
        raise error(f"{path} cannot be read: {wrong.strerror or wrong}.", hint=hint or AGAIN) from None


def whole_text(path: Path, error: type[SynegError], *, hint: str | None = None) -> str:
    """A text file in UTF-8 as one text, without its byte order mark; lines end in line feeds.

    Raises:
        error: it is not there, cannot be read, or is no text in UTF-8; the message names the line.
    """
    need_file(path, error, hint=hint)
    try:
        data = path.read_bytes()
    except OSError as wrong:
        raise error(f"{path} cannot be read: {wrong.strerror or wrong}.", hint=hint or RIGHTS) from None
    _need_text(path, data[:16], error)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as wrong:
        number = data[: wrong.start].count(b"\n") + 1
        raise _undecodable(path, number, "UTF-8", wrong, error, None) from None


def json_lines(
    path: Path, error: type[SynegError], *, hint: str | None = None, told: Told | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of a JSONL file; empty lines are passed over.

    Args:
        told: told at the end how many halves of surrogate pairs became U+FFFD, if any did.

    Raises:
        error: a line cannot be decoded, or is not a JSON object.
    """
    broken: list[int] = []
    for number, line in text_lines(path, error, hint=hint):
        if not line.strip():
            continue
        try:
            row, count = parsed(line)
        except (ValueError, RecursionError) as wrong:
            raise error(
                f"{path}, line {number}: not JSON: {json_fault(wrong)}.", hint=hint or OBJECTS
            ) from None
        if not isinstance(row, dict):
            found = type(row).__name__
            raise error(
                f"{path}, line {number}: expected a JSON object, found {found}.", hint=hint or OBJECTS
            )
        broken += [number] * count
        yield number, row
    if broken and told:
        told(
            f"{path}: {len(broken)} broken characters (halves of surrogate pairs) became U+FFFD, "
            f"the first on line {broken[0]}"
        )


def parsed(text: str) -> tuple[Any, int]:
    """(the value of a text in JSON, how many broken characters of it became U+FFFD).

    Raises:
        ValueError, RecursionError: it is no JSON, or none that Python reads (see `json_fault`).
    """
    value = json.loads(text)
    return mended_value(value) if ESCAPED.search(text) else (value, 0)


def json_fault(wrong: ValueError | RecursionError) -> str:
    """Why a text could not be read as JSON or TOML, without what Python tells its programmers."""
    if isinstance(wrong, RecursionError):
        return "lists and objects within one another, deeper than can be read"
    return TOO_LONG if "int_max_str_digits" in str(wrong) else str(wrong)


def mended_value(value: Any) -> tuple[Any, int]:
    """(a JSON value whose texts can all be written, how many broken characters became U+FFFD)."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        items = [mended_value(item) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    if isinstance(value, dict):
        pairs = [(mended_value(key), mended_value(item)) for key, item in value.items()]
        return {k: v for (k, _), (v, _) in pairs}, sum(a + b for (_, a), (_, b) in pairs)
    return value, 0


def field_names(row: Mapping[str, Any]) -> str:
    """The fields of a row for a message: in one line, and not too many."""
    names = [name if PLAIN.fullmatch(name) else reprlib.repr(name) for name in map(str, row)]
    return ", ".join(names[:FIELDS_SHOWN]) + (", ..." if len(names) > FIELDS_SHOWN else "") or "no fields"


def _need_text(path: Path, start: bytes, error: type[SynegError]) -> None:
    """Raises `error` where the first bytes of a file are those of another kind of file."""
    for magic, (kind, remedy) in NO_TEXT.items():
        if start.startswith(magic):
            raise error(f"{path} is {kind}, not text.", hint=remedy)


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, whatever it is called."""
    try:
        with path.open("rb") as file:
            return file.read(len(PARQUET)) == PARQUET
    except OSError:  # whoever reads it says so
        return False


def is_utf8(path: Path) -> bool:
    """Whether a file, unpacked, is in UTF-8; True of one that cannot be read, or is of another kind.

    Whoever reads that one with `text_lines` says why.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _opened(path) as file:
            block = file.read(2**20)
            if block.startswith(tuple(NO_TEXT)):
                return True
            while block:
                decoder.decode(block)
                block = file.read(2**20)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    except (OSError, EOFError, zlib.error):
        return True
    return True


def unpacked(path: Path) -> bytes:
    """The content of a file, gzipped or not."""
    with _opened(path) as file:
        return file.read()


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _utf16(
    path: Path, data: bytes, encoding: str, error: type[SynegError], hint: str | None
) -> Iterator[tuple[int, str]]:
    try:
        text = data[2:].decode(encoding)
    except UnicodeDecodeError as wrong:
        number = data[2:][: wrong.start].decode(encoding, "replace").count("\n") + 1
        raise _undecodable(path, number, encoding.upper(), wrong, error, hint) from None
    for number, line in enumerate(text.split("\n"), start=1):
        yield number, _bare(line)


def _bare(line: str) -> str:
    """Without its end, and without byte order marks: files that were joined have them within."""
    return line.lstrip("\ufeff").rstrip("\r\n")


def _undecodable(
    path: Path,
    number: int,
    encoding: str,
    wrong: UnicodeDecodeError,
    error: type[SynegError],
    hint: str | None,
) -> SynegError:
    where = f"{path}, line {number}"
    return error(
        f"{where}: not {encoding} text (byte 0x{wrong.object[wrong.start]:02x}).",
        hint=hint or "Save the file in UTF-8.",
    )
