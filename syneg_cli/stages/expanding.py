"""The LLM-written queries that `eval` puts into the index of documents."""

from __future__ import annotations

import os
from pathlib import Path

from syneg_cli.core import MissingArtifact, counted, instead, read_synthetic_queries
from syneg_cli.data import Dataset
from syneg_cli.evaluation import Expansion
from syneg_cli.stages.session import Session

FEW = 20
"""One document of so many may be without queries, and it is not warned of."""


def written_for(session: Session, dataset: Dataset) -> Path:
    """Where the queries are."""
    return session.workspace(dataset).queries(session.project.queries.name)


def expansion_of(session: Session, dataset: Dataset, share: float) -> Expansion | None:
    """What documents' vectors are expanded with; None where the share is 0.

    Raises:
        MissingArtifact: there are no LLM-written queries, or none that is kept.
        UsageError: as `Expansion.of` does.
    """
    if not share:
        return None
    path, name = written_for(session, dataset), session.project.queries.name
    if not os.path.lexists(path):
        raise MissingArtifact(
            f"There are no LLM-written queries {name!r} for {dataset.name} to expand documents with ({path})."
            f"{instead(path, '--set queries.name=NAME')}",
            hint=session.again("queries"),
        )
    session.tell_of_old_queries(dataset)
    return Expansion.of(read_synthetic_queries(path), dataset, session.project.eval.split, share)


def tell_of(session: Session, dataset: Dataset, expansion: Expansion) -> None:
    """Say how many documents have queries, and which queries were left out."""
    own, every, tell = expansion.documents, len(dataset.corpus), session.progress
    queries = counted(len(expansion.rows), "LLM-written query", "LLM-written queries")
    tell.note(f"eval: {queries} in the vectors of {own} of {counted(every, 'document')}")
    if every - own > every // FEW:
        tell.warn(
            f"{counted(every - own, 'document has', 'documents have')} no LLM-written query, and may be "
            "found less easily for it than the others; `syneg queries --judged` writes for documents with "
            "judged queries, too"
        )
    if expansion.known:
        asked = counted(expansion.known, "LLM-written query is", "LLM-written queries are")
        tell.warn(f"{asked} asked in {session.project.eval.split}, too, and left out of the index")
