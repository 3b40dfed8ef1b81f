"""Which written queries are kept. Every other one has a reason, and nothing depends on an order.

First a query by itself, then against all real queries of whatever split, then whether it finds its
document again, and at last against the others that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from syneg_cli.core import NoProgress, Progress, SyntheticQuery, UsageError, counted
from syneg_cli.data import Dataset, normalised
from syneg_cli.generation import COPIED, SAME, QuerySettings, bare, copied_share, text_problem
from syneg_cli.mining import Setup
from syneg_cli.round_trip.near_copies import NearCopies, without_twins
from syneg_cli.round_trip.search import DEPTH, Found, asked_of, cross_encoder_ranks, search, top_of
from syneg_cli.verification import Candidate, Check, NoVerdict, Verdict

REAL = "near copy of a real query"
TWIN = "near copy of another written query"
LOST = "its document is not found again"
NOT_RELEVANT = "its document is not relevant, says the judge"
NO_VERDICT = "no usable verdict of the judge"
NO_ANSWER = "the judge has not answered yet"


@dataclass(frozen=True)
class CheckTools:
    """What the checks need. Models are loaded by what needs them.

    Args:
        setup: data set -> what retrievers are made from.
        judge: data set -> the judge, for `check = "judge"`.
        retrievers: "bm25", "dense" or both.
    """

    setup: Callable[[Dataset], Setup]
    judge: Callable[[Dataset], Check]
    retrievers: Sequence[str] = ("bm25", "dense")
    cross_encoder: str | None = None
    progress: Progress = field(default_factory=NoProgress)


def check_queries(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings, tools: CheckTools
) -> list[SyntheticQuery]:
    """All queries in the order they were given, with status, reason and scores; dropped ones stay dropped.

    Args:
        dataset: with the real queries of all splits.

    Raises:
        UsageError: a cross-encoder is to check, and none is named.
        BudgetExceeded: a cap is reached before the judge has looked at all.
    """
    need_scorer(settings, tools.cross_encoder)
    round_trip = partial(_round_trip, tools=tools)
    state = dict(enumerate(queries))
    for step in (_by_themselves, _against_real, round_trip, _against_each_other):
        kept = {place: query for place, query in state.items() if query.status == "ok"}
        checked = step(list(kept.values()), dataset, settings)
        state |= dict(zip(kept, checked, strict=True))
    return list(state.values())


def need_scorer(settings: QuerySettings, cross_encoder: str | None) -> None:
    """Raises UsageError where a cross-encoder is to check, and none is named."""
    if settings.check == "cross-encoder" and not cross_encoder:
        raise UsageError(
            "--check cross-encoder needs a model.",
            hint="Add `--set verify.cross_encoder=cross-encoder/ms-marco-MiniLM-L6-v2`.",
        )


def worth_checking(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings
) -> list[SyntheticQuery]:
    """Those that neither their text nor a real query rules out: the round trip is made for these alone."""
    kept = [query for query in queries if query.status == "ok"]
    for step in (_by_themselves, _against_real):
        kept = [query for query in step(kept, dataset, settings) if query.status == "ok"]
    return kept


def _dropped(query: SyntheticQuery, reason: str) -> SyntheticQuery:
    return replace(query, status="dropped", reason=reason) if reason else query


def _by_themselves(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings
) -> list[SyntheticQuery]:
    """What a text alone shows: empty, too long, no query, a mention of its document, a copy of its words."""
    documents: dict[str, str] = {}
    checked = []
    for query in queries:
        document = documents.get(query.doc_id) or dataset.corpus[query.doc_id].full_text
        documents = {query.doc_id: document}  # the queries of a document come one after the other
        reason = text_problem(query.text, document=document, most=settings.max_words)
        if not reason and query.rewrites:
            reason = SAME * (normalised(query.text) == normalised(dataset.queries[query.rewrites].text))
        elif not reason:
            share = copied_share(bare(query.text), bare(document))
            query = replace(query, scores={**query.scores, "copied": round(share, 4)})
            if settings.max_copied != "off" and share >= settings.max_copied:
                reason = COPIED
        checked.append(_dropped(query, reason))
    return checked


def _against_real(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings
) -> list[SyntheticQuery]:
    """A query that is nearly one of dev or test would be measured by; one of train teaches nothing new."""
    real = {key: query.text for key, query in dataset.queries.items() if key not in dataset.synthetic}
    known = NearCopies([*real.values(), *(query.text for query in queries)], settings.near_copies)
    for key, text in real.items():
        known.add(key, text)
    return [
        _dropped(query, REAL * (known.copied_by(query.text, but=query.rewrites) is not None))
        for query in queries
    ]


def _against_each_other(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings
) -> list[SyntheticQuery]:
    """Of several that are nearly the same the one with the smallest number stays, then by its id.

    Rewordings are like one another by what they are: of them only the same text is one too many.
    """
    ordered = sorted(queries, key=lambda query: (query.index, query.id))
    threshold = "off" if any(query.rewrites for query in queries) else settings.near_copies
    twins = without_twins({query.id: query.text for query in ordered}, threshold)
    return [_dropped(query, TWIN * (query.id in twins)) for query in queries]


def _round_trip(
    queries: Sequence[SyntheticQuery], dataset: Dataset, settings: QuerySettings, tools: CheckTools
) -> list[SyntheticQuery]:
    """Whether each query finds its document. Rewordings have their judgements by definition."""
    if settings.check == "none" or not queries or queries[0].rewrites:
        return list(queries)
    _tell_of_few(dataset, settings, tools.progress)
    depth = max(DEPTH, top_of(settings), settings.judge_pool)
    if settings.check == "judge" and not settings.judge_pool:
        return _judged(queries, dataset, tools.judge(asked_of(dataset, queries)))
    found = search(dataset, queries, tools.retrievers, tools.setup, depth=depth, progress=tools.progress)
    ranked = [_with_ranks(query, one) for query, one in zip(queries, found, strict=True)]
    if settings.check == "judge":
        judge = tools.judge(asked_of(dataset, queries))
        return _with_more(_judged(ranked, dataset, judge), found, dataset, judge, settings.judge_pool)
    ranks = [one.rank for one in found]
    if settings.check == "cross-encoder":
        model = str(tools.cross_encoder)
        ranks = cross_encoder_ranks(dataset, ranked, found, model, tools.progress)
        ranked = [
            replace(query, scores={**query.scores, "cross-encoder": float(rank)})
            for query, rank in zip(ranked, ranks, strict=True)
        ]
    top = top_of(settings)
    return [_dropped(query, LOST * (not 0 < rank <= top)) for query, rank in zip(ranked, ranks, strict=True)]


def _tell_of_few(dataset: Dataset, settings: QuerySettings, progress: Progress) -> None:
    """Says where a round trip is none: every document of so small a corpus is among the first."""
    documents, top = len(dataset.corpus), top_of(settings)
    if settings.check != "judge" and documents <= top:
        progress.warn(
            f"the round trip tells little: a query may find its document among the first {top}, and there "
            f"are {counted(documents, 'document')} in all; a smaller --top asks for more"
        )


def _with_ranks(query: SyntheticQuery, found: Found) -> SyntheticQuery:
    """With the rank of its document in its scores, where it has one."""
    ranks = {"rank": found.rank} | (found.ranks if len(found.ranks) > 1 else {})
    return replace(
        query, scores={**query.scores, **{name: float(rank) for name, rank in ranks.items() if rank}}
    )


def _judged(queries: Sequence[SyntheticQuery], dataset: Dataset, judge: Check) -> list[SyntheticQuery]:
    verdicts = judge([candidate_for(query, query.doc_id, dataset) for query in queries])
    checked = []
    for query, verdict in zip(queries, verdicts, strict=True):
        if isinstance(verdict, NoVerdict):
            checked.append(_dropped(query, NO_ANSWER if verdict.later else NO_VERDICT))
            continue
        scored = replace(query, scores={**query.scores, "judge": verdict.score})
        checked.append(_dropped(scored, NOT_RELEVANT * (not verdict.relevant)))
    return checked


def _with_more(
    queries: Sequence[SyntheticQuery],
    found: Sequence[Found],
    dataset: Dataset,
    judge: Check,
    pool: int,
) -> list[SyntheticQuery]:
    """With the other documents among the first that the judge finds relevant, too."""
    asked = []
    for place, (query, one) in enumerate(zip(queries, found, strict=True)):
        if query.status != "ok":
            continue
        own = dataset.corpus.identical(query.doc_id)
        others = [dataset.corpus.ids[row] for row in one.rows[:pool]]
        asked += [(place, doc_id) for doc_id in others if doc_id not in own]
    verdicts = judge([candidate_for(queries[place], doc_id, dataset) for place, doc_id in asked])
    more: dict[int, list[str]] = {}
    for (place, doc_id), verdict in zip(asked, verdicts, strict=True):
        if isinstance(verdict, Verdict) and verdict.relevant:
            more.setdefault(place, []).append(doc_id)
    return [replace(query, also_relevant=tuple(more.get(place, ()))) for place, query in enumerate(queries)]


def candidate_for(query: SyntheticQuery, doc_id: str, dataset: Dataset) -> Candidate:
    """What a judge is shown: a written query, and its document or another."""
    passage = dataset.corpus[doc_id]
    return Candidate(query.id, "synthetic query", passage.shown, passage.full_text, (query.doc_id,), doc_id)
