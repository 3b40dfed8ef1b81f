"""A quick measure on the dev split, for choosing an epoch: nDCG@10 over a pool of documents.

For a cross-encoder each query has a pool of its own: every pair costs a pass through the model.

The pool holds every dev query's judged documents and what the untrained encoder ranks first
for it. Scores in a pool are higher than in the corpus; they order epochs, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import NoProgress, Progress, Run
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder
from syneg_cli.evaluation import MAIN_METRIC, nearest, rerank, score, without_itself
from syneg_cli.mining import bm25_run

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer


DEPTH = 10


@dataclass(frozen=True)
class DevPool:
    """The documents that dev queries are searched among."""

    dataset: Dataset
    rows: tuple[int, ...]

    @classmethod
    def build(
        cls, dataset: Dataset, encoder: Encoder, *, depth: int, progress: Progress | None = None
    ) -> DevPool:
        """Judged documents and the first `depth` of every dev query by `encoder`."""
        query_ids = list(dataset.qrels("dev"))
        documents = encoder.encode_corpus(dataset.corpus, progress or NoProgress())
        queries = encoder.encode_queries([dataset.queries[q].text for q in query_ids])
        found = nearest(queries, documents, range(len(dataset.corpus)), depth)
        corpus = dataset.corpus
        judged = {corpus.row(d) for grades in dataset.qrels("dev").values() for d in grades if d in corpus}
        return cls(dataset, tuple(sorted(judged.union(*found))))

    def measure(
        self,
        model: SentenceTransformer,
        *,
        documents: SentenceTransformer | None = None,
        precision: str = "auto",
    ) -> float:
        """nDCG@10 of the model as it is now; `documents` encodes documents, if `model` does not."""
        encoder = Encoder(model, documents=documents, precision=precision)
        query_ids = list(self.dataset.qrels("dev"))
        vectors = encoder.encode_texts(self.dataset.corpus.texts(self.rows))
        queries = encoder.encode_queries([self.dataset.queries[q].text for q in query_ids])
        ids = [self.dataset.corpus.ids[row] for row in self.rows]
        own = [self.dataset.itself(query_id) for query_id in query_ids]
        run = dict(zip(query_ids, nearest(queries, vectors, ids, DEPTH, own), strict=True))
        return score(run, self.dataset.qrels("dev")).metrics[MAIN_METRIC]


@dataclass(frozen=True)
class DevPairs:
    """The documents that a cross-encoder puts in order for each dev query: judged ones, and BM25's first."""

    dataset: Dataset
    run: Run

    @classmethod
    def build(cls, dataset: Dataset, *, depth: int, progress: Progress | None = None) -> DevPairs:
        """Judged documents and the first `depth` of every dev query by BM25, which needs no model."""
        qrels = dataset.qrels("dev")
        found = bm25_run(dataset, list(qrels), depth, progress or NoProgress())
        run = {}
        for query_id, grades in qrels.items():
            judged = {doc_id: 0.0 for doc_id in grades if doc_id in dataset.corpus}
            run[query_id] = judged | dict(found[query_id])
        return cls(dataset, without_itself(run, dataset)[0])

    def measure(self, model: CrossEncoder) -> float:
        """nDCG@10 of the model as it is now."""
        longest = max(map(len, self.run.values()), default=0)
        reranked, _ = rerank(self.run, self.dataset, "dev", model, depth=longest)
        return score(reranked, self.dataset.qrels("dev")).metrics[MAIN_METRIC]
