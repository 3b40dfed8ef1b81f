"""The placebo: synthetic negatives shuffled over queries.

Every pair keeps as many negatives by the same LLM as another had, and none that was written for its
query. What helps as much as these do not help by what they say of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syneg_cli.core import Pair, SyntheticNegative, UsageError, digest, joined


def shuffled(negatives: Sequence[SyntheticNegative], seed: int = 0) -> list[SyntheticNegative]:
    """The same texts for the same pairs, each pair with those of one pair of another query.

    The queries stand in a circle, in an order that their ids and the seed decide, and every pair gets
    what stands so many places further as one query has pairs at most: never its own query's. A pair
    without negatives takes no part.

    Raises:
        UsageError: one query has half of the pairs or more.
    """
    written: dict[Pair, list[SyntheticNegative]] = {}
    for negative in negatives:
        written.setdefault(Pair(negative.query_id, negative.positive_id), []).append(negative)
    pairs = sorted(
        written, key=lambda pair: (digest(joined("placebo", seed, pair.query_id)), pair.query_id, pair.doc_id)
    )
    counts: dict[str, int] = {}
    for pair in pairs:
        counts[pair.query_id] = counts.get(pair.query_id, 0) + 1
    step = max(counts.values(), default=0)
    if len(pairs) < 2 * step or not pairs:
        raise UsageError("One query has half of all synthetic negatives: nothing can be shuffled.")
    found = []
    for place, pair in enumerate(pairs):
        giver = pairs[(place + step) % len(pairs)]
        found += [
            replace(given, query_id=pair.query_id, positive_id=pair.doc_id, index=number, extra={}, scores={})
            for number, given in enumerate(sorted(written[giver], key=_index), start=1)
        ]
    return found


def _index(negative: SyntheticNegative) -> int:
    return negative.index
