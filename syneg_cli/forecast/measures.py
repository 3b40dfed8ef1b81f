"""What is measured of a pilot's negatives. Every interval is over queries: those of one belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from syneg_cli.data import units, vocabulary
from syneg_cli.evaluation import Auc, auc, probe_auc, share_of_groups, wilson
from syneg_cli.forecast.records import NOTHING, Interval, PilotNegative, SourceMeasures
from syneg_cli.mining import quantiles

COPY = 0.8
"""Overlap of the sets of words (Jaccard) from which two negatives are one text twice."""

SENTENCE_ENDS = ".?!。؟।？！"
STYLE = (
    "length",
    "words a sentence",
    "characters a word",
    "variety of words",
    "digits",
    "capitals",
    "punctuation",
)
"""What the features of `style` are."""


def source_measures(negatives: Sequence[PilotNegative], margin: float) -> SourceMeasures:
    """What the negatives of a source are like.

    Args:
        margin: that of verify's check (NV-Retriever, arXiv 2407.15831): keep s- <= s+ - margin.
    """
    judged = [one for one in negatives if one.relevant is not None]
    return SourceMeasures(
        negatives=len(negatives),
        queries=len({one.query_id for one in negatives}),
        similarity=quantiles([one.similarity for one in negatives]),
        outranks=share(negatives, lambda one: one.similarity >= one.positive),
        within_margin=share(negatives, lambda one: one.similarity - one.positive > -margin),
        judged=len(judged),
        relevant=share(judged, lambda one: bool(one.relevant)),
    )


def share(negatives: Sequence[PilotNegative], holds: Callable[[PilotNegative], bool]) -> Interval:
    """The share for which something holds, with its interval over queries."""
    if not negatives:
        return NOTHING
    groups: dict[str, list[bool]] = {}
    for one in negatives:
        groups.setdefault(one.query_id, []).append(holds(one))
    return Interval(*share_of_groups(groups.values()))


def harder(synthetic: Sequence[PilotNegative], mined: Sequence[PilotNegative]) -> Interval:
    """How often a synthetic negative is more similar to its query than a mined one of the same query.

    The mean over queries, each counting once; ties count half. The interval is Student's, or Wilson's
    where all queries are alike. So 0.5 is as hard as the mined ones, 0 always easier.
    """
    shares = []
    for query_id in dict.fromkeys(one.query_id for one in synthetic):
        ours = [one.similarity for one in synthetic if one.query_id == query_id]
        if theirs := [one.similarity for one in mined if one.query_id == query_id]:
            shares.append(auc(ours, theirs).value)
    return _mean(shares)


def _mean(values: Sequence[float]) -> Interval:
    """The mean of numbers from 0 to 1, with its interval."""
    from scipy import stats

    if not values:
        return NOTHING
    count, mean = len(values), sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / max(1, count - 1)
    if variance == 0:
        return Interval(mean, *wilson(mean, count))
    width = float(stats.t.ppf(0.975, count - 1)) * (variance / count) ** 0.5
    return Interval(mean, max(0.0, mean - width), min(1.0, mean + width))


def told_by_similarity(synthetic: Sequence[PilotNegative], mined: Sequence[PilotNegative]) -> Interval:
    """AUC of telling the source by the similarity to the query; above 0.5 synthetic ones are closer."""
    return _interval(
        auc(
            [one.similarity for one in synthetic],
            [one.similarity for one in mined],
            [one.query_id for one in synthetic],
            [one.query_id for one in mined],
        )
    )


def told_by_style(synthetic: Sequence[PilotNegative], mined: Sequence[PilotNegative]) -> Interval:
    """AUC of telling the source from length and style alone, by a linear probe on other queries."""
    return _interval(
        probe_auc(
            [style(one.text) for one in synthetic],
            [style(one.text) for one in mined],
            [one.query_id for one in synthetic],
            [one.query_id for one in mined],
        )
    )


def most_telling(
    synthetic: Sequence[PilotNegative], mined: Sequence[PilotNegative]
) -> tuple[str, float] | None:
    """(what of the style tells the source best, its AUC: above 0.5 synthetic ones have more of it)."""
    if not synthetic or not mined:
        return None
    ours, theirs = [style(one.text) for one in synthetic], [style(one.text) for one in mined]
    found = {
        name: auc([one[at] for one in ours], [one[at] for one in theirs]).value
        for at, name in enumerate(STYLE)
    }
    name = max(found, key=lambda name: abs(found[name] - 0.5))
    return name, found[name]


def _interval(found: Auc) -> Interval:
    return Interval(found.value, found.low, found.high)


def style(text: str) -> tuple[float, ...]:
    """How a text is written, whatever it is about: the features that `STYLE` names.

    Words are characters where blanks do not separate words; the first two are logarithms, the last
    three shares of all letters and signs.
    """
    words, letters = units(text), [letter for letter in text if not letter.isspace()]
    count, size = max(1, len(words)), max(1, len(letters))
    sentences = max(1, sum(letter in SENTENCE_ENDS for letter in letters))
    return (
        math.log(count),
        math.log(count / sentences),
        size / count,
        len(set(words)) / count,
        sum(map(str.isdigit, letters)) / size,
        sum(map(str.isupper, letters)) / size,
        sum(not letter.isalnum() for letter in letters) / size,
    )


def copies(synthetic: Sequence[PilotNegative]) -> Interval:
    """Share of the synthetic negatives that say nearly the same as one before them."""
    seen: list[set[str]] = []
    repeated = set()
    for at, one in enumerate(synthetic):
        words = vocabulary(one.text)
        if any(len(words & other) >= COPY * len(words | other) for other in seen):
            repeated.add(at)
        seen.append(words)
    places = {id(one): at for at, one in enumerate(synthetic)}
    return share(synthetic, lambda one: places[id(one)] in repeated)
