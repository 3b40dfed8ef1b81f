"""The placebo: synthetic negatives shuffled over queries.

Every pair keeps as many negatives by the same LLM as another had, and none that was written for its
query. What helps as much as these do not help by what they say of the query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from syneg_cli.core import Pair, SyntheticNegative, UsageError, digest, joined


def shuffled(negatives: Sequence[SyntheticNegative], seed: int = 0) -> list[SyntheticNegative]:
    """The same texts for the same pairs, each pair with those of one pair of another query.

    The queries stand in a circle, in an order that their ids and the seed decide, and every pair gets
    what stands so many places further as one query has pairs at most: never its own query's. A pair
    without negatives takes no part.

    Raises:
        UsageError: one query has more than half of the pairs.
    """
    written: dict[Pair, list[SyntheticNegative]] = {}
    for negative in negatives:
        written.setdefault(Pair(negative.query_id, negative.positive_id), []).append(negative)
    pairs = sorted(
        written, key=lambda pair: (digest(joined("placebo", seed, pair.query_id)), pair.query_id, pair.doc_id)
    )
    step = _most(pairs)
    if not _enough(pairs):
        raise UsageError(
            "One query has more than half of the pairs with synthetic negatives: nothing can be shuffled.",
            hint="Run `syneg generate` for more queries.",
        )
    found = []
    for place, pair in enumerate(pairs):
        giver = pairs[(place + step) % len(pairs)]
        found += [
            replace(given, query_id=pair.query_id, positive_id=pair.doc_id, index=number, extra={}, scores={})
            for number, given in enumerate(sorted(written[giver], key=_index), start=1)
        ]
    return found


def can_be_shuffled(negatives: Iterable[SyntheticNegative]) -> bool:
    """Whether every pair can have the negatives of another query's pair."""
    return _enough({Pair(one.query_id, one.positive_id) for one in negatives})


def _most(pairs: Collection[Pair]) -> int:
    """The pairs of the query that has most of them."""
    return max(Counter(pair.query_id for pair in pairs).values(), default=0)


def _enough(pairs: Collection[Pair]) -> bool:
    return bool(pairs) and len(pairs) >= 2 * _most(pairs)


def _index(negative: SyntheticNegative) -> int:
    return negative.index
