"""What a search looks at beside a model's own vectors: LLM-written queries of the documents, and words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Search:
    """`expansion` is the share that LLM-written queries have in their document's vector; `lexical` what
    BM25's best document gets beside its similarity. Where both are 0, a model searches alone.
    """

    expansion: float = 0.0
    lexical: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.expansion or self.lexical)

    def called(self, name: str) -> str:
        """What a system is called, and stored as, that a model searches so."""
        queries = f"+queriesx{self.expansion:g}" if self.expansion else ""
        words = f"+bm25x{self.lexical:g}" if self.lexical else ""
        return f"{name}{queries}{words}"

    @property
    def told(self) -> str:
        """What the ranking owes to it, in sentences; "" where a model searches alone."""
        share = f"LLM-written queries are {self.expansion:g} of their document's vector"
        queries = f"Document expansion: {share}."
        words = f"Hybrid search: similarity + {self.lexical:g} x BM25's score over its best document's."
        return " ".join([queries] * bool(self.expansion) + [words] * bool(self.lexical))

    @property
    def briefly(self) -> str:
        """The same for a headline."""
        queries = f"LLM-written queries in the index, {self.expansion:g}"
        words = f"hybrid search, {self.lexical:g} x BM25"
        return "; ".join([queries] * bool(self.expansion) + [words] * bool(self.lexical))
