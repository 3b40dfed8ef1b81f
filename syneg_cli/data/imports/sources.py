"""What is imported, by how it is named: a folder, a file, a table, a database, or a data set elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from syneg_cli.core import DatasetError, Progress, UsageError, content_hash, hash_once, need_file, user_path
from syneg_cli.data.beir_download import BEIR_NAMES
from syneg_cli.data.beir_files import read_documents
from syneg_cli.data.corpus import files_hash
from syneg_cli.data.find_dataset import IRDS, find_folder
from syneg_cli.data.imports.converting import Converter
from syneg_cli.data.imports.databases import answered
from syneg_cli.data.imports.hub import HUB, Files, hub_files
from syneg_cli.data.imports.judgements import splits_of
from syneg_cli.data.imports.reading import TABLES, Unreadable, look_at, read_file
from syneg_cli.data.imports.tables import Columns, documents, table
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.imports.text import Document, plain
from syneg_cli.data.imports.walk import files_below
from syneg_cli.data.layout import CORPUS, QRELS_FOLDER, QUERIES, is_dataset_folder, qrels_files, table_files
from syneg_cli.data.mteb_tasks import MTEB
from syneg_cli.data.settings import DocumentsSettings

KINDS = f"Give a folder, a file, {HUB}OWNER/NAME, {IRDS}NAME or {MTEB}TASK."


@dataclass(frozen=True)
class Wanted:
    """What a user asks to import."""

    source: str
    settings: DocumentsSettings = field(default_factory=DocumentsSettings)
    query: str | None = None
    """Of a database."""
    queries: Path | None = None
    qrels: tuple[Path, ...] = ()


@dataclass
class Source:
    """Documents, and the judgements that come with them."""

    name: str
    """What the folder that is made is called after."""
    wanted: Wanted
    place: Path | None = None
    """The file or folder, where it is one."""
    files: Files = field(default_factory=Files)
    revision: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is a data set already: its documents are what is judged, so they are not cut."""
        return bool(self.files.corpus)

    @property
    def called(self) -> str:
        return self.wanted.source

    def documents(self, tally: Tally, progress: Progress) -> Iterator[Document]:
        """The documents in order; what is left out, the tally is told."""
        if self.whole:
            for doc_id, title, text in read_documents(self.files.corpus, progress.warn):
                yield plain(doc_id, title, text)
            return
        place, settings = self.place, self.wanted.settings
        assert place is not None
        columns = Columns(settings.id_column, settings.title_column, settings.text_column)
        if is_database(place):
            yield from documents(answered(place, self.wanted.query), columns, tally, str(place))
        elif is_table_file(place):
            rows = table(place, progress.warn, tally.lines(settings.encoding))
            yield from documents(rows, columns, tally, str(place))
        else:
            with Converter(settings.max_seconds) as converter:
                for path, name in self._document_files(tally):
                    try:
                        yield read_file(path, name, settings, tally, converter)
                    except Unreadable as why:
                        tally.leave_out(name, str(why))

    def _document_files(self, tally: Tally) -> Iterator[tuple[Path, str]]:
        place = self.place
        assert place is not None
        if place.is_file():
            yield place, place.name
            return
        judging = {file.resolve() for file in self.judging()}
        for path, name in files_below(place, tally):
            if path.resolve() not in judging:
                yield path, name

    def none_seem_readable(self, tally: Tally) -> bool:
        """Whether no file holds a document, by names, kinds and sizes: the tally is told why of each.

        Of rows, and of what is elsewhere, nothing is known before it is read.
        """
        place = self.place
        if self.whole or place is None or is_database(place) or is_table_file(place):
            return False
        for path, name in self._document_files(tally):
            try:
                look_at(path, self.wanted.settings.max_megabytes)
            except Unreadable as why:
                tally.leave_out(name, str(why))
            else:
                return False
        return True

    def judging(self) -> list[Path]:
        """The files of queries and judgements."""
        return [*self.files.queries, *(file for files in self.files.qrels.values() for file in files)]

    def judged_fingerprint(self) -> str:
        """A hash of the queries and judgements."""
        return content_hash([(file.name, hash_once(file)) for file in self.judging()])

    def fingerprint(self) -> str:
        """A hash of all that is read; of files that are too large, of their size."""
        judged = self.judged_fingerprint()
        if self.whole:
            return content_hash([files_hash(self.files.corpus), judged])
        digest = hashlib.sha256(judged.encode())
        most = self.wanted.settings.max_megabytes * 2**20
        tabular = self.place is not None and self.place.is_file()
        for path, name in self._document_files(Tally()):
            try:
                size = path.stat().st_size
                content = hash_once(path) if path.is_file() and (tabular or size <= most) else str(size)
            except OSError as error:
                content = f"error {error.errno}"
            digest.update(f"{name}\0{content}\0".encode())
        return digest.hexdigest()


def open_source(wanted: Wanted, progress: Progress) -> Source:
    """What is meant; a data set elsewhere is downloaded.

    Raises:
        UsageError: the options do not go with it.
        DatasetError: it is nowhere.
    """
    source = _opened(wanted, progress)
    named = (wanted.settings.id_column, wanted.settings.title_column, wanted.settings.text_column)
    tabular = source.place is not None and (is_database(source.place) or is_table_file(source.place))
    if any(named) and not tabular:
        raise UsageError(
            f"{wanted.source} has no columns.",
            hint="--id-column, --title-column and --text-column go with tables.",
        )
    if wanted.query and not (source.place and is_database(source.place)):
        raise UsageError(
            f"{wanted.source} is no database.", hint="--query goes with an SQLite or DuckDB file."
        )
    for file in filter(None, (wanted.queries, *wanted.qrels)):
        need_file(file, DatasetError)
    if wanted.queries:
        source.files.queries = [wanted.queries]
    if wanted.qrels:
        source.files.qrels = splits_of(wanted.qrels, progress.note)
    if source.files.qrels and not source.files.queries:
        raise UsageError(
            "There are judgements, and no queries.", hint="Give both: --queries FILE --qrels FILE."
        )
    return source


def _opened(wanted: Wanted, progress: Progress) -> Source:
    name = wanted.source
    if not name:
        raise UsageError("What is to be imported has an empty name.", hint=KINDS)
    if name.startswith((IRDS, MTEB)):
        place = find_folder(name, data_dir=None, folder=None, progress=progress)
        return Source(_plain(name.partition(":")[2]), wanted, None, _layout(place))
    if name.startswith(HUB):
        files, revision = hub_files(name.removeprefix(HUB), progress)
        return Source(_plain(name.removeprefix(HUB)), wanted, None, files, revision)
    place = user_path(name)
    if place.is_dir():
        files = _layout(place) if is_dataset_folder(place) or (place / QRELS_FOLDER).is_dir() else Files()
        return Source(place.resolve().name, wanted, place, files)
    if not place.is_file():
        known = f" {name} is one of BEIR's names, which need no import." if name in BEIR_NAMES else ""
        what = "is a pipe or a device" if place.exists() else "is not there"
        raise DatasetError(f"{name} {what}.{known}", hint=KINDS)
    if is_database(place) or is_table_file(place):
        return Source(place.name.removesuffix(".gz").rpartition(".")[0], wanted, place)
    return Source(place.stem, wanted, place)


def _layout(folder: Path) -> Files:
    return Files(table_files(folder, CORPUS), table_files(folder, QUERIES), qrels_files(folder))


def _plain(name: str) -> str:
    """The last part of a name, as a folder may be called."""
    return re.sub(r"[^\w.-]", "-", name.rstrip("/").rpartition("/")[2]) or "imported"


def is_table_file(path: Path) -> bool:
    """Whether documents are its rows, by its name."""
    return path.is_file() and path.name.lower().removesuffix(".gz").endswith(TABLES)


def is_database(path: Path) -> bool:
    """Whether a file is SQLite's or DuckDB's, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(16)
    return start.startswith(b"SQLite format 3\0") or start[8:12] == b"DUCK"
