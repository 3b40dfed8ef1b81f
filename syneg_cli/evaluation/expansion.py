"""Document expansion: LLM-written queries of a document have a share in its vector.

So a search finds a document by what people might ask of it, too. That is doc2query (Nogueira et al., arXiv
1904.08375) for vectors: the index keeps one for each document, and no model is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import SyntheticQuery, UsageError, content_hash
from syneg_cli.data import Dataset, normalised

if TYPE_CHECKING:
    import numpy as np

    from syneg_cli.encoding import Rows


HALF = 0.5
"""Of a vector: the plain mean of a document's direction and its queries', where nobody chose a share."""


@dataclass(frozen=True)
class Expansion:
    """Queries of documents, in the order of the corpus, and the share that they have in the vectors.

    `rows` holds the corpus row of each query's document, ascending; `known` how many queries were left
    out because they are asked.
    """

    rows: tuple[int, ...]
    texts: tuple[str, ...]
    share: float
    known: int = 0

    @classmethod
    def of(cls, queries: Iterable[SyntheticQuery], dataset: Dataset, split: str, share: float) -> Expansion:
        """Those of the queries that are kept and were written for a document of the corpus.

        One with the text of a query of the split is left out: it would find itself.

        Raises:
            UsageError: an LLM wrote queries of the split; or no query is left.
        """
        corpus, asked = dataset.corpus, dataset.qrels(split).keys()
        if asked & dataset.synthetic:
            raise UsageError(
                f"expansion puts LLM-written queries into the index, and {split} has such ones: they would "
                "find themselves.",
                hint="Measure on queries that people asked, or leave expansion out.",
            )
        fit = [q for q in queries if _is_kept(q) and q.doc_id in corpus]
        same = {normalised(dataset.queries[query_id].text) for query_id in asked}
        unknown = [query for query in fit if normalised(query.text) not in same]
        placed = sorted((corpus.row(query.doc_id), query.index, query.text) for query in unknown)
        if not placed:
            some = f" and not asked in {split}" if fit else ""
            raise UsageError(
                f"No LLM-written query is kept and of a document of {dataset.name}{some}.",
                hint="`syneg queries` writes them; where they have another name, --set queries.name=NAME.",
            )
        rows, texts = tuple(row for row, _, _ in placed), tuple(text for _, _, text in placed)
        return cls(rows, texts, share, len(fit) - len(unknown))

    @property
    def documents(self) -> int:
        """How many have a query."""
        return len(set(self.rows))

    @property
    def hash(self) -> str:
        """Of the queries and their documents."""
        return content_hash([self.rows, self.texts])


def _is_kept(query: SyntheticQuery) -> bool:
    return query.status == "ok" and not query.rewrites and bool(query.text.strip())


def expanded(documents: np.ndarray, queries: np.ndarray, share: float) -> np.ndarray:
    """(n, d), (n, d) -> (n, d): a direction between both, of documents' length.

    |d| u / |u|, with u = (1 - share) d / |d| + share q / |q|. So cosines stay cosines.
    """
    import numpy as np

    length = np.linalg.norm(documents, axis=1, keepdims=True)
    between: np.ndarray = length * unit((1 - share) * unit(documents) + share * unit(queries))
    return between


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, d) of length 1; those of length 0 stay."""
    import numpy as np

    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = vectors / np.where(length > 0, length, 1)
    return found


class Expanded:
    """The vectors of a corpus with queries in them, made in slices, so that the whole is never in memory.

    A document of several queries takes the mean of their directions; one without any stays as it is.

    Args:
        documents: (m, d) float32, possibly memory-mapped.
        rows: the n queries' documents, ascending.
        queries: (n, d) float32, possibly memory-mapped.
    """

    def __init__(self, documents: Rows, rows: Sequence[int], queries: np.ndarray, share: float) -> None:
        import numpy as np

        self.documents, self.queries, self.share = documents, queries, share
        self.rows = np.array(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.documents)

    def __getitem__(self, part: slice, /) -> np.ndarray:
        import numpy as np

        start, stop, _ = part.indices(len(self))
        block = np.array(self.documents[start:stop], dtype=np.float32)
        first, last = np.searchsorted(self.rows, [start, stop])
        if first < last:
            places, begins = np.unique(self.rows[first:last] - start, return_index=True)
            sums = np.add.reduceat(unit(np.asarray(self.queries[first:last])), begins, axis=0)
            block[places] = expanded(block[places], sums, self.share)
        return block
