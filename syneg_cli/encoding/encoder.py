"""Texts to vectors: batches by token count, bf16 where the processor has it, a cache on disk.

An `Encoder` wraps a sentence-transformers model and never changes its weights, so it can be
made again from a model in training (ANCE, evaluation while training). Vectors are float32;
models compared by cosine give unit vectors, so an inner product is the score for all.
A model with two towers (ADORE) encodes queries with one and documents with the other; the
documents' vectors are cached under their own tower, so that training the other keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syneg_cli.core import Advance, NoProgress, Progress, content_hash, weigh, world
from syneg_cli.data import Corpus
from syneg_cli.encoding.assemble import split_towers
from syneg_cli.encoding.loading import load_model
from syneg_cli.encoding.prompts import Task
from syneg_cli.encoding.runtimes import Backend, check_backend
from syneg_cli.encoding.token_batches import read_ahead, token_batches
from syneg_cli.encoding.tower import Tower
from syneg_cli.encoding.vector_store import Labels, open_store

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer


BLOCK_ROWS = 1024
"""Texts that are tokenised and sorted by length together, and saved together."""

SAMPLE = 256
"""Texts, evenly spaced, that say how long those are that are not tokenised yet."""

CPU_TOKENS, CUDA_TOKENS = 128, 4096
"""Tokens of a batch for each unit of batch_size; on a CPU small batches stay in its caches."""


@dataclass(frozen=True)
class _Job:
    """Texts to encode, by row, and how to call them while that runs."""

    count: int
    task: Task
    texts: Callable[[range], list[str]]
    title: str
    unit: str
    label: str = ""
    """What they are in a listing of the cache."""


class Encoder:
    """Encodes queries and passages with a model's own prompts, pooling and maximum length.

    Args:
        model: the model; its weights must not change during the encoder's life.
        documents: what encodes documents, if it is not `model` (or the document side of it).
        precision: "auto", "fp32" or "bf16"; bf16 computes with a copy of the weights in bf16.
        cache: folder of the embedding cache; None keeps nothing.
        kept: folder that may have what the first layers gave (kept_layers.py); for models with frozen ones.
        batch_size: texts of 128 tokens that make up a batch; longer texts come in smaller ones.
        backend: what runs the transformers; the model is on the CPU for other ones than "torch".
        name: what a listing of the cache calls the model; by default where it was loaded from.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        documents: SentenceTransformer | None = None,
        precision: str = "auto",
        cache: Path | None = None,
        kept: Path | None = None,
        batch_size: int = 32,
        backend: Backend = "torch",
        name: str | None = None,
    ) -> None:
        self.model = model
        self.name = name or getattr(model.config, "name_or_path", None)
        self.cache = cache
        self.kept = kept
        self.batch_size = batch_size
        queries, own = split_towers(model)
        documents = own if documents is None else documents
        query_tower = Tower(queries, precision, backend)
        document_tower = query_tower if documents is queries else Tower(documents, precision, backend)
        self.towers: dict[Task, Tower] = {"query": query_tower, "document": document_tower}
        self.similarity = query_tower.similarity
        self.precision = query_tower.precision

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        precision: str = "auto",
        max_length: int | None = None,
        cache: Path | None = None,
        kept: Path | None = None,
        batch_size: int = 32,
        device: str | None = None,
        trust_remote_code: bool = False,
        backend: Backend = "torch",
        progress: Progress | None = None,
    ) -> Encoder:
        """Load a backbone by alias, folder or hub id.

        Raises:
            BackboneError: as `load_model` and `check_backend` do.
        """
        check_backend(backend, precision)
        model = load_model(
            name_or_path,
            max_length=max_length,
            device=device if backend == "torch" else "cpu",
            trust_remote_code=trust_remote_code,
            progress=progress,
        )
        return cls(
            model,
            precision=precision,
            cache=cache,
            kept=kept,
            batch_size=batch_size,
            backend=backend,
            name=name_or_path,
        )

    @property
    def dimension(self) -> int:
        return self.towers["document"].dimension

    @property
    def max_length(self) -> int | None:
        """Tokens of a document that are read; None where the model has no limit."""
        length = self.towers["document"].model.max_seq_length
        return length if isinstance(length, int) else None

    def encode_queries(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, d) float32, with the model's query prompt; from the cache where there is one."""
        texts = list(texts)
        key = content_hash(["queries", *texts])
        pick = texts.__getitem__
        job = _Job(
            len(texts), "query", lambda rows: [*map(pick, rows)], "Encoding queries", "queries", "queries"
        )
        return self._stored(key, job, progress) if self.cache and texts else self._fresh(job, progress)

    def encode_texts(
        self, texts: Sequence[str], progress: Progress | None = None, *, keep: str = ""
    ) -> np.ndarray:
        """(n, d) float32 of passages that are in no corpus, with the passage prompt.

        Args:
            keep: keeps the vectors in the cache, where there is one, and is what its listing calls them.
        """
        texts = list(texts)
        pick = texts.__getitem__
        job = _Job(
            len(texts), "document", lambda rows: [*map(pick, rows)], "Encoding passages", "passages", keep
        )
        if keep and self.cache and texts:
            return self._stored(content_hash(["texts", *texts]), job, progress)
        return self._fresh(job, progress)

    def encode_corpus(self, corpus: Corpus, progress: Progress | None = None) -> np.ndarray:
        """(documents, d) float32 in corpus order; memory-mapped from the cache where there is one."""
        job = _Job(len(corpus), "document", corpus.texts, "Encoding documents", "docs", corpus.name)
        return self._stored(corpus.fingerprint, job, progress) if self.cache else self._fresh(job, progress)

    def _fresh(self, job: _Job, progress: Progress | None) -> np.ndarray:
        import numpy as np

        vectors = np.empty((job.count, self.dimension), dtype=np.float32)
        for start, block in self._blocks(job, range(0, job.count, BLOCK_ROWS), progress):
            vectors[start : start + len(block)] = block
        return vectors

    def _stored(self, key: str, job: _Job, progress: Progress | None) -> np.ndarray:
        """As `_fresh`, through the cache. Processes that share its folder encode a part each."""
        assert self.cache is not None
        processes = world()
        tower, shape = self.towers[job.task], (job.count, self.dimension)
        kind = tower.precision if tower.backend == "torch" else f"{tower.precision}, {tower.backend}"
        labels = Labels(self.name, kind, tower.model.max_seq_length, job.label)
        entry = self.cache, tower.fingerprint, key, shape, BLOCK_ROWS, labels
        if processes.leads:
            open_store(*entry, progress=progress)
        processes.wait()
        store = open_store(*entry, check=False)
        pending = store.pending()
        processes.wait()  # all have read what is pending before any of them writes
        if pending:
            for start, block in self._blocks(job, processes.share(pending), progress):
                store.write(start, block)
            processes.wait()
        return store.vectors()

    def _blocks(
        self, job: _Job, starts: Sequence[int], progress: Progress | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        rows = {start: range(start, min(start + BLOCK_ROWS, job.count)) for start in starts}
        blocks = ((start, job.texts(own)) for start, own in rows.items())
        total = sum(len(own) for own in rows.values())
        with (progress or NoProgress()).task(job.title, total, job.unit) as advance:
            yield from self._vectors(blocks, job, total, advance)

    def _vectors(
        self, blocks: Iterable[tuple[int, list[str]]], job: _Job, total: int, advance: Advance
    ) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, vectors) of every block; the next batches are tokenised meanwhile.

        The work is counted in tokens: the longest texts of a block come first.
        """
        import numpy as np

        tower, task = self.towers[job.task], job.task
        budget = self.batch_size * (CUDA_TOKENS if tower.model.device.type == "cuda" else CPU_TOKENS)
        batches = (
            b for start, texts in blocks for b in token_batches(tower.model, start, texts, task, budget)
        )
        block, filled = np.empty((0, 0), dtype=np.float32), 0
        about = total * self._usual_tokens(job) if total > BLOCK_ROWS else 0.0
        done, known, unseen = 0, 0, total
        with tower.evaluating(), tower.reusing(self.kept), read_ahead(batches) as ready:
            for batch in ready:
                if filled == 0:
                    block = np.empty((batch.size, self.dimension), dtype=np.float32)
                    known, unseen = known + batch.of, unseen - batch.size
                block[batch.places] = tower.forward(batch.features)
                filled, done = filled + len(batch.places), done + batch.tokens
                weigh(advance, done, max(known, about) if unseen else known)
                advance(len(batch.places))
                if filled == batch.size:
                    filled = 0
                    yield batch.start, block

    def _usual_tokens(self, job: _Job) -> float:
        """Tokens that are computed for a text, in the mean of some from everywhere."""
        some = job.texts(range(0, job.count, max(1, job.count // SAMPLE)))
        first = next(token_batches(self.towers[job.task].model, 0, some, job.task, 1))
        return first.of / len(some)
