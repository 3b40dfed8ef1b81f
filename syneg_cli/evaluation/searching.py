"""What a search looks at beside a model's own vectors: queries in the index of documents, and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Source = Literal["written", "judged", "both"]
"""The queries that documents are expanded with: LLM-written ones, those of people that train judges, or
both, a document with judged ones having no others."""

TOLD: Mapping[Source, str] = {
    "written": "LLM-written queries",
    "judged": "judged training queries",
    "both": "judged training queries, and LLM-written ones of the other documents,",
}
NO_SHARE = "expansion_from says which queries have a share in documents' vectors, and the share is 0."
CALLED: Mapping[Source, str] = {"written": "queries", "judged": "judged", "both": "both"}


@dataclass(frozen=True)
class Search:
    """`expansion` is the share that queries have in their document's vector, and `expansion_from` which
    queries; `lexical` what BM25's best document gets beside its similarity. Where both are 0, a model
    searches alone.
    """

    expansion: float = 0.0
    lexical: float = 0.0
    expansion_from: Source = "written"

    def __bool__(self) -> bool:
        return bool(self.expansion or self.lexical)

    @property
    def knows_judged(self) -> bool:
        """Whether judged training queries are to be in the index, so that it knows their documents."""
        return bool(self.expansion) and self.expansion_from != "written"

    @property
    def reads_written(self) -> bool:
        """Whether LLM-written queries are to be in the index."""
        return bool(self.expansion) and self.expansion_from != "judged"

    def called(self, name: str) -> str:
        """What a system is called, and stored as, that a model searches so."""
        queries = f"+{CALLED[self.expansion_from]}x{self.expansion:g}" if self.expansion else ""
        words = f"+bm25x{self.lexical:g}" if self.lexical else ""
        return f"{name}{queries}{words}"

    @property
    def told(self) -> str:
        """What the ranking owes to it, in sentences; "" where a model searches alone."""
        share = f"{TOLD[self.expansion_from]} are {self.expansion:g} of their document's vector"
        queries = f"Document expansion: {share}."
        words = f"Hybrid search: similarity + {self.lexical:g} x BM25's score over its best document's."
        return " ".join([queries] * bool(self.expansion) + [words] * bool(self.lexical))

    @property
    def briefly(self) -> str:
        """The same for a headline."""
        queries = f"{TOLD[self.expansion_from]} in the index, {self.expansion:g}"
        words = f"hybrid search, {self.lexical:g} x BM25"
        return "; ".join([queries] * bool(self.expansion) + [words] * bool(self.lexical))
