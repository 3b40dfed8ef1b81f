"""GradCache (arXiv 2101.06983): the gradient of any batch in the memory of a chunk.

Three passes: encode every chunk without a graph, keeping the state of the random generators;
take the loss and its gradient at the vectors; encode every chunk again, now with a graph, and
send that gradient through it. Dropout draws the same masks both times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

Features = Mapping[str, "Tensor"]
Encode = Callable[[Features], "Tensor"]
"""Input tensors of n texts -> (n, d) vectors."""


def cached_loss(
    encode: Encode,
    parts: Sequence[Features],
    loss: Callable[[Sequence[Tensor]], Tensor],
    *,
    chunk: int,
) -> Tensor:
    """The loss of the whole batch; its `backward()` runs the third pass.

    Args:
        encode: the model.
        parts: the inputs of each part of the batch (queries, documents).
        loss: vectors of each part -> a scalar.
        chunk: texts encoded at a time.

    Returns:
        A scalar whose gradient with respect to the parameters is that of the plain loss.
    """
    import torch

    chunks = [list(split(part, chunk)) for part in parts]
    states: list[list[Any]] = [[] for _ in parts]
    vectors: list[Tensor] = []
    with torch.no_grad():
        for pieces, kept in zip(chunks, states, strict=True):
            encoded = []
            for piece in pieces:
                kept.append(random_state())
                encoded.append(encode(piece))
            vectors.append(torch.cat(encoded))
    if not torch.is_grad_enabled():
        return loss(vectors)
    leaves = [vector.detach().requires_grad_() for vector in vectors]
    value = loss(leaves)
    gradients = torch.autograd.grad(value, leaves)

    def third_pass(upstream: Tensor) -> None:
        for pieces, kept, gradient in zip(chunks, states, gradients, strict=True):
            start = 0
            for piece, state in zip(pieces, kept, strict=True):
                with replayed(state), torch.enable_grad():
                    encoded = encode(piece)
                stop = start + len(encoded)
                encoded.backward(gradient[start:stop].to(encoded.dtype) * upstream.to(encoded.dtype))
                start = stop

    carrier = value.detach().requires_grad_()
    carrier.register_hook(third_pass)
    return carrier * 1.0


def split(part: Features, size: int) -> Iterator[dict[str, Tensor]]:
    """Pieces of `size` texts, each cut to its own longest text."""
    total = len(part["input_ids"])
    for start in range(0, total, size):
        yield trim({key: value[start : start + size] for key, value in part.items() if _is_tensor(value)})


def trim(part: Features) -> dict[str, Tensor]:
    """Without the columns that are padding for every text; works for left and right padding."""
    used = part["attention_mask"].any(dim=0).nonzero().flatten()
    if not len(used):
        return dict(part)
    first, last = int(used[0]), int(used[-1]) + 1
    width = part["attention_mask"].shape[1]
    return {
        key: value[:, first:last] if value.dim() == 2 and value.shape[1] == width else value
        for key, value in part.items()
    }


def _is_tensor(value: object) -> bool:
    return hasattr(value, "dim")


def random_state() -> Any:
    """The state of the processor's generator and of every GPU's."""
    import torch

    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return torch.get_rng_state(), gpus


@contextmanager
def replayed(state: Any) -> Iterator[None]:
    """Random numbers as they were at `state`, then as they were before."""
    import torch

    before = random_state()
    _restore(torch, state)
    try:
        yield
    finally:
        _restore(torch, before)


def _restore(torch: Any, state: Any) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])
