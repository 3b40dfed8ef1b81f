"""What would be sent for a query, to look at a prompt before anything is paid for."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.core import Pair, UsageError, did_you_mean
from syneg_cli.data import Dataset
from syneg_cli.generation import NEGATIVES, QUERIES, REWRITES, load_prompt
from syneg_cli.llm import NoModel
from syneg_cli.stages.asks import Asks
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.project import Resolved
from syneg_cli.stages.queries import Queries
from syneg_cli.stages.session import Session


def rendered_prompt(session: Session, name: str | None, query_id: str | None) -> str:
    """The text of the request for a query's first positive; by default, of the first that is sent.

    Raises:
        UsageError: the data set has no such query, or no document that is relevant to it.
    """
    kind = load_prompt(name, session.resolved.folder).kind if name is not None else NEGATIVES
    section, key = {QUERIES: ("queries", "prompt"), REWRITES: ("queries", "rewrite_prompt")}.get(
        kind, ("generate", "prompt")
    )
    session = replace(session, resolved=_with_prompt(session.resolved, name, section, key))
    stage: Asks
    if kind in (QUERIES, REWRITES):
        stage = Queries(session, session.dataset("none"), rewrite=kind == REWRITES)
        pair = _asked(stage, query_id)
    else:
        stage = Generate(session, session.dataset())
        pair = _pair(session, stage.dataset, query_id)
    return stage.generator(NoModel()).item(0, pair).request.messages[0][1]


def _asked(stage: Queries, query_id: str | None) -> Pair:
    """The document, or the training query, that is asked about first.

    Raises:
        UsageError: there is none, or a query is named that is not asked about.
    """
    what = "training query" if stage.rewrite else "document"
    pairs = stage.pairs()
    if query_id is not None and not stage.rewrite:
        raise UsageError(
            "--query-id: this prompt is about a document.", hint="Leave it out: the first is shown."
        )
    found = next((pair for pair in pairs if query_id in (None, pair.query_id)), None)
    if found is None and query_id is not None:
        raise UsageError(
            f"--query-id: {stage.dataset.name} has no training query {query_id!r}."
            f"{did_you_mean(query_id, [pair.query_id for pair in pairs])}"
        )
    if found is None:
        raise UsageError(f"{stage.dataset.name} has no {what} to show the prompt with.")
    return found


def _pair(session: Session, dataset: Dataset, query_id: str | None) -> Pair:
    """A query with its first positive, also where `generate` never asks about it, which is said."""
    splits = sorted(dataset.judgements, key=lambda split: (split != "train", split != "dev"))
    found = ((split, pair) for split in splits for pair in dataset.pairs(split))
    split, pair = next(((s, p) for s, p in found if query_id in (None, p.query_id)), (None, None))
    if pair is None:
        raise _no_pair(dataset, str(query_id))
    if split != "train":
        session.progress.note(
            f"{pair.query_id} is judged in {split} only: `generate` never sends this, it is here to look at"
        )
    return pair


def _no_pair(dataset: Dataset, query_id: str) -> UsageError:
    if query_id in dataset.queries:
        judged = [split for split, qrels in dataset.judgements.items() if query_id in qrels]
        where = f" ({', '.join(judged)} judges it)" if judged else ", and no split judges it"
        return UsageError(
            f"--query-id: {dataset.name} has no document that is relevant to {query_id!r}{where}.",
            hint="A prompt is about a query and a relevant document: choose another query.",
        )
    known = list(dict.fromkeys(q for qrels in dataset.judgements.values() for q in qrels))
    return UsageError(
        f"--query-id: {dataset.name} has no query {query_id!r}.{did_you_mean(query_id, known)}",
        hint=f"Some that it has: {', '.join(known[:5])}.",
    )


def _with_prompt(resolved: Resolved, name: str | None, section: str, key: str) -> Resolved:
    if name is None:
        return resolved
    changed = getattr(resolved.project, section).model_copy(update={key: name})
    return replace(resolved, project=resolved.project.model_copy(update={section: changed}))
