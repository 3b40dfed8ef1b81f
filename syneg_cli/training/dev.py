"""A quick measure on the dev split, for choosing an epoch: nDCG@10 over a pool of documents.

The pool holds every dev query's judged documents and what the untrained encoder ranks first
for it. Scores in a pool are higher than in the corpus; they order epochs, nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syneg_cli.core.progress import NoProgress, Progress
from syneg_cli.evaluation.evaluate import MAIN_METRIC, score

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.data.dataset import Dataset
    from syneg_cli.encoding.encoder import Encoder

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
        from syneg_cli.encoding.index import search

        query_ids = list(dataset.qrels("dev"))
        documents = encoder.encode_corpus(dataset.corpus, progress or NoProgress())
        queries = encoder.encode_queries([dataset.queries[q].text for q in query_ids])
        _, found = search(queries, documents, min(depth, len(dataset.corpus)))
        judged = {dataset.corpus.row(d) for grades in dataset.qrels("dev").values() for d in grades}
        return cls(dataset, tuple(sorted(judged | {int(row) for row in found.flatten()})))

    def measure(
        self,
        model: SentenceTransformer,
        *,
        documents: SentenceTransformer | None = None,
        precision: str = "auto",
    ) -> float:
        """nDCG@10 of the model as it is now; `documents` encodes documents, if `model` does not."""
        from syneg_cli.encoding.encoder import Encoder
        from syneg_cli.encoding.index import search

        encoder = Encoder(model, documents=documents, precision=precision)
        query_ids = list(self.dataset.qrels("dev"))
        vectors = encoder.encode_texts(self.dataset.corpus.texts(self.rows))
        queries = encoder.encode_queries([self.dataset.queries[q].text for q in query_ids])
        scores, found = search(queries, vectors, min(DEPTH, len(self.rows)))
        run = {
            query_id: {
                self.dataset.corpus.ids[self.rows[row]]: float(value)
                for row, value in zip(places, values, strict=True)
            }
            for query_id, places, values in zip(query_ids, found, scores, strict=True)
        }
        return score(run, self.dataset.qrels("dev")).metrics[MAIN_METRIC]
