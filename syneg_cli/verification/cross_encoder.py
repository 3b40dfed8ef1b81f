"""`cross-encoder`: relevant is what a cross-encoder scores higher than the positive."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.core import Progress, UsageError
from syneg_cli.data import Dataset
from syneg_cli.encoding import load_cross_encoder, pair_scores
from syneg_cli.verification.tools import Tools
from syneg_cli.verification.verdicts import Candidate, Check, NoVerdict, Verdict


def make(tools: Tools) -> Check:
    """Raises UsageError where no model is named."""
    if tools.settings.cross_encoder is None:
        raise UsageError(
            "--check cross-encoder needs a model.",
            hint="Add `--cross-encoder cross-encoder/ms-marco-MiniLM-L6-v2`.",
        )
    return cross_encoder(tools.settings.cross_encoder, tools.dataset, progress=tools.progress)


def cross_encoder(model: str, dataset: Dataset, *, progress: Progress | None = None) -> Check:
    """Relevant is what a CrossEncoder scores higher than the lowest positive.

    Raises:
        BackboneError: the model cannot be loaded.
        SynegError: a score is not finite.
    """

    def check(candidates: Sequence[Candidate]) -> list[Verdict | NoVerdict]:
        scorer = load_cross_encoder(model, progress)
        known = sorted({(c.query_id, doc_id) for c in candidates for doc_id in c.positives})
        pairs = [(dataset.queries[q].text, dataset.corpus[d].full_text) for q, d in known]
        pairs += [(dataset.queries[c.query_id].text, c.full_text) for c in candidates]
        scores = pair_scores(scorer, pairs, progress=progress).tolist()
        of_positive = dict(zip(known, scores[: len(known)], strict=True))
        gaps = [
            score - min(of_positive[candidate.query_id, doc_id] for doc_id in candidate.positives)
            for candidate, score in zip(candidates, scores[len(known) :], strict=True)
        ]
        return [Verdict(gap > 0, gap) for gap in gaps]

    return check
