"""Checks on negatives, written and mined alike: which of them are relevant after all?

A check gives each negative a `Verdict`. What follows from the verdicts (drop, relabel, only
mark) is decided apart from them, and can be decided again: verifying starts anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from syneg_cli.core.records import SYNTHETIC, MinedNegative, SyntheticNegative
from syneg_cli.data.copies import normalised
from syneg_cli.data.dataset import Dataset
from syneg_cli.generation.answer_checks import classify, read_object
from syneg_cli.llm.base import Request, Subject

if TYPE_CHECKING:
    from syneg_cli.core.progress import Progress
    from syneg_cli.encoding.encoder import Encoder
    from syneg_cli.generation.prompt_files import Prompt
    from syneg_cli.llm.asking import Tick
    from syneg_cli.llm.engine import Engine

Effect = Literal["drop", "relabel", "mark"]
POSITIVE = "positive"
"""The status of a negative that was relabelled."""

PREFIX = "verify: "
N = TypeVar("N", SyntheticNegative, MinedNegative)
JUDGE_TOKENS = 600


@dataclass(frozen=True)
class Candidate:
    """A negative as the checks see it: its query, its source, its text, and whom to compare it with."""

    query_id: str
    source: str
    text: str
    positives: tuple[str, ...]
    """Document ids: the positive it was written for, or all of the query's."""

    doc_id: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Verdict:
    """`score` is the check's own: 1 or 0 for a judge, similarity minus the positive's else."""

    relevant: bool
    score: float
    evidence: str = ""


Check = Callable[[Sequence[Candidate]], list[Verdict | None]]
"""None where a check has no opinion (a judge that gave no usable answer)."""


def candidate_of(negative: SyntheticNegative | MinedNegative, dataset: Dataset) -> Candidate:
    if isinstance(negative, SyntheticNegative):
        own = (negative.positive_id,)
        return Candidate(
            negative.query_id,
            SYNTHETIC,
            shown(negative.title, negative.text),
            own,
            negative.positive_id,
            negative.index,
        )
    passage = dataset.corpus[negative.doc_id]
    known = tuple(sorted(dataset.positives(negative.query_id)))
    return Candidate(
        negative.query_id, negative.miner, shown(passage.title, passage.text), known, negative.doc_id
    )


def shown(title: str, text: str) -> str:
    return f"{title}\n{text}".strip()


def judge(
    engine: Engine, prompt: Prompt, dataset: Dataset, *, seed: int = 0, tick: Tick | None = None
) -> Check:
    """An LLM that decides by the data set's relevance definition, and has to quote its evidence.

    A "relevant" whose quotation is not in the document is no verdict of relevance: it was made up.
    """

    def check(candidates: Sequence[Candidate]) -> list[Verdict | None]:
        from syneg_cli.llm.asking import ask_each

        def make(index: int) -> Request:
            return _judge_request(prompt, dataset, candidates[index], seed)

        responses = ask_each(
            engine, len(candidates), make, classify=partial(classify, key="relevant"), tick=tick
        )
        return [
            read_verdict(response, candidate.text) if response is not None else None
            for response, candidate in zip(responses, candidates, strict=True)
        ]

    return check


def _judge_request(prompt: Prompt, dataset: Dataset, candidate: Candidate, seed: int) -> Request:
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
    value, _ = read_object(response)
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


def margin(
    encoder: Encoder, dataset: Dataset, *, margin: float = 0.05, progress: Progress | None = None
) -> Check:
    """Relevant is what comes closer to the query than `margin` below its positive.

    NV-Retriever's margin filter (arXiv 2407.15831): keep s- <= s+ - m; of several positives the
    lowest counts. Scores are the encoder's inner products of what it embeds.
    """

    def check(candidates: Sequence[Candidate]) -> list[Verdict | None]:
        query_ids = sorted({candidate.query_id for candidate in candidates})
        doc_ids = sorted({doc_id for candidate in candidates for doc_id in candidate.positives})
        queries = encoder.encode_queries([dataset.queries[i].text for i in query_ids], progress)
        positives = encoder.encode_texts([dataset.corpus[i].full_text for i in doc_ids], progress)
        texts = encoder.encode_texts([c.text.replace("\n", " ", 1) for c in candidates], progress)
        query_row = {query_id: row for row, query_id in enumerate(query_ids)}
        doc_row = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        verdicts: list[Verdict | None] = []
        for row, candidate in enumerate(candidates):
            query = queries[query_row[candidate.query_id]]
            lowest = min(float(positives[doc_row[doc_id]] @ query) for doc_id in candidate.positives)
            gap = float(texts[row] @ query) - lowest
            verdicts.append(Verdict(gap > -margin, gap))
        return verdicts

    return check


def cross_encoder(model: str, dataset: Dataset, *, margin: float = 0.0) -> Check:
    """Relevant is what a CrossEncoder scores higher than `margin` below the lowest positive.

    Raises:
        BackboneError: the model cannot be loaded.
    """
    from syneg_cli.encoding.loading import load_cross_encoder

    def check(candidates: Sequence[Candidate]) -> list[Verdict | None]:
        scorer = load_cross_encoder(model)
        known = sorted({(c.query_id, doc_id) for c in candidates for doc_id in c.positives})
        pairs = [(dataset.queries[q].text, dataset.corpus[d].full_text) for q, d in known]
        pairs += [(dataset.queries[c.query_id].text, c.text.replace("\n", " ", 1)) for c in candidates]
        scores = [float(score) for score in scorer.predict(pairs, show_progress_bar=False)]
        of_positive = dict(zip(known, scores[: len(known)], strict=True))
        gaps = [
            score - min(of_positive[candidate.query_id, doc_id] for doc_id in candidate.positives)
            for candidate, score in zip(candidates, scores[len(known) :], strict=True)
        ]
        return [Verdict(gap > -margin, gap) for gap in gaps]

    return check


def unverified(negative: N) -> N:
    """The negative as it was before any verification."""
    if negative.status == POSITIVE or negative.reason.startswith(PREFIX):
        return replace(negative, status="ok", reason="")
    return negative


def judged(
    negative: N, verdicts: Mapping[str, Verdict | None], effect: Effect, *, all_agree: bool = False
) -> N:
    """The negative with its scores, and with what follows if the checks call it relevant.

    Args:
        all_agree: only when every check that has an opinion says so; else one is enough.
    """
    given = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    scores = {**negative.scores, **{name: verdict.score for name, verdict in given.items()}}
    against = [name for name, verdict in given.items() if verdict.relevant]
    flagged = bool(against) and (not all_agree or len(against) == len(given))
    if not flagged:
        return replace(negative, scores=scores)
    reason = f"{PREFIX}relevant by {', '.join(against)}"
    status = {"drop": "dropped", "relabel": POSITIVE, "mark": negative.status}[effect]
    return replace(negative, scores=scores, status=status, reason=reason)
