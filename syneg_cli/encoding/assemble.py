"""Model folders on disk -> sentence-transformers models in memory, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from syneg_cli.encoding.backbones import Backbone

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def assemble(folder: Path, known: Backbone, device: str | None, trust: bool) -> SentenceTransformer:
    """Transformer, pooling and (for cosine) normalisation as the table says."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    padding = {"padding_side": "left"} if known.left_padding else {}
    transformer = Transformer(
        str(folder),
        model_kwargs=_model_options() | {"trust_remote_code": trust},
        processor_kwargs={"trust_remote_code": trust, **padding},
        config_kwargs={"trust_remote_code": trust},
    )
    modules: list[Any] = [transformer, Pooling(transformer.get_embedding_dimension(), known.pooling)]
    if known.similarity == "cosine":
        modules.append(Normalize())
    return SentenceTransformer(
        modules=modules,
        device=device,
        prompts={"query": known.query, "document": known.passage},
        similarity_fn_name=known.similarity,
    )


def open_folder(folder: Path, device: str | None, trust: bool) -> SentenceTransformer:
    """A folder with a sentence-transformers configuration, as that says."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(folder),
        device=device,
        trust_remote_code=trust,
        local_files_only=True,
        model_kwargs=_model_options(),
    )


def _model_options() -> dict[str, Any]:
    import torch

    # Checkpoints in half precision are widened, so that fine-tuning sums in float32.
    return {"dtype": torch.float32}


def split_towers(model: SentenceTransformer) -> tuple[SentenceTransformer, SentenceTransformer]:
    """What encodes queries, and what encodes documents: the model itself twice, unless it has two towers."""
    from sentence_transformers.base.modules import Router

    router = model[0]
    if not isinstance(router, Router):
        return model, model
    return _tower(model, router, "query"), _tower(model, router, "document")


def _tower(model: SentenceTransformer, router: Any, task: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        modules=[*router.sub_modules[task], *list(model)[1:]],
        device=str(model.device),
        prompts={name: prompt or "" for name, prompt in model.prompts.items()},
        similarity_fn_name=model.similarity_fn_name,
    )


def join_towers(queries: SentenceTransformer, documents: SentenceTransformer) -> SentenceTransformer:
    """A model that encodes queries with one and documents with the other."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    router = Router.for_query_document([*queries], [*documents])
    return SentenceTransformer(
        modules=[router],
        device=str(queries.device),
        prompts={name: prompt or "" for name, prompt in queries.prompts.items()},
        similarity_fn_name=queries.similarity_fn_name,
    )
