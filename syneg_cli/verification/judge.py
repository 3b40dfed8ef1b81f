"""`judge`: a language model decides by the data set's relevance definition, and quotes its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from syneg_cli.data import Dataset, normalised
from syneg_cli.generation import Prompt, classify, read_object
from syneg_cli.llm import Request, Subject
from syneg_cli.verification.tools import Ask, Tools
from syneg_cli.verification.verdicts import Candidate, Check, Verdict

JUDGE_TOKENS = 600


def make(tools: Tools) -> Check:
    return judge(tools.ask, tools.prompt(), tools.dataset, seed=tools.seed)


def judge(ask: Ask, prompt: Prompt, dataset: Dataset, *, seed: int = 0) -> Check:
    """A check that asks about every negative.

    A "relevant" whose quotation is not in the document is no verdict of relevance: it was made up.
    """

    def check(candidates: Sequence[Candidate]) -> list[Verdict | None]:
        responses = ask(
            len(candidates),
            lambda index: _request(prompt, dataset, candidates[index], seed),
            partial(classify, key="relevant"),
        )
        return [
            read_verdict(response, candidate.text) if response is not None else None
            for response, candidate in zip(responses, candidates, strict=True)
        ]

    return check


def _request(prompt: Prompt, dataset: Dataset, candidate: Candidate, seed: int) -> Request:
    text = prompt.render(
        query=dataset.queries[candidate.query_id].text, document=candidate.text, relevance=dataset.relevance
    )
    return Request(
        subject=Subject(candidate.query_id, candidate.doc_id, prompt.name, candidate.number),
        messages=(("user", text),),
        schema=prompt.schema(),
        temperature=0.0,
        max_tokens=JUDGE_TOKENS,
        seed=seed,
    )


def read_verdict(response: str, document: str) -> Verdict | None:
    value, _ = read_object(response, "relevant")
    said = (value or {}).get("relevant")
    if isinstance(said, str):
        said = {"true": True, "yes": True, "false": False, "no": False}.get(said.strip().lower())
    if not isinstance(said, bool):
        return None
    evidence = str((value or {}).get("evidence") or "").strip()
    if said and not _quoted(evidence, document):
        return Verdict(False, 0.0, f"not in the document: {evidence}" if evidence else "no evidence quoted")
    return Verdict(said, float(said), evidence)


def _quoted(evidence: str, document: str) -> bool:
    """Whether the document holds the quotation, whose parts may be joined by an ellipsis."""
    folded = normalised(document)
    parts = [normalised(part).strip(" .\"'") for part in evidence.replace("…", "...").split("...")]
    return any(parts) and all(part in folded for part in parts)
