"""From the text of an answer to negatives that can be trusted: parsing, then checks by hand-made rules.

What can be used is kept: one bad negative does not spoil its twin. Whatever is dropped has a
reason, one of `REASONS`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from syneg_cli.data import ENDS, NGRAM, Corpus, Words, folded, length, normalised, says_nothing, units
from syneg_cli.generation.answer_objects import flat_text, read_object
from syneg_cli.llm import OK, TRUNCATED, UNPARSABLE, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


EMPTY = "empty"
MALFORMED = "malformed"
CUT_OFF = "cut off"
COPY = "copy of the positive"
OTHER = "copy of another positive"
TWIN = "copy of its twin"
CONTAINS_QUERY = "contains the query"
TALKS = "talks about being a negative"
LENGTH = "far off the asked length"
IN_CORPUS = "same as a corpus document"
REASONS = (EMPTY, MALFORMED, CUT_OFF, COPY, OTHER, TWIN, CONTAINS_QUERY, TALKS, LENGTH, IN_CORPUS)

COPY_SHARE = 0.3
"""From this share of its five-word runs on, a text is a copy; honest LLM negatives for SciFact reach 0.13."""

TWIN_SHARE = 0.5
LENGTH_FACTOR = 3.0
"""Longer than asked by this factor, or shorter by it, is far off."""

QUERY_WORDS = 4
"""Shorter queries may well stand in any document on their subject."""

QUOTE_WORDS = 6
"""An own query of at least so many words that stands in its document word for word quotes it."""

TALK = re.compile(
    r"\bhard[- ]negatives?\b|\bnegative (?:document|passage|example|sample)s?\b|\bpositive document\b"
    r"|\b(?:user|search|given) query\b|\bthe query\b"
    r"|\bthis (?:document|passage|abstract|article|text) (?:does not|doesn't|is not|isn't) "
    r"(?:relevant|answer|address|support|refute|provide|meant)",
)
"""Of folded text."""

TALK_HINTS = ("negative", "query", "positive document")
OF_ITSELF = tuple(f"this {what}" for what in ("document", "passage", "abstract", "article", "text"))
"""One of all these is in every text that TALK can match: looking for them first is much faster."""

OWN_KEYS = ("document", "title", "plan", "reflection")


@dataclass(frozen=True)
class Draft:
    """One negative as the model wrote it; `problem` is the reason why it cannot be used, or empty."""

    title: str = ""
    text: str = ""
    plan: str = ""
    reflection: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Parsed:
    """An answer taken apart. `error` says what is wrong with it as a whole, for the model to read."""

    drafts: tuple[Draft, ...] = ()
    error: str = ""


def classify(answer: Answer, key: str | None = None) -> str:
    """ "ok" if anything in the answer can be used, else "truncated" or "unparsable".

    Args:
        key: what the object has to hold; by default usable "negatives".
    """
    usable = (
        any(not draft.problem for draft in parse_negatives(answer.text, finish=answer.finish).drafts)
        if key is None
        else key in (read_object(answer.text, key)[0] or {})
    )
    return OK if usable else TRUNCATED if answer.finish == "length" else UNPARSABLE


@lru_cache(maxsize=64)
def parse_negatives(text: str, *, finish: str = "stop") -> Parsed:
    """The negatives of an answer; with `finish` "length" a repaired last one counts as cut off."""
    value, whole = read_object(text)
    if value is None:
        return Parsed(error="The answer holds no JSON object.")
    items = _decoded(value.get("negatives"))
    if not isinstance(items, list) or not items:
        return Parsed(error='The answer\'s JSON object has no list "negatives" with objects in it.')
    drafts = [_draft(item) for item in items]
    if not whole and (finish == "length" or not text.rstrip().rstrip("`").rstrip().endswith("}")):
        drafts[-1] = Draft(problem=CUT_OFF)
    if all(draft.problem for draft in drafts):
        return Parsed(tuple(drafts), error=_why_none(drafts[0], items[0]))
    return Parsed(tuple(drafts))


def _decoded(items: Any) -> Any:
    """The list, also where it was written as JSON within a text."""
    if not isinstance(items, str):
        return items
    inner, _ = read_object(items)
    return (inner or {}).get("negatives")


def _draft(item: Any) -> Draft:
    if not isinstance(item, dict) or (text := flat_text(item.get("document"))) is None:
        return Draft(problem=MALFORMED)
    return Draft(
        title=(flat_text(item.get("title"), " ") or "").strip(),
        text=text.strip(),
        plan=flat_text(item.get("plan")) or "",
        reflection=flat_text(item.get("reflection")) or "",
        extra={key: value for key, value in item.items() if key not in OWN_KEYS},
        problem=EMPTY if says_nothing(text) else "",
    )


def _why_none(draft: Draft, item: Any) -> str:
    """What is wrong with the first negative, for the model to read: it names the key."""
    said = f"No negative can be used: {draft.problem}."
    if draft.problem == EMPTY:
        return f'{said} "document" in the first object of "negatives" is empty.'
    if draft.problem != MALFORMED:
        return said
    if not isinstance(item, dict):
        return f'{said} "negatives" has to hold objects with the key "document".'
    if "document" in item:
        return f'{said} "document" in the first object of "negatives" has to be a text.'
    names = ", ".join(f'"{name[:40]}"' for name in list(item)[:8]) or "none"
    return f'{said} The first object of "negatives" has no key "document"; its keys: {names}.'


class CorpusTexts:
    """Which texts the corpus holds, with and without their titles.

    8 bytes for each, compared by hash after `normalised`.
    """

    def __init__(self, corpus: Corpus) -> None:
        import numpy as np

        hashes = [hash(text) for text in corpus.versions()]
        self._sorted = np.sort(np.array(hashes, dtype=np.int64)).data

    def holds(self, folded: str) -> bool:
        """Whether a document has this text, title included or not; folded as by `normalised`."""
        wanted = hash(folded)
        place = bisect_left(self._sorted, wanted)
        return place < len(self._sorted) and self._sorted[place] == wanted


class Positives:
    """All that is judged relevant to a query: what copies one of the texts is no negative."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [Words(text) for text in texts]
        self._ngrams: dict[int, set[tuple[str, ...]]] = {}

    def copied_by(self, written: Words) -> bool:
        """Whether a text copies one of them; those of all at once settle nearly all cases."""
        n = NGRAM * written.per_word
        grams = written.ngrams(n)
        if grams and len(grams & self._all(n)) < COPY_SHARE * len(grams):
            return False
        return any(written.copies(text, COPY_SHARE) for text in self._texts)

    def _all(self, n: int) -> set[tuple[str, ...]]:
        if n not in self._ngrams:
            self._ngrams[n] = set().union(*(text.ngrams(n) for text in self._texts))
        return self._ngrams[n]


def check_drafts(
    drafts: Sequence[Draft],
    *,
    query: str,
    positive: str,
    words: int | None,
    corpus: CorpusTexts | None,
    others: Positives | None = None,
) -> Iterator[str]:
    """The reason to drop each draft, or an empty string, in order.

    Args:
        positive: title and text of the positive document.
        words: the length that was asked for; None checks no length.
        others: all positives of the query, where there are more than this one.
    """
    model, question = Words(positive), Words(query)
    kept: list[Words] = []
    for draft in drafts:
        written = Words(f"{draft.title} {draft.text}")
        heading = len(units(folded(draft.title)))
        reason = draft.problem or _first_problem(written, model, question, kept)
        if not reason and words and not _is_of_length(draft.text, written, heading, words):
            reason = LENGTH
        if not reason and others is not None and others.copied_by(written):
            reason = OTHER
        if not reason and corpus is not None:
            text = written.folded[len(" ".join(written.words[:heading])) :].lstrip(" ")
            reason = IN_CORPUS if corpus.holds(written.folded) or (draft.title and corpus.holds(text)) else ""
        if not reason:
            kept.append(written)
        yield reason


def talks(folded: str) -> bool:
    hinted = any(hint in folded for hint in TALK_HINTS)
    hinted = hinted or ("this " in folded and any(hint in folded for hint in OF_ITSELF))
    return hinted and TALK.search(folded) is not None


def _first_problem(written: Words, positive: Words, query: Words, kept: Sequence[Words]) -> str:
    if written.copies(positive, COPY_SHARE):
        return COPY
    if any(written.copies(twin, TWIN_SHARE) for twin in kept):
        return TWIN
    if has_words(query, QUERY_WORDS) and query.folded.rstrip(ENDS) in written.folded:
        return CONTAINS_QUERY
    if talks(written.folded) and not talks(positive.folded):
        return TALKS
    return ""


def _is_of_length(text: str, written: Words, heading: int, words: int) -> bool:
    """Whether a text is about as long as asked; `written` has it behind a heading of so many units."""
    found = len(written.words) - heading if text.isascii() else length(text)
    return words / LENGTH_FACTOR <= found <= words * LENGTH_FACTOR


def own_query_problem(text: str, *, document: str, query: str) -> str:
    """Why a text cannot be the own query of a negative for `query`; empty if it can."""
    written = Words(text)
    own = written.folded.strip(f" {ENDS}")
    if says_nothing(own):
        return "empty"
    if own == normalised(query).strip(f" {ENDS}"):
        return "copy of the query"
    quotes = has_words(written, QUOTE_WORDS) and own in normalised(document)
    return "quotes its document" if quotes else ""


def has_words(text: Words, least: int) -> bool:
    """Whether a text has that many words, or the characters that make up as many."""
    return len(text.words) >= least * text.per_word
