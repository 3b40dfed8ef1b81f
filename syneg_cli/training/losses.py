"""One function per formula. Shapes: B queries, M documents, K candidates of one query, d dimensions."""

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
    weights: Tensor | None = None,
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
        weights: (B,) what each query counts; 1 without. The mean is over B all the same, so that a
            batch of queries that count half has half the gradient.

    Returns:
        A scalar. For queries = documents = the 2x2 identity and temperature 1 it is
        log(1 + 1/e) = 0.3133.
    """
    import torch

    logits = similarity(queries, documents) / temperature
    own = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, positives.unsqueeze(1), True)
    if mask is not None:
        logits = logits.masked_fill(mask & ~own, float("-inf"))
    return listwise(logits, positives, weights)


def guided_mask(guide_scores: Tensor, positives: Tensor, *, margin: float = 0.0) -> Tensor:
    """GISTEmbed's masking (arXiv 2402.16829): what the guide finds too relevant to be a negative.

    Args:
        guide_scores: (B, M) similarities of a guide model, for the same batch.
        positives: (B,) the column of each query's positive.
        margin: a document is masked where its score is above the positive's minus this.

    Returns:
        (B, M) booleans for `info_nce`'s mask, False at the positives.
    """
    import torch

    best = guide_scores.gather(1, positives.unsqueeze(1))
    own = torch.zeros_like(guide_scores, dtype=torch.bool).scatter_(1, positives.unsqueeze(1), True)
    return (guide_scores > best - margin) & ~own


def source_balance(
    queries: Tensor,
    documents: Tensor,
    synthetic: Tensor,
    mined: Tensor,
    *,
    temperature: float = 0.1,
    weights: Tensor | None = None,
) -> Tensor:
    """CausalNeg's query-view regulariser (arXiv 2606.01304): the source must not give negatives away.

    Over a query's own negatives, p = softmax(s / temperature), with the query and the mined
    vectors detached, so that only the synthetic documents move. With P the synthetic part of p,
    H the entropy of p within it, and share = |N_g| / (|N_m| + |N_g|), the term is
    -H + (P - share)^2: synthetic negatives are spread evenly and take their share, no more.

    Args:
        queries, documents: (B, d), (M, d).
        synthetic, mined: (B, M) booleans, which documents are the query's own negatives of
            either source.
        temperature: CausalNeg's tau_e.
        weights: (B,) what each query counts, as in `info_nce`.

    Returns:
        The mean over the queries that have a synthetic negative; 0 if none has.
    """
    import torch

    fixed = similarity(queries.detach(), documents.detach())
    moving = similarity(queries.detach(), documents)
    scores = torch.where(synthetic, moving, fixed) / temperature
    rows = synthetic.any(dim=1)
    if not rows.any():
        return documents.sum() * 0.0
    scores, synthetic, mined = scores[rows], synthetic[rows], mined[rows]
    log_p = scores.masked_fill(~(synthetic | mined), float("-inf")).log_softmax(dim=1)
    log_part = log_p.masked_fill(~synthetic, float("-inf")).logsumexp(dim=1, keepdim=True)
    log_within = (log_p - log_part).masked_fill(~synthetic, 0.0)
    entropy = -(log_within.exp() * log_within * synthetic).sum(dim=1)
    share = synthetic.sum(dim=1) / (synthetic | mined).sum(dim=1)
    balance = (log_part.squeeze(1).exp() - share) ** 2
    each = balance - entropy
    return (each if weights is None else weights[rows] * each).mean()


def listwise_distillation(
    scores: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    teacher_temperature: float = 1.0,
    weights: Tensor | None = None,
) -> Tensor:
    """KL(teacher || student) over each query's candidates, as in CADET (arXiv 2502.19712).

    Args:
        scores: (B, K) the student's similarities; -inf where a query has fewer candidates.
        teacher: (B, K) a teacher's logits of the same pairs; -inf in the same places.
        weights: (B,) what each query counts, as in `info_nce`.

    Returns:
        The mean over queries; 0 where the two distributions are equal.
    """
    import torch

    student = (scores / temperature).log_softmax(dim=1)
    target = (teacher / teacher_temperature).log_softmax(dim=1)
    absent = torch.isinf(target)
    gap = (target - student).masked_fill(absent, 0.0)
    each = (target.exp() * gap).sum(dim=1)
    return (each if weights is None else weights * each).mean()


def listwise(scores: Tensor, positives: Tensor, weights: Tensor | None = None) -> Tensor:
    """Softmax cross-entropy over each query's group: mean of -log softmax_j(s_j) at the positive.

    Localised contrastive estimation (arXiv 2101.08751), which is ListNet's top-one loss (Cao et al.,
    ICML 2007) with one relevant document.

    Args:
        scores: (B, K) logits of a cross-encoder; -inf where a document is not of a query's group.
        positives: (B,) the column of each query's positive.
        weights: (B,) what each query counts, as in `info_nce`.

    Returns:
        A scalar; log(1 + 1/e) = 0.3133 for a positive at 1 and a negative at 0.
    """
    import torch

    if weights is None:
        return torch.nn.functional.cross_entropy(scores, positives)
    return (weights * torch.nn.functional.cross_entropy(scores, positives, reduction="none")).mean()


def pairwise_bce(scores: Tensor, positives: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of every pair by itself, the mean over pairs: 1 for a positive, else 0.

    Args:
        scores, positives, weights: as those of `listwise`; a pair counts what its query does.
    """
    import torch

    relevant = torch.zeros_like(scores).scatter_(1, positives.unsqueeze(1), 1.0)
    present = (scores != float("-inf")) | (relevant > 0)
    each = torch.nn.functional.binary_cross_entropy_with_logits
    if weights is None:
        return each(scores[present], relevant[present])
    counts = weights.unsqueeze(1).expand_as(scores)[present]
    return (counts * each(scores[present], relevant[present], reduction="none")).mean()


def pairwise_lambda(scores: Tensor, relevant: Tensor, present: Tensor | None = None) -> Tensor:
    """ADORE's loss (arXiv 2104.08051): mean |1/r_i - 1/r_j| · log(1 + exp(-(s_i - s_j))).

    Over the pairs of a relevant document i and another one j among a query's candidates; r is
    the rank (from 1) that the scores give among them, taken as a constant.

    Args:
        scores: (B, K) similarities of the candidates, of frozen document vectors.
        relevant: (B, K) booleans.
        present: (B, K) booleans, False where a query has fewer candidates than K.

    Returns:
        The mean over all pairs; 0 if there is none.
    """
    import torch

    present = torch.ones_like(relevant) if present is None else present
    ranked = scores.detach().masked_fill(~present, float("-inf"))
    order = ranked.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=scores.dtype)
    reciprocal = (1.0 / torch.empty_like(scores).scatter_(1, order, places.expand_as(scores))).detach()
    weight = (reciprocal.unsqueeze(2) - reciprocal.unsqueeze(1)).abs()
    cost = torch.nn.functional.softplus(-(scores.unsqueeze(2) - scores.unsqueeze(1)))
    pairs = (relevant & present).unsqueeze(2) & (~relevant & present).unsqueeze(1)
    return (weight * cost)[pairs].mean() if pairs.any() else scores.sum() * 0.0
