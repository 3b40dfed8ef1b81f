"""Texts that stand under several queries: a model that writes the same for all has read no prompt."""

from __future__ import annotations

from collections.abc import Iterable

from syneg_cli.core import SyntheticNegative
from syneg_cli.data import normalised


class SharedTexts:
    """Counts usable negatives whose text stands under another query, too."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str | None, int]] = {}
        """Hash of a text -> (its query, or None where there are several; how often it is there)."""

    def add(self, negatives: Iterable[SyntheticNegative]) -> None:
        for one in negatives:
            if one.status == "ok":
                key = hash(normalised(one.text))
                query, count = self._seen.get(key, (one.query_id, 0))
                self._seen[key] = (query if query == one.query_id else None, count + 1)

    @property
    def count(self) -> int:
        return sum(count for query, count in self._seen.values() if query is None)
