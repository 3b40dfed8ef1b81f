"""`margin`: relevant is what an encoder finds nearly as close to the query as its positive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syneg_cli.core import Progress
from syneg_cli.data import Dataset
from syneg_cli.encoding import Encodes
from syneg_cli.verification.tools import Tools
from syneg_cli.verification.verdicts import Candidate, Check, NoVerdict, Verdict

if TYPE_CHECKING:
    import numpy as np


def make(tools: Tools) -> Check:
    return margin(tools.make_encoder(), tools.dataset, margin=tools.settings.margin, progress=tools.progress)


def margin(
    encoder: Encodes, dataset: Dataset, *, margin: float = 0.05, progress: Progress | None = None
) -> Check:
    """Relevant is what comes closer to the query than `margin` below its positive.

    NV-Retriever's margin filter (arXiv 2407.15831): keep s- <= s+ - m; of several positives the
    lowest counts. Scores are the encoder's inner products of what it embeds.
    """

    known: dict[str, np.ndarray] = {}

    def encode(texts: Sequence[str]) -> list[np.ndarray]:
        """Vectors; a text that comes again, for another query or in another file, is encoded once."""
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, encoder.encode_texts(new, progress), strict=True))
        return [known[text] for text in texts]

    def check(candidates: Sequence[Candidate]) -> list[Verdict | NoVerdict]:
        query_ids = sorted({candidate.query_id for candidate in candidates})
        doc_ids = sorted({doc_id for candidate in candidates for doc_id in candidate.positives})
        queries = encoder.encode_queries([dataset.queries[i].text for i in query_ids], progress)
        positives = encode([dataset.corpus[i].full_text for i in doc_ids])
        texts = encode([candidate.full_text for candidate in candidates])
        query_row = {query_id: row for row, query_id in enumerate(query_ids)}
        doc_row = {doc_id: row for row, doc_id in enumerate(doc_ids)}
        verdicts: list[Verdict | NoVerdict] = []
        for row, candidate in enumerate(candidates):
            query = queries[query_row[candidate.query_id]]
            lowest = min(float(positives[doc_row[doc_id]] @ query) for doc_id in candidate.positives)
            gap = float(texts[row] @ query) - lowest
            verdicts.append(Verdict(gap > -margin, gap))
        return verdicts

    return check
