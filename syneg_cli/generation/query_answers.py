"""From the text of an answer to queries: parsing, and what a written query may not be.

`QUERY_REASONS` are the reasons that a text alone can be dropped for; what depends on other queries
and on the corpus is in the package `round_trip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from syneg_cli.data import ENDS, NGRAM, Words, folded, normalised, says_nothing
from syneg_cli.generation.answer_checks import CUT_OFF, EMPTY, MALFORMED, has_words
from syneg_cli.generation.answer_objects import flat_text, read_object
from syneg_cli.llm import OK, TRUNCATED, UNPARSABLE, Answer

LONG = "too long"
MENTION = "speaks of its document"
NO_QUERY = "not a query"
COPIED = "copies its document"
TOO_MANY = "more than asked for"
NOT_ASKED = "of a kind not asked for"
SAME = "same as its query"
QUERY_REASONS = (EMPTY, MALFORMED, CUT_OFF, TOO_MANY, NOT_ASKED, LONG, MENTION, NO_QUERY, COPIED, SAME)

KINDS = ("paraphrase", "keywords", "negation")
"""Of a rewording."""

SPOKEN_OF = re.compile(
    r"\b(?:this|the above|the given|the provided|the following|the present)"
    r" (?:document|passage|abstract|article|excerpt|study|paper|text|report|page)\b"
    r"|\b(?:the|these) (?:authors?|study|studies|paper|text) (?:shows?|showed|finds?|found|reports?"
    r"|reported|says?|said|states?|stated|concludes?|concluded|describes?|described|discuss(?:es|ed)?"
    r"|suggests?|suggested|mentions?|mentioned|examines?|examined|investigates?|investigated)\b"
    r"|\b(?:do|does|did) the (?:authors?|study|paper|text)\b"
    r"|\baccording to the (?:authors?|study|paper|text|document|passage|abstract|article)\b"
    r"|\bin (?:diesem|dem vorliegenden) (?:dokument|text|artikel|abschnitt)\b"
    r"|\b(?:dieser artikel|diese studie)\b"
    r"|\b(?:ce|cet) (?:document|texte|article|passage)\b|\bcette étude\b"
    r"|\beste (?:documento|texto|artículo|pasaje|estudio)\b"
    r"|(?:この|本|上記の)(?:文書|文章|論文|研究|記事)|(?:该|这篇|這篇|上述)(?:文档|文章|论文|研究|文檔|論文)"
)
"""Of folded text. A query that speaks of its document is none that anybody types."""

DOCUMENT = re.compile(r"\bthe (document|passage|abstract|article|excerpt)\b(?! \d)")
"""As that, unless the document is about such a thing: how to upload the document."""

TALK_OF_MODELS = re.compile(
    r"^(?:here (?:is|are)|sure\b|certainly\b|as an ai\b|i(?:'m| am) sorry|i can(?:not|'t)|i could not"
    r"|(?:search )?query \d+:|(?:n/?a|none|null|no quer(?:y|ies))\W*$)|[{}]|\"quer(?:y|ies)\""
)


@dataclass(frozen=True)
class QueryDraft:
    """One query as the model wrote it; `problem` says why it cannot be used. `kind`: of a rewording."""

    text: str = ""
    kind: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ParsedQueries:
    """An answer taken apart. No draft and no error: nobody would look for the document."""

    drafts: tuple[QueryDraft, ...] = ()
    error: str = ""

    @property
    def usable(self) -> bool:
        return not self.error and (not self.drafts or any(not draft.problem for draft in self.drafts))


@lru_cache(maxsize=64)
def parse_queries(text: str, key: str = "queries", *, finish: str = "stop") -> ParsedQueries:
    """The queries of an answer; with `finish` "length" a repaired last one counts as cut off.

    Args:
        key: of the list: "queries" or "rewrites".
    """
    value, whole = read_object(text, key)
    if value is None:
        return ParsedQueries(error="The answer holds no JSON object.")
    items = _items(value, key)
    if items is None:
        return ParsedQueries(error=f'The answer\'s JSON object has no list "{key}".')
    drafts = [_draft(item) for item in items]
    if drafts and not whole and (finish == "length" or not text.rstrip().rstrip("`").rstrip().endswith("}")):
        drafts[-1] = QueryDraft(problem=CUT_OFF)
    if drafts and all(draft.problem for draft in drafts):
        return ParsedQueries(tuple(drafts), error=f'No element of "{key}" holds a query.')
    return ParsedQueries(tuple(drafts))


def classify_queries(answer: Answer, key: str = "queries") -> str:
    """ "ok" if the answer holds a query, or says that there is none; else "truncated" or "unparsable"."""
    if parse_queries(answer.text, key, finish=answer.finish).usable:
        return OK
    return TRUNCATED if answer.finish == "length" else UNPARSABLE


def _items(value: dict[str, Any], key: str) -> list[Any] | None:
    """The list, also where it was written as a text, as an object, or as a single query."""
    found = value.get(key, value.get("query"))
    if isinstance(found, str):
        inner = (read_object(found, key)[0] or {}).get(key) if "[" in found else None
        return inner if isinstance(inner, list) else [found]
    if isinstance(found, dict):
        return [found] if "query" in found else list(found.values())
    return found if isinstance(found, list) else None


def _draft(item: Any) -> QueryDraft:
    kind = str(item.get("kind") or "").strip().lower() if isinstance(item, dict) else ""
    text = flat_text(item.get("query") if isinstance(item, dict) else item, " ")
    if text is None or isinstance(item, list):
        return QueryDraft(kind=kind, problem=MALFORMED)
    shown = " ".join(text.split())
    return QueryDraft(shown, kind, EMPTY if says_nothing(shown) else "")


def text_problem(text: str, *, document: str, most: int) -> str:
    """Why a text is no query to `document`, by itself; empty if it can be one.

    Args:
        document: title and text; "" for a rewording, which is of no document.
        most: the longest query, in words.
    """
    seen = folded(text)
    if says_nothing(text):
        return EMPTY
    if has_words(Words(text), most + 1):
        return LONG
    if TALK_OF_MODELS.search(seen):
        return NO_QUERY
    named = DOCUMENT.search(seen)
    if SPOKEN_OF.search(seen) or (named and named[1] not in normalised(document)):
        return MENTION
    return ""


def bare(text: str) -> Words:
    """A text without the punctuation at the ends of its words, to look for runs of words in."""
    return Words(" ".join(word.strip(f"{ENDS},;:()") for word in Words(text).words))


def copied_share(query: Words, document: Words) -> float:
    """The share of a query's words that stand in its document in runs of five words and more.

    Names and single terms are in it whatever it says, so short runs do not count, and a query of
    fewer words copies nothing.

    Args:
        query, document: as `bare` gives them.
    """
    n = NGRAM * query.per_word
    theirs, words = document.ngrams(n), query.words
    covered: set[int] = set()
    for start in range(len(words) - n + 1):
        if tuple(words[start : start + n]) in theirs:
            covered.update(range(start, start + n))
    return len(covered) / max(1, len(words))
