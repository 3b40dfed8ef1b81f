"""Texts that are nearly the same: their sets of words overlap (Jaccard) by a threshold or more.

Looking at every pair would take too long for many texts. Two sets that overlap by t share one of
their rarest words: of n words one of the n - ceil(t n) + 1 rarest (prefix filtering, Bayardo et
al., WWW 2007), so only what has such a word in common is compared.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from syneg_cli.data import normalised, vocabulary

Threshold = float | Literal["off"]


class NearCopies:
    """Texts by their ids, to be asked which of them another text copies.

    Args:
        every: all texts that will be added or asked about: they say which words are rare.
        threshold: "off" finds texts that are the same but for case, width and blanks.
    """

    def __init__(self, every: Iterable[str], threshold: Threshold) -> None:
        self.threshold = None if threshold == "off" else float(threshold)
        texts = every if self.threshold is not None else ()
        self._count = Counter(word for text in texts for word in vocabulary(text))
        self._same: defaultdict[str, list[str]] = defaultdict(list)
        self._words: dict[str, set[str]] = {}
        self._by_word: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, key: str, text: str) -> None:
        self._same[normalised(text)].append(key)
        if self.threshold is not None:
            self._words[key] = words = vocabulary(text)
            for word in self._rarest(words):
                self._by_word[word].append(key)

    def copied_by(self, text: str, *, but: str = "") -> str | None:
        """The id of a text that this one copies, the first in order of ids; None if there is none.

        Args:
            but: the id of a text that it may be like.
        """
        found = {key for key in self._same.get(normalised(text), ()) if key != but}
        if self.threshold is not None:
            words = vocabulary(text)
            near = {key for word in self._rarest(words) for key in self._by_word.get(word, ())}
            found |= {key for key in near if key != but and self._overlap(words, self._words[key])}
        return min(found, default=None)

    def _overlap(self, one: set[str], other: set[str]) -> bool:
        return len(one & other) >= (self.threshold or 1.0) * len(one | other)

    def _rarest(self, words: set[str]) -> list[str]:
        ranked = sorted(words, key=lambda word: (self._count[word], word))
        least = math.ceil((self.threshold or 1.0) * len(words) - 1e-9)
        return ranked[: len(words) - least + 1]


def without_twins(texts: Mapping[str, str], threshold: Threshold) -> dict[str, str]:
    """Id -> the id of the text that it copies, for the texts that copy one before them in the mapping."""
    known = NearCopies(texts.values(), threshold)
    twins: dict[str, str] = {}
    for key, text in texts.items():
        if (other := known.copied_by(text)) is not None:
            twins[key] = other
        else:
            known.add(key, text)
    return twins
