"""Document expansion: queries of a document have a share in its vector.

So a search finds a document by what people might ask of it (what an LLM wrote), or did ask (what train
judges), too. The first is doc2query (Nogueira et al., arXiv 1904.08375) for vectors: the index keeps one for
each document, and no model is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import Pair, SyntheticQuery, UsageError, content_hash
from syneg_cli.data import Dataset, normalised
from syneg_cli.evaluation.searching import Source

if TYPE_CHECKING:
    import numpy as np

    from syneg_cli.encoding import Rows


IN_INDEX: Mapping[Source, str] = {
    "written": "LLM-written queries in the index",
    "judged": "judged queries in the index",
    "both": "judged and LLM-written queries in the index",
}
"""What the manifest of an evaluation calls them."""

HALF = 0.5
"""Of a vector: the plain mean of a document's direction and its queries', where nobody chose a share."""


@dataclass(frozen=True)
class Expansion:
    """Queries of documents, in the order of the corpus, and the share that they have in the vectors.

    `rows` holds the corpus row of each query's document, ascending; `pairs` those queries that people asked,
    each with its document; `known` how many were left out because they are asked in the split.
    """

    rows: tuple[int, ...]
    texts: tuple[str, ...]
    share: float
    source: Source = "written"
    pairs: tuple[Pair, ...] = ()
    known: int = 0

    @classmethod
    def of(
        cls,
        queries: Iterable[SyntheticQuery],
        dataset: Dataset,
        split: str,
        share: float,
        source: Source = "written",
    ) -> Expansion:
        """Those of the queries that are kept and were written for a document of the corpus; those of people
        that train judges relevant to one; or both, where a document with judged ones has no others.

        One with the text of a query of the split is left out, as it would find itself, and gives its
        document nothing.

        Raises:
            UsageError: an LLM wrote queries of the split, or it is train; or no query is left, or, of a
                source with judged ones, none of these.
        """
        _need_others(dataset, split, source)
        pairs, left_out = ([], 0) if source == "written" else judged_pairs(dataset, split)
        if source != "written" and not pairs:
            raise _nothing_left(dataset, split, source, some=bool(left_out))
        corpus, asked = dataset.corpus, _asked(dataset, split)
        judged = [(corpus.row(pair.doc_id), 0, dataset.queries[pair.query_id].text) for pair in pairs]
        rows = {row for row, _, _ in judged}
        kept = [query for query in queries if _is_kept(query) and query.doc_id in corpus]
        written = [(corpus.row(query.doc_id), query.index, query.text) for query in kept]
        others = [] if source == "judged" else [one for one in written if one[0] not in rows]
        placed = sorted([*judged, *(one for one in others if normalised(one[2]) not in asked)])
        if not placed:
            raise _nothing_left(dataset, split, source, some=bool(others))
        known = left_out + len(judged) + len(others) - len(placed)
        texts = tuple(text for _, _, text in placed)
        return cls(tuple(row for row, _, _ in placed), texts, share, source, tuple(pairs), known)

    @property
    def judged(self) -> int:
        """How many of the queries people asked."""
        return len(self.pairs)

    @property
    def documents(self) -> int:
        """How many have a query."""
        return len(set(self.rows))

    @property
    def hash(self) -> str:
        """Of the queries and their documents."""
        return content_hash([self.rows, self.texts])

    @property
    def inputs(self) -> dict[str, str]:
        """What they are in a manifest, and their hash."""
        return {IN_INDEX[self.source]: self.hash}

    @property
    def asked(self) -> dict[str, str]:
        """Which of them people asked, as an input: it parts the queries, where vectors are as they were."""
        pairs = [[pair.query_id, pair.doc_id] for pair in self.pairs]
        return {"judged pairs in the index": content_hash(pairs)} if pairs else {}


def judged_pairs(dataset: Dataset, split: str) -> tuple[list[Pair], int]:
    """(the pairs of train that people judged relevant and the index may know, how many it may not, as their
    query has the text of one of the split)."""
    every = dataset.pairs("train") if "train" in dataset.judgements else []
    pairs = [pair for pair in every if pair.query_id not in dataset.synthetic]
    asked = _asked(dataset, split)
    fit = [pair for pair in pairs if normalised(dataset.queries[pair.query_id].text) not in asked]
    return fit, len(pairs) - len(fit)


def _asked(dataset: Dataset, split: str) -> set[str]:
    """The texts of a split's queries."""
    return {normalised(dataset.queries[query_id].text) for query_id in dataset.qrels(split)}


def _need_others(dataset: Dataset, split: str, source: Source) -> None:
    """Raises UsageError where queries that are measured would stand in the index."""
    if source != "judged" and dataset.qrels(split).keys() & dataset.synthetic:
        raise UsageError(
            f"expansion puts LLM-written queries into the index, and {split} has such ones: they would "
            "find themselves.",
            hint="Measure on queries that people asked, or leave expansion out.",
        )
    if source != "written" and split == "train":
        raise UsageError(
            "The judged queries of train are in the index: measured on train, they would find themselves.",
            hint="Measure on another split, or with --expansion-from written.",
        )


def _nothing_left(dataset: Dataset, split: str, source: Source, *, some: bool) -> UsageError:
    unasked = f" and not asked in {split}" if some else ""
    if source != "written":
        return UsageError(
            f"No training query of {dataset.name} is judged by people{unasked}.",
            hint="`--expansion-from written` puts LLM-written ones into the index.",
        )
    return UsageError(
        f"No LLM-written query is kept and of a document of {dataset.name}{unasked}.",
        hint="`syneg queries` writes them; where they have another name, --set queries.name=NAME.",
    )


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
