"""A quick measure on the dev split, for choosing an epoch: nDCG@10 over a pool of documents.

The pool holds every dev query's judged documents and what the untrained encoder ranks first
for it. Scores in a pool are higher than in the corpus; they order epochs, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core import NoProgress, Progress
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encoder
from syneg_cli.evaluation import MAIN_METRIC, nearest, score

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
