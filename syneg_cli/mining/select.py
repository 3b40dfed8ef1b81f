"""From a ranking to negatives: positives out, filters in a fixed order, then the draw.

Nothing is topped up: a query whose documents the filters took has fewer negatives, and the
tally says which filter it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from syneg_cli.core import MinedNegative, generator, joined
from syneg_cli.data import Dataset, near_copy
from syneg_cli.mining import filters
from syneg_cli.mining.base import Ranking
from syneg_cli.mining.settings import MineSettings
from syneg_cli.mining.tally import Tally

if TYPE_CHECKING:
    import numpy as np


POOL = 300
"""Ranks looked at by default, so that filters have something to choose from."""


@dataclass(frozen=True)
class Selection:
    """Which of a ranking's documents become negatives.

    Ranks count from 1 among the documents that may be negatives. `percentage` and `margin`
    compare with the lowest score of the query's positives; `near_copies` is the overlap of
    word sets with a positive from which a text counts as its copy.
    """

    depth: int = 30
    pool: int = POOL
    skip: int = 0
    min_score: float | None = None
    max_score: float | None = None
    margin: float | Literal["auto"] | None = None
    percentage: float | None = None
    near_copies: float | None = 0.9
    draw: Literal["top", "sample"] = "top"

    @classmethod
    def of(cls, settings: MineSettings) -> Selection:
        """The filters that [mine] sets; "off" becomes None."""
        values = settings.model_dump(include=set(cls.__dataclass_fields__))
        off = {name: None for name in ("percentage", "near_copies") if values[name] == "off"}
        return cls(**values | off | {"pool": max(settings.pool, settings.depth)})

    @property
    def last_rank(self) -> int:
        return self.skip + max(self.pool, self.depth)

    @property
    def needs_scores(self) -> bool:
        return any(
            value is not None for value in (self.min_score, self.max_score, self.margin, self.percentage)
        )


def select(
    dataset: Dataset,
    miner: str,
    query_ids: Sequence[str],
    ranking: Ranking,
    selection: Selection,
    *,
    scored: bool,
    seed: int,
    tally: Tally,
) -> Iterator[MinedNegative]:
    """The negatives of a block of queries, in query order and by rank; counts go to the tally."""
    import numpy as np

    allowed = _may_be_negative(dataset, query_ids, ranking.rows)
    ranks = np.cumsum(allowed, axis=1)
    tally.start(ranking, allowed)
    kept = allowed
    for name, mask in _masks(ranking, ranks, selection, scored):
        kept = kept & mask
        tally.after(name, kept)
    weights = ranking.log_weight
    if weights is None and selection.draw == "sample":
        weights = np.zeros(kept.shape)
    for place, query_id in enumerate(query_ids):
        places = np.flatnonzero(kept[place])
        if weights is not None:
            noise = generator(joined(seed, "draw", miner, query_id)).gumbel(size=kept.shape[1])
            # The largest log-weights plus Gumbel noise are a weighted draw without replacement.
            places = places[np.argsort(-(weights[place] + noise)[places], kind="stable")]
        chosen = sorted(_first_originals(dataset, query_id, ranking.rows[place], places, selection, tally))
        tally.drawn(place, query_id, len(chosen), selection.depth)
        for column in chosen:
            row, score = int(ranking.rows[place, column]), float(ranking.scores[place, column])
            doc_id = dataset.corpus.ids[row]
            negative = MinedNegative(query_id, doc_id, miner, int(ranks[place, column]), round(score, 6))
            tally.kept(negative, ranking.positive[place])
            yield negative


def _may_be_negative(dataset: Dataset, query_ids: Sequence[str], rows: np.ndarray) -> np.ndarray:
    """(n, c) booleans: a document with a text that `Dataset.excluded` does not name."""
    import numpy as np

    allowed = rows >= 0
    for place, query_id in enumerate(query_ids):
        out = [dataset.corpus.row(doc_id) for doc_id in dataset.excluded(query_id)]
        allowed[place] &= ~np.isin(rows[place], np.array(out, dtype=np.int64))
    return allowed


def _masks(
    ranking: Ranking, ranks: np.ndarray, selection: Selection, scored: bool
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, mask) of every filter that is switched on, in the order they are applied."""
    import numpy as np

    first, last = selection.skip + 1, selection.last_rank
    yield f"rank {first} to {last}", filters.rank_window(ranks, first, last)
    if not scored:
        return
    scores, positive = ranking.scores, ranking.positive
    if ranking.log_weight is not None:
        yield "a scored positive", np.isfinite(ranking.log_weight)
    if selection.min_score is not None:
        yield f"score >= {selection.min_score:g}", filters.at_least(scores, selection.min_score)
    if selection.max_score is not None:
        yield f"score <= {selection.max_score:g}", filters.at_most(scores, selection.max_score)
    if selection.margin == "auto":
        width = filters.auto_margin(positive, ranking.baseline, filters.SHARE)
        yield "margin auto", filters.margin(scores, positive, width)
    elif selection.margin is not None:
        yield f"margin {selection.margin:g}", filters.margin(scores, positive, selection.margin)
    if selection.percentage is not None:
        name = f"at most {selection.percentage:.0%} of the positive"
        yield name, filters.percentage(scores, positive, selection.percentage)


def _first_originals(
    dataset: Dataset,
    query_id: str,
    rows: np.ndarray,
    places: np.ndarray,
    selection: Selection,
    tally: Tally,
) -> list[int]:
    """The first `depth` places whose texts are no near copies of a positive."""
    if selection.near_copies is None:
        return [int(place) for place in places[: selection.depth]]
    corpus = dataset.corpus
    positives = [corpus[doc_id].full_text for doc_id in sorted(dataset.positives(query_id))]
    chosen: list[int] = []
    at = 0
    while len(chosen) < selection.depth and at < len(places):
        batch = places[at : at + selection.depth - len(chosen)]
        at += len(batch)
        for place, text in zip(batch, corpus.texts([int(row) for row in rows[batch]]), strict=True):
            if any(near_copy(text, positive, selection.near_copies) for positive in positives):
                tally.near_copies += 1
            else:
                chosen.append(int(place))
    return chosen
