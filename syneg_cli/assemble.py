"""Model folders on disk -> sentence-transformers models in memory, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from syneg_cli.backbones import Backbone

Backend = Literal["torch", "onnx", "openvino"]


def assemble(
    folder: Path, known: Backbone, device: str | None, trust: bool, backend: Backend
) -> SentenceTransformer:
    """Transformer, pooling and (for cosine) normalisation as the table says."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    padding = {"padding_side": "left"} if known.left_padding else {}
    transformer = Transformer(
        str(folder),
        model_kwargs=_model_options(backend) | {"trust_remote_code": trust},
        processor_kwargs={"trust_remote_code": trust, **padding},
        config_kwargs={"trust_remote_code": trust},
        backend=backend,
    )
    modules: list[Any] = [transformer, Pooling(transformer.get_embedding_dimension(), known.pooling)]
    if known.similarity == "cosine":
        modules.append(Normalize())
    return SentenceTransformer(
        modules=modules,
        device=device,
        prompts={"query": known.query, "document": known.passage},
        similarity_fn_name=known.similarity,
        backend=backend,
    )


def open_folder(folder: Path, device: str | None, trust: bool, backend: Backend) -> SentenceTransformer:
    """A folder with a sentence-transformers configuration, as that says."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(folder),
        device=device,
        trust_remote_code=trust,
        local_files_only=True,
        model_kwargs=_model_options(backend),
        backend=backend,
    )


def _model_options(backend: Backend) -> dict[str, Any]:
    import torch

    # Checkpoints in half precision are widened, so that fine-tuning sums in float32.
    return {"dtype": torch.float32} if backend == "torch" else {}
