"""What a project begins with where there are documents and few judged queries: import, then queries."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from syneg_cli.core import DatasetError, Manifest, UsageError, counted, near, read_manifest
from syneg_cli.data import Dataset, Imported, Wanted, as_before, changed_input, prepared
from syneg_cli.stages.evaluate import measuring
from syneg_cli.stages.expanding import expansion_of, need_share
from syneg_cli.stages.import_documents import carry_out
from syneg_cli.stages.language_model import remembering, remembering_queries
from syneg_cli.stages.queries import Queries
from syneg_cli.stages.session import ELSEWHERE, Session
from syneg_cli.stages.stage import Performed, perform


@dataclass(frozen=True)
class Begun:
    """The session and the data set of the stages that follow, and what was done before them."""

    session: Session
    dataset: Dataset
    done: tuple[Imported | Performed, ...]


def begun(
    session: Session, ended: Callable[[Imported | Performed, Dataset | None], None], *, force: bool = False
) -> Begun:
    """Import the documents that the project names, and have queries written where the settings use them.

    Args:
        ended: called with each stage as it ends, and with the data set where there is one by then.
    """
    need_share(session)
    done: list[Imported | Performed] = []
    if session.documents:
        done.append(carry_out(session, _wanted(session), folder_of(session), force=force))
        ended(done[-1], None)
    plain = session.dataset("none")
    if session.project.eval.expansion and not plain.judgements:
        raise UsageError(
            f"expansion in [eval] is measured with queries of people, and {plain.name} has none: an LLM's "
            "would find themselves in the index.",
            hint="Leave it out (--set eval.expansion=0), or judge some real questions first.",
        )
    if wants_queries(session, plain):
        queries = Queries(remembering_queries(session, plain), plain)
        done.append(perform(queries, force=force))
        ended(done[-1], plain)
        session = replace(session, beside=(queries.job(queries.plan()),))
    session = remembering(session, plain)
    dataset = session.dataset()
    session = measuring(session, dataset)
    dataset.qrels(session.project.eval.split)  # what cannot be measured is said before more is paid for
    expansion_of(session, dataset, session.project.eval.search)
    return Begun(session, dataset, tuple(done))


def folder_of(session: Session) -> Path:
    """Where the documents become a data set: the folder that [dataset] names, beside the project file.

    Raises:
        UsageError: it names none, or what is no folder.
    """
    name = session.need_name()
    if name.startswith(ELSEWHERE):
        raise UsageError(
            f"[documents] source is imported into the folder that [dataset] names, and {name!r} is none.",
            hint='Name a folder, as in name = "my-corpus".',
        )
    return session.resolved.path(name)


def wants_queries(session: Session, dataset: Dataset) -> bool:
    """Whether LLM-written queries are used: where there are none of people, or where a weight is set."""
    return session.query_weight(dataset) > 0


def imported_as(session: Session) -> Manifest | None:
    """The manifest of what [documents] became; None where it is not imported yet."""
    folder = folder_of(session)
    return read_manifest(folder) if folder.is_dir() else None


def _wanted(session: Session) -> Wanted:
    """What the project imports.

    Raises:
        DatasetError: a file of queries or judgements is gone: they are not dropped in silence.
    """
    wanted, folder = _as_made(session, imported_as(session)), near(folder_of(session))
    if gone := _gone(wanted):
        command = f"syneg import {shlex.quote(near(Path(wanted.source)))} --output {shlex.quote(folder)}"
        raise DatasetError(
            f"{near(gone[0])} is gone, and {folder} was imported with the queries and judgements in it.",
            hint=f"Put it back, or say what they are now: `{command} --queries FILE --qrels FILE`.",
        )
    return wanted


def _as_made(session: Session, made: Manifest | None) -> Wanted:
    """What [documents] names, with the queries and judgements that `syneg import` was given for it."""
    return as_before(Wanted(str(session.documents), session.project.documents), made)


def _gone(wanted: Wanted) -> list[Path]:
    """The files of queries and judgements that are not there."""
    return [file for file in (wanted.queries, *wanted.qrels) if file and not file.is_file()]


def import_state(session: Session, manifest: Manifest | None) -> tuple[str, str]:
    """(state, detail) of the import that [documents] asks for; nothing is imported."""
    folder = folder_of(session)
    if manifest is None:
        return "to do", "not there yet"
    wanted = _as_made(session, manifest)
    if gone := _gone(wanted):
        return "stale", f"{gone[0].name} is gone"
    if role := changed_input(prepared(wanted, folder, session.progress), manifest):
        return "stale", f"{role} changed"
    decides = session.project.documents.deciding()
    if changed := [key for key, value in decides.items() if manifest.settings.get(key) != value]:
        return "stale", f"{changed[0]} changed"
    passages = manifest.counts.get("passages")
    return "up to date", counted(passages, "passage") if type(passages) is int else ""


def with_documents(session: Session, source: str, name: str) -> Session:
    """The session of a project that begins with documents.

    Raises:
        UsageError, DatasetError: there is nothing to import, or the folder would not be ours.
    """
    project = session.project
    documents = project.documents.model_copy(update={"source": source})
    dataset = project.dataset.model_copy(update={"name": name})
    project = project.model_copy(update={"documents": documents, "dataset": dataset})
    return replace(session, resolved=replace(session.resolved, project=project))
