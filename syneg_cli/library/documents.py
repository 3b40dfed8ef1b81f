"""Data sets made of what one has: documents, tables, databases, the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syneg_cli.core import NoProgress, Progress
from syneg_cli.data import (
    DocumentsSettings,
    Imported,
    Importing,
    Wanted,
    carried_out,
    cuts,
    output_of,
    prepared,
)
from syneg_cli.encoding import token_counter
from syneg_cli.library.arguments import need_text, settings_from
from syneg_cli.library.spoken import need_path, step


@step
def import_documents(
    source: str | Path,
    output: str | Path | None = None,
    *,
    query: str | None = None,
    queries: str | Path | None = None,
    qrels: str | Path | Sequence[str | Path] = (),
    backbone: str = "minilm",
    force: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Imported:
    """A folder in BEIR layout of documents; `.path` is where it is, `.tally` what was read and left out.

    Args:
        source: a folder, a file, a table, a database, `hub:OWNER/NAME`, `irds:NAME`
            or `mteb:TASK`.
        output: the folder to write; by default the source's name with `-data`, in the current folder.
        query: of a database, the SELECT whose rows are the documents.
        queries, qrels: judgements to go with them; the name of a file of judgements says its split.
        backbone: whose tokenizer counts.
        force: make it again, even if it is up to date.
        settings: those of [documents]: tokens, overlap, text_column, ...

    Raises:
        UsageError, DatasetError: the source is nowhere, or something is wrong with it; nothing is replaced.
    """
    need_path("source", source)
    need_text("backbone", backbone)
    for name, given in (("output", output), ("queries", queries)):
        if given is not None:
            need_path(name, given)
    judged = [qrels] if isinstance(qrels, (str, Path)) else list(qrels)
    wanted = Wanted(
        str(source),
        settings_from(DocumentsSettings, settings),
        query,
        Path(queries) if queries else None,
        tuple(map(Path, judged)),
    )
    progress, into = progress or NoProgress(), Path(output) if output else None
    opened = prepared(wanted, into, progress)
    counter = token_counter(backbone, progress) if cuts(opened) else None
    return carried_out(Importing(opened, output_of(opened, into), counter), progress, force=force)
