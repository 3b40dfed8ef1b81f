"""In-batch negatives of all processes: each process's queries against everybody's documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def gather_documents(documents: Tensor, labels: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """The documents of all processes, in the order of their ranks, and labels that fit them.

    The gradient at a document goes back to the process that encoded it, summed over all that
    used it. With the mean of the gradients over processes, as DistributedDataParallel takes it,
    the result is the gradient of one process with the joined batch, if all hold as many queries.

    Args:
        documents: (M, d) of this process; M may differ between processes.
        labels: positives (B,), mask (B, M), refs (the M documents by reference) and forbidden
            (for each query the ids of what is relevant to it).

    Returns:
        (sum of M, d) and labels with positives and mask over all columns. Another process's
        documents are masked where they are relevant to the query, or known from a process before.
    """
    import torch
    from torch import distributed
    from torch.distributed.nn.functional import all_gather

    rank, size = distributed.get_rank(), distributed.get_world_size()
    refs: list[Any] = [None] * size
    distributed.all_gather_object(refs, list(labels["refs"]))
    width = max(map(len, refs))
    padded = torch.nn.functional.pad(documents, (0, 0, 0, width - len(documents)))
    parts = all_gather(padded)
    joined = torch.cat([part[: len(names)] for part, names in zip(parts, refs, strict=True)])
    start = sum(len(names) for names in refs[:rank])
    return joined, {
        **labels,
        "positives": labels["positives"] + start,
        "mask": _joined_mask(labels, refs, rank).to(documents.device),
    }


def _joined_mask(labels: Mapping[str, Any], refs: list[list[Any]], rank: int) -> Tensor:
    import torch

    seen = set(refs[rank])
    blocks = []
    for owner, names in enumerate(refs):
        if owner == rank:
            blocks.append(labels["mask"].cpu())
            continue
        rows = [
            [ref in seen or (ref.in_corpus and ref.id in forbidden) for ref in names]
            for forbidden in labels["forbidden"]
        ]
        seen |= set(names)
        blocks.append(torch.tensor(rows, dtype=torch.bool).reshape(len(labels["forbidden"]), len(names)))
    return torch.cat(blocks, dim=1)
