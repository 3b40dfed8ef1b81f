"""A BERT-like transformer in two parts: embeddings and first layers, and the layers above them.

Whoever has what the lower part gives for a text (kept_layers.py) runs the upper part alone. The model
stays one: for the time of a call the lower part passes on what it is given, so names, weights,
attention and precision are what they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syneg_cli.encoding.token_batches import plain_tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Features = Mapping[str, Any]
Hidden = Callable[[Features], "Tensor"]
"""Input tensors of n texts -> what the lower part gives, (n, length, d); of padding it may say anything."""

TYPES = ("bert", "roberta", "xlm-roberta", "camembert")
"""Model types of `embeddings` and `encoder.layer`, whose layers hand on hidden states and nothing else."""

TOKENS = ("input_ids", "token_type_ids")


@dataclass(frozen=True, eq=False)
class Split:
    """Where a model is cut: behind its embeddings and `layers` layers.

    `transformer` is the first module of a sentence-transformers model for which `why_whole` has nothing
    to say, or a copy of it.
    """

    transformer: Any
    layers: int

    def lower(self, features: Features) -> Tensor:
        """What the lower part gives: (n, length, d), on the model's device."""
        model = self.transformer.model
        given = {name: features[name] for name in (*TOKENS, "attention_mask") if name in features}
        with _passing(model.encoder.layer[self.layers :]):
            hidden: Tensor = model(**given).last_hidden_state
        return hidden

    @contextmanager
    def upper_alone(self, hidden: Hidden) -> Iterator[None]:
        """Meanwhile `hidden` does for the lower part."""
        model, whole = self.transformer.model, self.transformer.forward

        def forward(features: Features, **options: Any) -> dict[str, Any]:
            found = hidden(features)
            rest = {name: value for name, value in features.items() if name not in TOKENS}
            with _passing([model.embeddings, *model.encoder.layer[: self.layers]]):
                return {**features, **whole({**rest, "inputs_embeds": found}, **options)}

        with _as(self.transformer, forward):
            yield


def why_whole(model: SentenceTransformer, layers: int) -> str:
    """What keeps a model from being cut there, as the end of a sentence; empty if nothing does."""
    from sentence_transformers.base.modules import Transformer

    first: Any = model[0]
    inner = getattr(first, "model", None) if isinstance(first, Transformer) else None
    kind = getattr(getattr(inner, "config", None), "model_type", type(first).__name__)
    known = type(inner).__module__.startswith("transformers.") and hasattr(inner, "embeddings")
    stack = getattr(getattr(inner, "encoder", None), "layer", ())
    if kind not in TYPES or not known or getattr(inner.config, "is_decoder", False):  # type: ignore[union-attr]
        return f"syneg does not know how to cut a model of the type {kind}"
    if not 0 < layers < len(stack):
        return f"it has {len(stack)} layers"
    plain = all(plain_tokens(model, model.prompts.get(task) or "") for task in ("query", "document"))
    if not plain or getattr(first.tokenizer, "padding_side", "right") != "right":
        return "its texts are prepared in a way of its own"
    return ""


def lower_weights(model: SentenceTransformer, layers: int) -> dict[str, Tensor]:
    """The lower part's weights by name."""
    inner: Any = model[0]
    parts = [("embeddings", inner.model.embeddings)]
    parts += [(f"layer.{number}", inner.model.encoder.layer[number]) for number in range(layers)]
    return {f"{name}.{key}": value for name, part in parts for key, value in part.state_dict().items()}


@contextmanager
def _passing(modules: Iterable[Any]) -> Iterator[None]:
    """Meanwhile each of the modules gives what it is given."""

    def forward(*given: Any, inputs_embeds: Any = None, **others: Any) -> Any:
        return given[0] if given else inputs_embeds

    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(_as(module, forward))
        yield


@contextmanager
def _as(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Meanwhile a module computes something else."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
