"""Documents and judgements written as a folder in BEIR layout, document by document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syneg_cli.core import DatasetError, Progress, counted, install, write_jsonl
from syneg_cli.data.beir_files import write_queries
from syneg_cli.data.imports.cutting import Cut, Cutter
from syneg_cli.data.imports.judgements import queries_of, write_judgements
from syneg_cli.data.imports.sources import Source
from syneg_cli.data.imports.tally import Tally
from syneg_cli.data.imports.text import Document
from syneg_cli.data.layout import CORPUS_FILE
from syneg_cli.data.units import normalised


def make_folder(
    source: Source, folder: Path, cutter: Cutter | None, tally: Tally, progress: Progress
) -> None:
    """Write corpus.jsonl, and queries.jsonl and qrels/ where there are judgements.

    In memory at one time: a document, a hash and an id of every passage, and the judgements.

    Args:
        cutter: None where documents stay whole.

    Raises:
        DatasetError: a table or a file of judgements is wrong, or no document is left.
    """
    lines = tally.lines(source.wanted.settings.encoding)
    queries = queries_of(source.files.queries, progress.warn, lines) if source.files.queries else {}
    places: dict[str, tuple[str, ...]] | None = {} if source.files.qrels else None
    with progress.task(f"Reading {source.called}", None, "documents") as advance:
        made = _Passages(cutter, tally, places, merges=not source.whole)
        rows = (row for document in source.documents(tally, progress) for row in made.of(document, advance))
        tally.passages = write_jsonl(folder / CORPUS_FILE, rows)
    if cutter:
        tally.titles_shortened = cutter.shortened
    if not tally.passages:
        raise _nothing(source, tally)
    if queries:
        tally.queries = len(queries)
        write_queries(folder, queries)
    if places is not None:
        spread = source.wanted.settings.judged_passages == "all"
        write_judgements(
            folder, source.files.qrels, queries, places, tally, progress.warn, spread=spread, lines=lines
        )


class _Passages:
    """The lines of a corpus, each text once."""

    def __init__(
        self, cutter: Cutter | None, tally: Tally, places: dict[str, tuple[str, ...]] | None, *, merges: bool
    ) -> None:
        self.cutter, self.tally, self.places, self.merges = cutter, tally, places, merges
        self.first: dict[bytes, str] = {}
        """Hash of a text -> the id that it has."""
        self.numbered: set[str] = set()
        """Ids with the mark of a passage's number: a table may have such ids itself."""

    def of(self, document: Document, advance: Any) -> Iterator[dict[str, Any]]:
        """The lines of a document's passages that are not there yet."""
        cuts = self.cutter.cut(document) if self.cutter else [Cut(document.title, 0, len(document.text))]
        self.tally.read += 1
        self.tally.cut += len(cuts) > 1
        ids = []
        line, before = 1, 0
        for number, cut in enumerate(cuts, start=1):
            passage_id = document.doc_id if len(cuts) == 1 else f"{document.doc_id}#{number}"
            self._need_new(passage_id)
            text = document.text[cut.start : cut.end]
            line, before = line + document.text.count("\n", before, cut.start), cut.start
            first = self._first(document, cut, text, passage_id) if self.merges else passage_id
            ids.append(first)
            if first != passage_id:
                self.tally.merged += 1
                continue
            place = (
                {**document.about, "line": line}
                if "file" in document.about and document.lines
                else document.about
            )
            about = {**place, "passage": number, "passages": len(cuts)} if place else {}
            yield {
                "_id": passage_id,
                "title": cut.title,
                "text": text,
                **({"metadata": about} if about else {}),
            }
        if self.places is not None:
            self.places[document.doc_id] = tuple(ids)
        advance(1)

    def _first(self, document: Document, cut: Cut, text: str, passage_id: str) -> str:
        """The id that a text has already, or this one. A title that is a file's name is no part of it."""
        title = cut.title.removeprefix(document.title) if document.named_by_file else cut.title
        same = f"{normalised(title)}\n{normalised(text)}".encode()
        return self.first.setdefault(hashlib.blake2b(same, digest_size=16).digest(), passage_id)

    def _need_new(self, passage_id: str) -> None:
        if "#" not in passage_id:
            return
        if passage_id in self.numbered:
            raise DatasetError(
                f"{passage_id!r} would be the id of two passages: a document, and a part of another one.",
                hint="Rename that document's id, or keep documents whole with --tokens 0.",
            )
        self.numbered.add(passage_id)


def need_documents(source: Source) -> None:
    """Raises DatasetError where what is to be imported plainly holds no document; no file is opened."""
    tally = Tally()
    if source.none_seem_readable(tally):
        raise _nothing(source, tally)


def _nothing(source: Source, tally: Tally) -> DatasetError:
    """Why no document is left."""
    if not tally.left_out:
        over = (
            f" {counted(tally.passed_over, 'hidden file or folder', 'hidden files or folders')} passed over."
        )
        return DatasetError(
            f"{source.called} holds no documents.{over if tally.passed_over else ''}", hint=KINDS_READ
        )
    first, others = tally.left_out[0], len(tally.left_out) - 1
    more = f" So {'is' if others == 1 else 'are'} {counted(others, 'other')}." if others else ""
    return DatasetError(
        f"No document is left: {first.file} is left out ({first.why}).{more}", hint=KINDS_READ
    )


KINDS_READ = f"Read are .txt and .md, with `{install('syneg[documents]')}` also .html, .pdf, .docx and more."
