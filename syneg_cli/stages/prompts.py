"""What would be sent for a query, to look at a prompt before anything is paid for."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.core import Pair, UsageError, did_you_mean
from syneg_cli.data import Dataset
from syneg_cli.llm import NoModel
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.project import Resolved
from syneg_cli.stages.session import Session


def rendered_prompt(session: Session, name: str | None, query_id: str | None) -> str:
    """The text of the request for a query's first positive; by default, of the first that is sent.

    Raises:
        UsageError: the data set has no such query, or no document that is relevant to it.
    """
    session = replace(session, resolved=_with_prompt(session.resolved, name))
    dataset = session.dataset()
    pair = _pair(session, dataset, query_id)
    item = Generate(session, dataset).generator(NoModel()).item(0, pair)
    return item.request.messages[0][1]


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


def _with_prompt(resolved: Resolved, name: str | None) -> Resolved:
    if name is None:
        return resolved
    generate = resolved.project.generate.model_copy(update={"prompt": name})
    return replace(resolved, project=resolved.project.model_copy(update={"generate": generate}))
