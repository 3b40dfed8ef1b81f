"""The nearest documents by inner product, through FAISS: exact by default, by factory string else.

Exact search reads the (memory-mapped) documents in blocks and holds only the best k of
each query, so memory does not grow with the corpus.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from syneg_cli.core import NoProgress, Progress, UsageError

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 16
"""Documents compared with all queries at a time."""

SPARE = 8
"""Candidates beyond k, so that equal scores at the cut are settled by row."""

RECALL_QUERIES = 200
"""Queries on which an approximate index is compared with exact search."""

TRAINING_ROWS = 1 << 17
"""Documents, evenly spaced, that train an index; FAISS asks for 39 to 256 a centroid."""


class Rows(Protocol):
    """(m, d) float32 vectors that are read in slices: an array, memory-mapped or not, or what makes them."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


def exact(
    queries: np.ndarray,
    documents: Rows,
    k: int,
    *,
    block: int = BLOCK,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k documents with the largest inner product for each query.

    Args:
        queries: (n, d) float32.
        documents: (m, d) float32.

    Returns:
        Scores (n, k) float32 in descending order and rows (n, k) int64, with k cut to m. Equal scores come
        in row order.
    """
    import numpy as np

    k, progress = min(k, len(documents)), progress or NoProgress()
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    scores = np.empty((len(queries), 0), dtype=np.float32)
    rows = np.empty((len(queries), 0), dtype=np.int64)
    with progress.task("Searching", len(documents), "docs") as advance:
        for start in range(0, len(documents), block):
            part = np.ascontiguousarray(documents[start : start + block], dtype=np.float32)
            found, places = _nearest(queries, part, min(k, len(part)))
            scores, rows = _best(
                np.concatenate([scores, found], axis=1), np.concatenate([rows, places + start], axis=1), k
            )
            advance(len(part))
    return scores, rows


class Index:
    """Documents ready to be searched more than once.

    Args:
        documents: (m, d) float32, possibly memory-mapped.
        factory: a FAISS index factory string; "Flat" is exact.
        options: search-time parameters of an approximate index, as in `nprobe=32` or
            `efSearch=128`; by default an IVF index looks into an eighth of its lists.
    """

    def __init__(
        self,
        documents: np.ndarray,
        factory: str = "Flat",
        *,
        options: str = "",
        block: int = BLOCK,
        progress: Progress | None = None,
    ) -> None:
        self.documents = documents
        self.factory = factory
        self.options = options
        self.block = block
        self.recall: float | None = None
        """Share of the exact top k that an approximate index found, once it was searched."""
        self._progress = progress or NoProgress()

    @property
    def recall_note(self) -> str:
        if self.recall is None:
            return ""
        return f"index {self.factory}: recall {self.recall:.3f} of the exact neighbours"

    def search(
        self, queries: np.ndarray, k: int, *, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `exact`; an approximate index may find fewer than k for a query, whose row ends with -1.

        Raises:
            UsageError: FAISS does not know the factory string, or cannot train it on so few documents.
        """
        import numpy as np

        k = min(k, len(self.documents))
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if self.factory == "Flat":
            return exact(queries, self.documents, k, block=self.block, progress=progress)
        scores, rows = self._built.search(queries, k)
        scores, rows = _best(scores, rows.astype(np.int64), k)
        if self.recall is None and len(queries):
            sample = queries[:RECALL_QUERIES]
            nearest = exact(sample, self.documents, k, block=self.block, progress=progress)[1]
            self.recall = overlap(rows[:RECALL_QUERIES], nearest)
        return scores, rows

    @cached_property
    def _built(self) -> Any:
        import faiss
        import numpy as np

        documents = self.documents
        try:
            index = faiss.index_factory(documents.shape[1], self.factory, faiss.METRIC_INNER_PRODUCT)
            step = max(1, len(documents) // TRAINING_ROWS)
            if not index.is_trained:
                index.train(np.ascontiguousarray(documents[::step], dtype=np.float32))
            self._configure(index)
        except RuntimeError as error:
            raise UsageError(
                f"The index {self.factory!r} cannot hold {len(documents)} documents: {_reason(error)}.",
                hint="Use Flat (exact), HNSW32, or IVF with far fewer lists than documents (IVF256,Flat).",
            ) from None
        with self._progress.task(f"Building {self.factory}", len(documents), "docs") as advance:
            for start in range(0, len(documents), self.block):
                part = np.ascontiguousarray(documents[start : start + self.block], dtype=np.float32)
                index.add(part)
                advance(len(part))
        return index

    def _configure(self, index: Any) -> None:
        import faiss

        if self.options:
            parameters: Any = faiss.ParameterSpace()
            parameters.set_index_parameters(index, self.options)
        elif isinstance(lists := faiss.try_extract_index_ivf(index), faiss.IndexIVF):
            lists.nprobe = max(1, lists.nlist // 8)


def similarities(queries: np.ndarray, documents: Rows, *, block: int = BLOCK) -> np.ndarray:
    """(n, d) float32, (m, d), possibly memory-mapped -> all inner products, (n, m) float32."""
    import numpy as np

    found = np.empty((len(queries), len(documents)), dtype=np.float32)
    for start in range(0, len(documents), block):
        part = np.ascontiguousarray(documents[start : start + block], dtype=np.float32)
        np.matmul(queries, part.T, out=found[:, start : start + len(part)])
    return found


def best_rows(scores: np.ndarray, k: int) -> np.ndarray:
    """(m,) -> the rows of the k largest scores, in descending order, ties by row."""
    import numpy as np

    if k <= 0:
        return np.empty(0, dtype=np.int64)
    kept = np.arange(len(scores))
    if k < len(scores):
        kept = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    return kept[np.lexsort((kept, -scores[kept]))[:k]]


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1].split("Error: ")[-1].strip().rstrip(".")


def overlap(found: np.ndarray, exact: np.ndarray) -> float:
    """(n, k), (n, k) -> the mean share of the exact rows that were found."""
    import numpy as np

    shares = [len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, exact, strict=True)]
    return float(np.mean(shares))


def _nearest(queries: np.ndarray, documents: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact top k of one block, ties by row."""
    import faiss
    import numpy as np

    wide = min(k + SPARE, len(documents))
    scores, rows = faiss.knn(queries, documents, wide, metric=faiss.METRIC_INNER_PRODUCT)
    if wide < len(documents):
        # So many equal scores that the spare places did not hold them: look at every document.
        for query in np.flatnonzero(scores[:, k - 1] == scores[:, wide - 1]):
            every = (documents @ queries[query]).astype(np.float32)
            rows[query] = np.lexsort((np.arange(len(every)), -every))[:wide]
            scores[query] = every[rows[query]]
    return _best(scores, rows.astype(np.int64), k)


def _best(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best columns of each row: by score, then by document row."""
    import numpy as np

    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
