"""What a check says of a negative, and what follows from the verdicts of all checks.

A check gives each negative a `Verdict`. What follows from the verdicts (drop, relabel, only
mark) is decided apart from them: a later check adds its verdict to the earlier ones, and two
checks one after the other end where both at once would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from syneg_cli.core import (
    MARK,
    SYNTHETIC,
    MinedNegative,
    Status,
    SynegError,
    SyntheticNegative,
    Verification,
)
from syneg_cli.data import Dataset

Effect = Literal["drop", "relabel", "mark"]
N = TypeVar("N", bound=SyntheticNegative | MinedNegative)
Place = tuple[str, str, "int | None"]
"""(query, document or positive, number): what a negative and its verification have in common."""


LEFT_OUT = "not verified"
"""The reason of what `verify` did not look at, because no mix has a use for so many."""


@dataclass(frozen=True)
class Candidate:
    """A negative as the checks see it: its query, its source, its text, and whom to compare it with."""

    query_id: str
    source: str
    text: str
    """As a language model reads it."""
    full_text: str
    """As a model that scores it does."""
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
    unquoted: bool = False
    """Called relevant, with a quotation that the document does not hold: that is no proof, and is counted."""


@dataclass(frozen=True)
class NoVerdict:
    """A check has no opinion: a judge that gave no usable answer."""

    why: str
    later: bool = False
    """It was asked in vain, and may answer when it is asked again."""


Check = Callable[[Sequence[Candidate]], list[Verdict | NoVerdict]]


def candidate_of(negative: SyntheticNegative | MinedNegative, dataset: Dataset) -> Candidate:
    if isinstance(negative, SyntheticNegative):
        own = (negative.positive_id,)
        return Candidate(
            negative.query_id,
            SYNTHETIC,
            negative.shown,
            negative.full_text,
            own,
            negative.positive_id,
            negative.index,
        )
    passage = dataset.corpus[negative.doc_id]
    known = tuple(sorted(dataset.positives(negative.query_id)))
    return Candidate(
        negative.query_id, negative.miner, passage.shown, passage.full_text, known, negative.doc_id
    )


def source_of(negative: SyntheticNegative | MinedNegative) -> str:
    return SYNTHETIC if isinstance(negative, SyntheticNegative) else negative.miner


def place_of(negative: SyntheticNegative | MinedNegative) -> Place:
    if isinstance(negative, SyntheticNegative):
        return negative.query_id, negative.positive_id, negative.index
    return negative.query_id, negative.doc_id, None


def unverified(negative: N) -> N:
    """The negative as it was made, also where an earlier version wrote verdicts into its file."""
    if negative.status == "positive" or negative.relevant_by:
        return replace(negative, status="ok", reason="", relevant_by=())
    return negative


def verdicts_of(
    names: Iterable[str], check: Callable[[str], Check], candidates: Sequence[Candidate]
) -> dict[str, list[Verdict | NoVerdict]]:
    """Check -> its verdict on each candidate.

    Raises:
        SynegError: a check has none to give on any of them, so that nothing was found out.
    """
    found = {name: check(name)(candidates) for name in dict.fromkeys(names)}
    for name, verdicts in found.items():
        if candidates and not any(isinstance(one, Verdict) for one in verdicts):
            none = [one for one in verdicts if isinstance(one, NoVerdict)]
            hint = "Look at the answers with `syneg cache list`, or choose another model or check."
            if all(one.later for one in none):
                hint = "The same command goes on as soon as some are answered."
            raise SynegError(
                f"{name} gave no usable verdict on any of {len(candidates)} negatives "
                f"({reasons(Counter(one.why for one in none))}). Nothing is written.",
                hint=hint,
            )
    return found


def reasons(whys: Mapping[str, int]) -> str:
    """`3 truncated, 1 declined`, the most frequent first."""
    return ", ".join(f"{count} {why}" for why, count in Counter(whys).most_common())


def settled(
    place: Place,
    verdicts: Mapping[str, Verdict | NoVerdict],
    effect: Effect,
    *,
    all_agree: bool = False,
    earlier: Verification | None = None,
) -> Verification:
    """All that is known of one negative, with what follows if the checks call it relevant.

    Args:
        verdicts: check -> its verdict.
        all_agree: only where every check that has an opinion says so; else one is enough.
        earlier: what other checks found before; a check that ran again counts as it is now.
    """
    scores = {name: s for name, s in (earlier.scores if earlier else {}).items() if name not in verdicts}
    quoted = {name: q for name, q in (earlier.evidence if earlier else {}).items() if name not in verdicts}
    against = [name for name in (earlier.relevant_by if earlier else ()) if name not in verdicts]
    unquoted = [name for name in (earlier.unquoted if earlier else ()) if name not in verdicts]
    for name, verdict in verdicts.items():
        if isinstance(verdict, Verdict):
            scores[name] = verdict.score
            quoted |= {name: verdict.evidence} if verdict.evidence else {}
            against += [name] if verdict.relevant else []
            unquoted += [name] if verdict.unquoted else []
    flagged = bool(against) and (not all_agree or len(against) == len(scores))
    after: dict[Effect, Status] = {"drop": "dropped", "relabel": "positive", "mark": "ok"}
    return Verification(
        *place,
        relevant_by=tuple(sorted(against)),
        scores=dict(sorted(scores.items())),
        evidence=dict(sorted(quoted.items())),
        status=after[effect] if flagged else "ok",
        reason=f"{MARK}{', '.join(sorted(against))}" if flagged else "",
        unquoted=tuple(sorted(unquoted)),
    )


def known_of(negative: SyntheticNegative | MinedNegative) -> Verification | None:
    """What earlier checks found out about a negative, by what it carries itself."""
    if not negative.scores and not negative.relevant_by:
        return None
    return Verification(
        *place_of(negative),
        relevant_by=negative.relevant_by,
        scores=negative.scores,
        evidence={},
        status=negative.status,
        reason=negative.reason,
    )


def settled_all(
    negatives: Iterable[SyntheticNegative | MinedNegative],
    verdicts: Mapping[str, Sequence[Verdict | NoVerdict]],
    effect: Effect,
    *,
    all_agree: bool,
    earlier: Mapping[Place, Verification | None],
) -> list[Verification]:
    """`settled` for each negative.

    Args:
        verdicts: check -> its verdicts, in the order of the negatives.
        earlier: what other checks found before.
    """
    found: list[Verification] = []
    for at, negative in enumerate(negatives):
        place, own = place_of(negative), {name: given[at] for name, given in verdicts.items()}
        found.append(settled(place, own, effect, all_agree=all_agree, earlier=earlier.get(place)))
    return found


def applied(negatives: Iterable[N], verifications: Iterable[Verification]) -> list[N]:
    """The negatives with what was found out about them; what was dropped before stays dropped.

    What `verify` left out of a file that it checked is not drawn.
    """
    found = {(v.query_id, v.doc_id, v.index): v for v in verifications}
    if not found:
        return list(negatives)
    return [_applied(negative, found.get(place_of(negative))) for negative in negatives]


def _applied(negative: N, known: Verification | None) -> N:
    if known is None:
        return replace(negative, status="dropped", reason=LEFT_OUT) if negative.status == "ok" else negative
    scores = {**negative.scores, **known.scores}
    clean = unverified(negative)
    return replace(
        clean, status=known.status, reason=known.reason, scores=scores, relevant_by=known.relevant_by
    )


def first_ranked(negatives: Sequence[N], per_query: int) -> list[N]:
    """The mined negatives of each query with the best ranks, in their order; all synthetic ones."""
    ranks: dict[str, list[int]] = {}
    for negative in negatives:
        if isinstance(negative, MinedNegative):
            ranks.setdefault(negative.query_id, []).append(negative.rank)
    last = {query_id: sorted(every)[:per_query][-1] for query_id, every in ranks.items()}
    return [n for n in negatives if not isinstance(n, MinedNegative) or n.rank <= last[n.query_id]]


@dataclass(frozen=True)
class Checked:
    """One negative of a file that was verified: as the checks see it, and what was found out."""

    candidate: Candidate
    found: Verification
    no_opinion: Mapping[str, str]
    """The checks of this run that gave no usable verdict, and why."""
    checks: tuple[str, ...] = ()
    """The checks of this run."""

    @property
    def found_now(self) -> bool:
        """Whether a check of this run is among those that call it relevant after all."""
        return bool(self.found.reason) and any(name in self.checks for name in self.found.relevant_by)
