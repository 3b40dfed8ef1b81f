"""`syneg import`: what people have, as a folder in BEIR layout; one process at a time for each folder."""

from __future__ import annotations

from pathlib import Path

from syneg_cli.core import Workspace, content_hash, locked, user_path
from syneg_cli.data import Imported, Importing, Wanted, carried_out, cuts, output_of, prepared
from syneg_cli.encoding import token_counter
from syneg_cli.stages.session import Session


def import_documents(
    session: Session,
    source: str,
    output: str | None = None,
    *,
    query: str | None = None,
    queries: str | None = None,
    qrels: tuple[str, ...] = (),
    force: bool = False,
) -> Imported:
    """Make the folder that is asked for, unless it is up to date.

    Args:
        source: a folder, a file, `hub:OWNER/NAME`, `irds:NAME` or `mteb:TASK`.
        query: of a database.

    Raises:
        UsageError, DatasetError: options, source or files are wrong; nothing is replaced.
    """
    files = tuple(user_path(one) for one in qrels)
    asked = user_path(queries) if queries else None
    wanted = Wanted(source, session.project.documents, query, asked, files)
    return carry_out(session, wanted, user_path(output) if output else None, force=force)


def carry_out(session: Session, wanted: Wanted, into: Path | None, *, force: bool = False) -> Imported:
    """Make the folder that is wanted, as `import_documents` does."""
    opened = prepared(wanted, into, session.progress)
    path = output_of(opened, into)
    counter = token_counter(session.project.train.backbone, session.progress) if cuts(opened) else None
    with locked(_lock(session, path), f"import {path.name}", session.progress):
        return carried_out(Importing(opened, path, counter), session.progress, force=force)


def _lock(session: Session, path: Path) -> Path:
    place = content_hash(str(path.resolve()))
    return Workspace(session.work_dir, "").locks / f"import-{path.name[:80]}-{place[:8]}.lock"
