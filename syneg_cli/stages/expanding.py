"""The queries that `eval` puts into the index of documents."""

from __future__ import annotations

import os
from pathlib import Path

from syneg_cli.core import MissingArtifact, UsageError, counted, instead, read_synthetic_queries
from syneg_cli.data import Dataset
from syneg_cli.evaluation import NO_SHARE, Expansion, Search, judged_pairs
from syneg_cli.stages.session import Session

FEW = 20
"""One document of so many may be without queries, and it is not warned of."""


def written_for(session: Session, dataset: Dataset) -> Path:
    """Where the LLM-written queries are."""
    return session.workspace(dataset).queries(session.project.queries.name)


def need_share(session: Session) -> None:
    """Raises UsageError where a command line says which queries are in the index, and none are."""
    if session.named("eval.expansion_from") and not session.project.eval.expansion:
        raise UsageError(
            NO_SHARE,
            hint="Give it, too: --expansion 0.5, or --set eval.expansion=0.5.",
        )


def expansion_of(session: Session, dataset: Dataset, search: Search) -> Expansion | None:
    """What documents' vectors are expanded with; None where the share is 0.

    Raises:
        MissingArtifact: there are no LLM-written queries, or none that is kept.
        UsageError: as `Expansion.of` does.
    """
    if not search.expansion:
        return None
    split, how = session.project.eval.split, (search.expansion, search.expansion_from)
    if not search.reads_written:
        return Expansion.of((), dataset, split, *how)
    path, name = written_for(session, dataset), session.project.queries.name
    if not os.path.lexists(path):
        raise MissingArtifact(
            f"There are no LLM-written queries {name!r} for {dataset.name} to expand documents with ({path})."
            f"{instead(path, '--set queries.name=NAME')}",
            hint=session.again("queries"),
        )
    session.tell_of_old_queries(dataset)
    return Expansion.of(read_synthetic_queries(path), dataset, split, *how)


def tell_of(session: Session, dataset: Dataset, expansion: Expansion) -> None:
    """Say how many documents have queries, and which queries were left out."""
    own, every, tell = expansion.documents, len(dataset.corpus), session.progress
    judged = counted(expansion.judged, "judged training query", "judged training queries")
    written = counted(len(expansion.rows) - expansion.judged, "LLM-written query", "LLM-written queries")
    queries = {"judged": judged, "written": written, "both": f"{judged} and {written}"}[expansion.source]
    tell.note(f"eval: {queries} in the vectors of {own} of {counted(every, 'document')}")
    split = session.project.eval.split
    if expansion.source != "judged" and every - own > every // FEW:
        what = "LLM-written query" if expansion.source == "written" else "query"
        none = counted(every - own, "document has", "documents have")
        said = f"{none} no {what}, and may be found less easily for it than the others"
        tell.warn(f"{said}; {_for_the_rest(dataset, expansion, split)}")
    if expansion.known:
        kind = {"written": "LLM-written ", "judged": "judged "}.get(expansion.source, "")
        asked = counted(expansion.known, f"{kind}query is", f"{kind}queries are")
        tell.warn(f"{asked} asked in {split}, too, and left out of the index")


def _for_the_rest(dataset: Dataset, expansion: Expansion, split: str) -> str:
    """What gives queries to the documents that have none."""
    asked_for = {dataset.corpus.row(pair.doc_id) for pair in judged_pairs(dataset, split)[0]}
    some = len(asked_for - set(expansion.rows))
    if expansion.source == "both" or not some:
        return "`syneg queries` writes for them"
    return (
        f"people's training queries ask for {some} of them: --expansion-from both puts these into the index, "
        "and `syneg queries --judged` writes for such documents, too"
    )
