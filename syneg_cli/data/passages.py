"""Which passages are of one document: their ids say so, `guide.md#3` and `guide.md#4`.

So `syneg import` writes them, and so are the segments of MS MARCO's second document collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MARK = "#"
"""Between a document's id and the number of its passage."""

LONGEST = 18
"""Digits of such a number: more are no place in a document, but a hash or a time."""


def document_of(doc_id: str) -> tuple[str, int] | None:
    """(document, number) of a passage; None for a document that was not cut."""
    document, _, number = doc_id.rpartition(MARK)
    counts = number.isascii() and number.isdigit() and len(number) <= LONGEST
    return (document, int(number)) if document and counts else None


def beside(doc_id: str) -> Iterator[str]:
    """The ids that the passages before and after one would have, also with as many digits (`#009`)."""
    if (place := document_of(doc_id)) is not None:
        document, number = place
        others = [other for other in (number - 1, number + 1) if other >= 0]
        for digits in sorted({1, len(doc_id.rpartition(MARK)[2])}):
            yield from (f"{document}{MARK}{other:0{digits}}" for other in others)


def by_document(doc_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Document -> the ids of its passages, for documents of several."""
    found: dict[str, list[str]] = {}
    for doc_id in doc_ids:
        if (place := document_of(doc_id)) is not None:
            found.setdefault(place[0], []).append(doc_id)
    return {document: frozenset(ids) for document, ids in found.items() if len(ids) > 1}
