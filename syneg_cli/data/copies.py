"""What counts as a copy: the same text, nearly the same words, or many word sequences in common."""

from __future__ import annotations

from functools import cached_property

NGRAM = 5
RUN = b"\1" * NGRAM


def normalised(text: str) -> str:
    """Case and white space folded: two texts that are equal so count as identical."""
    return " ".join(text.casefold().split())


def near_copy(text: str, other: str, threshold: float) -> bool:
    """Whether the two texts' sets of words overlap (Jaccard) by at least the threshold."""
    ours, theirs = set(text.casefold().split()), set(other.casefold().split())
    smaller, larger = sorted((len(ours), len(theirs)))
    if smaller < threshold * larger:  # the overlap cannot reach it
        return False
    return len(ours & theirs) >= threshold * len(ours | theirs)


class Words:
    """A text as the checks see it: folded words, and the set of its word 5-grams."""

    def __init__(self, text: str) -> None:
        self.words = text.casefold().split()
        self.folded = " ".join(self.words)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def ngrams(self) -> frozenset[tuple[str, ...]]:
        words = self.words
        return frozenset(zip(*(words[start:] for start in range(NGRAM)), strict=False))

    def copies(self, other: Words, share: float) -> bool:
        """Whether at least `share` of this text's 5-grams stand in the other one.

        Five neighbouring words that the other text all has are needed for a shared 5-gram;
        counting such places settles nearly all cases without building any 5-gram.
        """
        grams = len(self.words) - NGRAM + 1
        if grams < 1:
            return self.words == other.words
        known = bytes(map(other.vocabulary.__contains__, self.words))
        if RUN not in known:
            return False
        places = sum(max(0, len(run) - NGRAM + 1) for run in known.split(b"\0"))
        if places < share * grams:
            return False
        return len(self.ngrams & other.ngrams) >= share * len(self.ngrams)
