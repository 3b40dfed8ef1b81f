"""`bm25`: documents by word overlap, Lucene's variant of BM25 with the language's stop words and stems.

k1 0.9 and b 0.4 are what Anserini and BEIR use; bm25s itself defaults to 1.5 and 0.75.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

from syneg_cli.core import Progress, Run
from syneg_cli.data import ENGLISH, UNSPACED, Dataset, folded, stemmed_languages, stop_words, terms
from syneg_cli.encoding import Encoder, best_rows
from syneg_cli.mining.base import Ranking, Setup, positive_rows

if TYPE_CHECKING:
    import numpy as np

K1 = 0.9
B = 0.4


@dataclass(frozen=True)
class Bm25Miner:
    setup: Setup
    scored: ClassVar[bool] = True

    @property
    def notes(self) -> tuple[str, ...]:
        dataset = self.setup.dataset
        if dataset.given_language:
            return ()
        other = "[dataset] language names another one"
        return (f"bm25 reads the corpus as {dataset.language.capitalize()}, a guess; {other}",)

    @cached_property
    def _tokenizer(self) -> Any:
        return tokenizer(self.setup.dataset.language)

    @cached_property
    def index(self) -> Any:
        """The bm25s index."""
        return self._indexed[0]

    @cached_property
    def _indexed(self) -> tuple[Any, float]:
        """(the index, mean terms of a document). Texts are tokenised in blocks; only token ids stay."""
        import bm25s
        import numpy as np

        tokenizer, ids = self._tokenizer, []
        corpus = self.setup.dataset.corpus
        with self.setup.progress.task("Indexing for BM25", len(corpus), "docs") as advance:
            for text in self._texts(advance):
                ids.append(np.array(text, dtype=np.int32))
        retriever = bm25s.BM25(method="lucene", k1=K1, b=B)
        retriever.index((ids, tokenizer.get_vocab_dict()), show_progress=False)
        return retriever, sum(map(len, ids)) / max(1, len(ids))

    def _texts(self, advance: Any) -> Iterator[list[int]]:
        for _, texts in self.setup.dataset.corpus.blocks():
            yield from self._tokenizer.streaming_tokenize(map(composed, texts), update_vocab=True)
            advance(len(texts))

    def rank(self, query_ids: Sequence[str], depth: int) -> Ranking:
        """The best documents that share a term with the query, ties in corpus order."""
        import numpy as np

        depth = min(depth, int(self.index.scores["num_docs"]))
        rows = np.full((len(query_ids), depth), -1, dtype=np.int64)
        scores = np.zeros((len(query_ids), depth), dtype=np.float32)
        positive = np.full(len(query_ids), np.nan, dtype=np.float32)
        with self.setup.progress.task("BM25", len(query_ids), "queries") as advance:
            for place, query_id in enumerate(query_ids):
                every = self.scores(self.setup.dataset.queries[query_id].text)
                best = top(every, depth)
                rows[place, : len(best)], scores[place, : len(best)] = best, every[best]
                if own := positive_rows(self.setup.dataset, query_id):
                    positive[place] = every[own].min()
                advance(1)
        return Ranking(rows, scores, positive, np.zeros(len(query_ids), dtype=np.float32))

    def scores(self, query: str) -> np.ndarray:
        """A query's score for each document of the corpus, (m,) float32, none below 0."""
        scores: np.ndarray = self.index.get_scores_from_ids(self._known(query))
        return scores

    def _known(self, text: str) -> list[int]:
        """The terms of a query that some document has, as often as it says them."""
        # With "never" bm25s passes over a form that no document has, though it has others of its stem.
        ids = next(iter(self._tokenizer.streaming_tokenize([composed(text)], update_vocab=False)))
        return [token for token in ids if token in self.index.unique_token_ids_set]

    def best(self, query: str) -> float:
        """The score of the document that has most of a query's words; 0 where none has any."""
        return float(self.scores(query).max(initial=0.0))

    def score(self, query: str, text: str) -> float:
        """BM25 of any text, in the corpus or not, by the corpus' own counts: of a document, its score.

        Lucene's variant: the sum over the query's terms of idf * tf / (tf + k1 (1 - b + b length / mean
        length)), idf = ln(1 + (N - df + 0.5) / (df + 0.5)) (Robertson and Zaragoza, 2009; Kamphuis et
        al., ECIR 2020).
        """
        index, mean = self._indexed
        starts, documents = index.scores["indptr"], index.scores["num_docs"]
        terms = next(iter(self._tokenizer.streaming_tokenize([composed(text)], update_vocab=True)))
        counts, total = Counter(terms), 0.0
        norm = K1 * (1 - B + B * len(terms) / mean)
        for token in self._known(query):
            df = int(starts[token + 1] - starts[token])
            total += log(1 + (documents - df + 0.5) / (df + 0.5)) * counts[token] / (counts[token] + norm)
        return total


def composed(text: str) -> str:
    """An accent is a part of its letter, however the text is stored."""
    return unicodedata.normalize("NFC", text)


def tokenizer(language: str) -> Any:
    """bm25s' tokenizer for a language: stop words and Snowball's stems where there are some.

    English is split as bm25s does it. Elsewhere accents and vowel signs belong to their word, and
    scripts without blanks between words give pairs of characters, as Lucene's CJKAnalyzer does.
    """
    import Stemmer
    from bm25s.tokenization import Tokenizer

    if language == ENGLISH:
        return Tokenizer(stopwords="english", stemmer=Stemmer.Stemmer("english"))
    if language in UNSPACED:
        return Tokenizer(splitter=lambda text: terms(folded(text)), stopwords=[])
    stemmer = Stemmer.Stemmer(language) if language in stemmed_languages() else None
    return Tokenizer(
        splitter=lambda text: [word for word in terms(folded(text)) if len(word) > 1],
        stopwords=[*map(folded, stop_words(language))],
        stemmer=stemmer,
    )


def top(scores: np.ndarray, depth: int) -> np.ndarray:
    """Rows of the `depth` largest positive scores, descending, ties by row."""
    rows = best_rows(scores, depth)
    found: np.ndarray = rows[scores[rows] > 0]
    return found


def make(setup: Setup, argument: str, other: object) -> Bm25Miner:
    return Bm25Miner(setup)


def words_of(dataset: Dataset, progress: Progress) -> Bm25Miner:
    """BM25 over a corpus, without an encoder."""

    def no_encoder() -> Encoder:
        raise AssertionError("words have no vectors")

    return Bm25Miner(Setup(dataset, no_encoder, progress=progress))


def bm25_run(dataset: Dataset, query_ids: Sequence[str], depth: int, progress: Progress) -> Run:
    """BM25's first documents of each query with their scores, best first."""
    found = words_of(dataset, progress).rank(query_ids, depth)
    ids = dataset.corpus.ids
    return {
        query_id: {ids[row]: score for row, score in zip(rows, scores, strict=True) if row >= 0}
        for query_id, rows, scores in zip(query_ids, found.rows.tolist(), found.scores.tolist(), strict=True)
    }
