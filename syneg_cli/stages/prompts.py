"""What would be sent for a query, to look at a prompt before anything is paid for."""

from __future__ import annotations

from dataclasses import replace

from syneg_cli.core import UsageError, did_you_mean
from syneg_cli.llm import NoModel
from syneg_cli.stages.generate import Generate
from syneg_cli.stages.project import Resolved
from syneg_cli.stages.session import Session


def rendered_prompt(session: Session, name: str | None, query_id: str | None) -> str:
    """The text of the request for a query's first training positive.

    Raises:
        UsageError: the data set has no such training query.
    """
    session = replace(session, resolved=_with_prompt(session.resolved, name))
    dataset = session.dataset()
    pairs = [p for split in ("train", "dev") if split in dataset.judgements for p in dataset.pairs(split)]
    pair = next((p for p in pairs if query_id in (None, p.query_id)), None)
    if pair is None:
        known = [p.query_id for p in pairs]
        raise UsageError(
            f"--query-id: {dataset.name} has no training query {query_id!r}."
            + did_you_mean(str(query_id), known),
            hint=f"Some that it has: {', '.join(known[:5])}.",
        )
    item = Generate(session, dataset).generator(NoModel()).item(0, pair)
    return item.request.messages[0][1]


def _with_prompt(resolved: Resolved, name: str | None) -> Resolved:
    if name is None:
        return resolved
    generate = resolved.project.generate.model_copy(update={"prompt": name})
    return replace(resolved, project=resolved.project.model_copy(update={"generate": generate}))
