"""Encoders behind an API (`openai:MODEL`, `ollama:MODEL`): asked for what the cache lacks, paid for once.

What comes is on the disk before it counts, request by request, so that a stop loses nothing, and
the same text is not asked for again: for another corpus, query list or check neither. Every
request is claimed in the file of answers first, under the caps of money and calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from syneg_cli.core import NoProgress, Progress, content_hash, locked, world
from syneg_cli.data import Corpus
from syneg_cli.encoding.asking_vectors import Asking, Terms, Texts
from syneg_cli.encoding.prompts import Task
from syneg_cli.encoding.settings import EmbedSettings
from syneg_cli.encoding.text_vectors import dimension_of
from syneg_cli.encoding.vector_store import open_store
from syneg_cli.llm import embedding_endpoint

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
"""Raised when the same answers would give other vectors than an earlier version of this file."""


class Encodes(Protocol):
    """What mining, checking and measuring need of an encoder, wherever it runs."""

    @property
    def precision(self) -> str: ...

    @property
    def similarity(self) -> Literal["cosine", "dot"]: ...

    @property
    def max_length(self) -> int | None:
        """Tokens of a document that are read; None where there is no limit."""
        ...

    def encode_queries(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray: ...

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray: ...

    def encode_corpus(self, corpus: Corpus, progress: Progress | None = None) -> np.ndarray: ...


class ApiEncoder:
    """Encodes queries and passages by an embedding API; vectors are (n, d) float32 of length 1.

    Args:
        name: `openai:MODEL` or `ollama:MODEL`.
        cache: folder of the embedding cache.
    """

    precision = "api"
    similarity: Literal["cosine", "dot"] = "cosine"

    def __init__(self, name: str, settings: EmbedSettings, terms: Terms, cache: Path) -> None:
        self.name, self.settings, self.terms, self.cache = name, settings, terms, cache

    @property
    def max_length(self) -> int:
        return self.settings.max_length

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that changes a text's vector; the prompt is part of the text."""
        endpoint = embedding_endpoint(self.name, self.settings.base_url)
        decides = [self.name, endpoint, self.settings.dimensions, self.settings.max_length, FORMAT]
        return content_hash(["embedding API", *decides])

    def encode_queries(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, d) float32, with the query prompt. Raises as `encode_corpus`."""
        return self._listed("queries", texts, "query", progress)

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, d) float32 of passages, with the passage prompt. Raises as `encode_corpus`."""
        return self._listed("passages", texts, "document", progress)

    def encode_corpus(self, corpus: Corpus, progress: Progress | None = None) -> np.ndarray:
        """(documents, d) float32 in corpus order, memory-mapped; what came is kept, also where it raises.

        Raises:
            BudgetExceeded: the rest could pass a cap.
            LLMError: the server refuses, cannot be reached, or sends what is no vectors.
            UsageError: there is a cap in dollars and no price, or no such key or address.
        """
        return self._stored(corpus.fingerprint, self.of_corpus(corpus), corpus.name, progress)

    def of_corpus(self, corpus: Corpus) -> Texts:
        """What would be sent of a corpus."""
        return Texts(len(corpus), corpus.texts, self._prompt("document"), self.settings.max_length)

    def of_list(self, texts: Sequence[str], task: Task) -> Texts:
        """What would be sent of a list of queries or passages."""

        def get(rows: Sequence[int]) -> list[str]:
            return [texts[row] for row in rows]

        return Texts(len(texts), get, self._prompt(task), self.settings.max_length)

    def _listed(self, label: str, texts: Sequence[str], task: Task, progress: Progress | None) -> np.ndarray:
        listed = list(texts)
        if not listed:
            import numpy as np

            return np.empty((0, dimension_of(self.cache, self.fingerprint) or 0), dtype=np.float32)
        return self._stored(content_hash([label, *listed]), self.of_list(listed, task), label, progress)

    def _prompt(self, task: Task) -> str:
        return self.settings.query_prompt if task == "query" else self.settings.passage_prompt

    def _stored(self, key: str, texts: Texts, label: str, progress: Progress | None) -> np.ndarray:
        """The vectors from the cache, once it has them all. Of several processes, one asks."""
        told, processes = progress or NoProgress(), world()
        asking = Asking(self, content_hash([key, texts.prompt]), texts, label, told)
        if processes.leads:
            lock = content_hash([self.fingerprint, asking.key])[:16]
            with locked(self.terms.locks / f"embed-{lock}.lock", f"vectors of {label}", told):
                asking.fill()
        processes.wait()
        dimension = dimension_of(self.cache, self.fingerprint)
        assert dimension is not None, "the leading process asked for them"
        return open_store(*asking.entry(dimension), check=False).vectors()
