"""One function per formula. Shapes: B queries, M documents, d dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def similarity(queries: Tensor, documents: Tensor) -> Tensor:
    """Inner products, (B, d) and (M, d) -> (B, M); cosine where the vectors are normalised."""
    return queries @ documents.T


def info_nce(
    queries: Tensor,
    documents: Tensor,
    positives: Tensor,
    *,
    temperature: float,
    mask: Tensor | None = None,
) -> Tensor:
    """InfoNCE, the mean over queries of -log softmax_j(s(q, d_j) / temperature) at the positive.

    SyNeg (arXiv 2412.17250) with f(q, d) = exp(s(q, d) / temperature); the documents that a
    query is compared with are all of the batch except those that `mask` takes out.

    Args:
        queries: (B, d).
        documents: (M, d), positives and negatives of all queries.
        positives: (B,) the column of each query's positive.
        temperature: above 0; 0.02 is the paper's default.
        mask: (B, M) booleans, True where a document takes no part for a query. The
            positive itself always takes part.

    Returns:
        A scalar. For queries = documents = the 2x2 identity and temperature 1 it is
        log(1 + 1/e) = 0.3133.
    """
    import torch

    logits = similarity(queries, documents) / temperature
    if mask is not None:
        own = torch.zeros_like(mask).scatter_(1, positives.unsqueeze(1), True)
        logits = logits.masked_fill(mask & ~own, float("-inf"))
    return torch.nn.functional.cross_entropy(logits, positives)
