"""Texts to vectors: batches by token count, bf16 where the processor has it, a cache on disk.

An `Encoder` wraps a sentence-transformers model and never changes its weights, so it can be
made again from a model in training (ANCE, evaluation while training). Vectors are float32;
models compared by cosine give unit vectors, so an inner product is the score for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from syneg_cli.artifacts import content_hash
from syneg_cli.backbones import Backend, load_model
from syneg_cli.distributed import world
from syneg_cli.embedding_cache import open_store
from syneg_cli.errors import SynegError
from syneg_cli.fingerprint import model_parts
from syneg_cli.progress import Advance, NoProgress, Progress
from syneg_cli.token_batches import Task, read_ahead, token_batches

if TYPE_CHECKING:
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    from syneg_cli.dataset import Corpus


BLOCK_ROWS = 1024
"""Texts that are tokenised and sorted by length together, and saved together."""

CPU_TOKENS, CUDA_TOKENS = 128, 4096
"""Tokens of a batch for each unit of batch_size; on a CPU small batches stay in its caches."""

FORMAT = 4
"""Raised when the same model would give other vectors than an earlier version of this file."""


def resolve_precision(precision: str, device: Any) -> Literal["bf16", "fp32"]:
    """What "auto" means on a device: bf16 where the processor computes in it, else fp32."""
    import torch

    if precision != "auto":
        return "bf16" if precision == "bf16" else "fp32"
    kind = torch.device(device).type
    if kind == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if kind == "cpu" and _cpu_has_bf16() else "fp32"


def _cpu_has_bf16() -> bool:
    import torch

    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)


@dataclass(frozen=True)
class _Job:
    """Texts to encode, by row, and how to call them while that runs."""

    count: int
    task: Task
    texts: Callable[[range], list[str]]
    title: str
    unit: str


class Encoder:
    """Encodes queries and passages with a model's own prompts, pooling and maximum length.

    Args:
        model: the model; its weights must not change during the encoder's life.
        precision: "auto", "fp32" or "bf16"; bf16 computes with a copy of the weights in bf16.
        cache: folder of the embedding cache; None keeps nothing.
        batch_size: texts of 128 tokens that make up a batch; longer texts come in smaller ones.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        *,
        precision: str = "auto",
        cache: Path | None = None,
        batch_size: int = 32,
    ) -> None:
        from sentence_transformers.base.modules import Transformer

        self.model = model
        self.cache = cache
        self.batch_size = batch_size
        self.similarity: Literal["cosine", "dot"] = "dot" if model.similarity_fn_name == "dot" else "cosine"
        # Half precision pays for matrix products; static embeddings and other backends have none.
        products = model.get_backend() == "torch" and isinstance(model[0], Transformer)
        self.precision = resolve_precision(precision, model.device) if products else "fp32"

    @classmethod
    def load(
        cls,
        name_or_path: str,
        *,
        precision: str = "auto",
        max_length: int | None = None,
        cache: Path | None = None,
        batch_size: int = 32,
        device: str | None = None,
        trust_remote_code: bool = False,
        backend: Backend = "torch",
        progress: Progress | None = None,
    ) -> Encoder:
        """Load a backbone by alias, folder or hub id. Raises BackboneError as `load_model` does."""
        model = load_model(
            name_or_path,
            max_length=max_length,
            device=device,
            trust_remote_code=trust_remote_code,
            backend=backend,
            progress=progress,
        )
        return cls(model, precision=precision, cache=cache, batch_size=batch_size)

    @cached_property
    def dimension(self) -> int:
        dimension = self.model.truncate_dim or self.model.get_embedding_dimension()
        if dimension is None:
            dimension = len(self.model.encode(["x"], show_progress_bar=False)[0])
        return int(dimension)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that changes the vectors, weights and tokeniser included."""
        return content_hash(
            {
                **model_parts(self.model),
                "similarity": self.similarity,
                "dimension": self.dimension,
                "precision": self.precision,
                "format": FORMAT,
            }
        )

    def encode_queries(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, d) float32, with the model's query prompt; from the cache where there is one."""
        texts = list(texts)
        key = content_hash(["queries", *texts])
        job = _Job(
            len(texts), "query", lambda rows: [texts[row] for row in rows], "Encoding queries", "queries"
        )
        return self._stored(key, job, progress) if self.cache and texts else self._fresh(job, progress)

    def encode_texts(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, d) float32 of passages that are in no corpus, with the passage prompt."""
        pick = [*texts].__getitem__
        job = _Job(len(texts), "document", lambda rows: [*map(pick, rows)], "Encoding passages", "passages")
        return self._fresh(job, progress)

    def encode_corpus(self, corpus: Corpus, progress: Progress | None = None) -> np.ndarray:
        """(documents, d) float32 in corpus order; memory-mapped from the cache where there is one."""
        job = _Job(len(corpus), "document", corpus.texts, "Encoding documents", "docs")
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
        shape = (job.count, self.dimension)
        if processes.leads:
            open_store(self.cache, self.fingerprint, key, shape, BLOCK_ROWS)
        processes.wait()
        store = open_store(self.cache, self.fingerprint, key, shape, BLOCK_ROWS)
        pending = store.pending()
        processes.wait()  # all have read what is pending before any of them writes
        if pending:
            for start, block in self._blocks(job, processes.share(pending), progress):
                store.write(start, block)
            processes.wait()
            if processes.leads:
                store.finish()
        return store.vectors()

    def _blocks(
        self, job: _Job, starts: Sequence[int], progress: Progress | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        rows = {start: range(start, min(start + BLOCK_ROWS, job.count)) for start in starts}
        blocks = ((start, job.texts(own)) for start, own in rows.items())
        total = sum(len(own) for own in rows.values())
        with (progress or NoProgress()).task(job.title, total, job.unit) as advance:
            yield from self._vectors(blocks, job.task, advance)

    def _vectors(
        self, blocks: Iterable[tuple[int, list[str]]], task: Task, advance: Advance
    ) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, vectors) of every block; the next batches are tokenised meanwhile."""
        import numpy as np

        budget = self.batch_size * (CUDA_TOKENS if self.model.device.type == "cuda" else CPU_TOKENS)
        batches = (
            b for start, texts in blocks for b in token_batches(self.model, start, texts, task, budget)
        )
        block, filled = np.empty((0, 0), dtype=np.float32), 0
        with _evaluating(self.model), read_ahead(batches) as ready:
            for batch in ready:
                if filled == 0:
                    block = np.empty((batch.size, self.dimension), dtype=np.float32)
                block[batch.places] = self._forward(batch.features)
                filled += len(batch.places)
                advance(len(batch.places))
                if filled == batch.size:
                    filled = 0
                    yield batch.start, block

    @cached_property
    def _half(self) -> Any:
        """The transformer with weights in bf16: on a CPU twice as fast as autocast."""
        import copy

        return copy.deepcopy(self.model[0]).bfloat16().eval()

    def _embed(self, features: dict[str, Any]) -> torch.Tensor:
        if self.precision == "fp32":
            return cast("torch.Tensor", self.model(features)["sentence_embedding"])
        features = self._half(features)
        # Pooling and what follows stay in float32: rounding the vectors themselves costs most.
        for key, value in features.items():
            if getattr(value, "is_floating_point", bool)():
                features[key] = value.float()
        for module in list(self.model)[1:]:
            features = module(features)
        return cast("torch.Tensor", features["sentence_embedding"])

    def _forward(self, features: dict[str, Any]) -> np.ndarray:
        import torch
        from sentence_transformers.util import batch_to_device

        with torch.inference_mode():
            output = self._embed(batch_to_device(features, self.model.device))[:, : self.dimension].float()
            if self.similarity == "cosine":
                output = torch.nn.functional.normalize(output, dim=1)
        if not bool(torch.isfinite(output).all()):
            raise SynegError("The encoder gave vectors that are not finite.", hint="Try --precision fp32.")
        vectors: np.ndarray = output.cpu().numpy()
        return vectors


@contextmanager
def _evaluating(model: SentenceTransformer) -> Iterator[None]:
    """Dropout off, and back as it was."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
