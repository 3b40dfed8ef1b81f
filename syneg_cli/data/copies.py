"""What counts as a copy: the same text, nearly the same words, or many word sequences in common."""

from __future__ import annotations

from functools import cached_property

from syneg_cli.data.units import characters_per_word, folded, terms, units

NGRAM = 5
"""Words in a row; as many characters as make up five words where blanks do not separate words."""


def near_copy(text: str, other: str, threshold: float) -> bool:
    """Whether the two texts' sets of words overlap (Jaccard) by at least the threshold."""
    ours, theirs = vocabulary(text), vocabulary(other)
    smaller, larger = sorted((len(ours), len(theirs)))
    if smaller < threshold * larger:  # the overlap cannot reach it
        return False
    return len(ours & theirs) >= threshold * len(ours | theirs)


def vocabulary(text: str) -> set[str]:
    """The words; pairs of characters where there are no words, since single ones are in every text."""
    seen = folded(text)
    return set(terms(seen) if characters_per_word(seen) > 1 else seen.split())


class Words:
    """A text as the checks see it: its folded units, and the set of their n-grams."""

    def __init__(self, text: str) -> None:
        seen = folded(text)
        self.words = units(seen)
        self.folded = " ".join(self.words)
        self.per_word = characters_per_word(seen)
        self._ngrams: dict[int, frozenset[tuple[str, ...]]] = {}

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    def ngrams(self, n: int) -> frozenset[tuple[str, ...]]:
        if n not in self._ngrams:
            parts = (self.words[start:] for start in range(n))
            self._ngrams[n] = frozenset(zip(*parts, strict=False))
        return self._ngrams[n]

    def copies(self, other: Words, share: float) -> bool:
        """Whether at least `share` of this text's n-grams of five words stand in the other one.

        As many neighbouring words that the other text all has are needed for a shared n-gram;
        counting such places settles nearly all cases without building any n-gram.
        """
        n = NGRAM * self.per_word
        grams = len(self.words) - n + 1
        if grams < 1:
            return self.words == other.words
        known = bytes(map(other.vocabulary.__contains__, self.words))
        if b"\1" * n not in known:
            return False
        places = sum(max(0, len(run) - n + 1) for run in known.split(b"\0"))
        if places < share * grams:
            return False
        return len(self.ngrams(n) & other.ngrams(n)) >= share * len(self.ngrams(n))
