"""The forecast of a pilot: every measure, every rule, one verdict."""

from __future__ import annotations

from collections.abc import Sequence

from syneg_cli.core import SYNTHETIC
from syneg_cli.forecast import measures, rules
from syneg_cli.forecast.records import Forecast, PilotNegative
from syneg_cli.mining import quantiles


def forecast_of(
    synthetic: Sequence[PilotNegative],
    mined: Sequence[PilotNegative],
    *,
    pairs: int,
    pairs_with: int,
    miner: str,
    backbone: str,
    margin: float = 0.05,
    need_synthetic: float = 0.5,
    notes: tuple[str, ...] = (),
) -> Forecast:
    """What can be said of a job before it is paid for, without training.

    Args:
        synthetic: the usable negatives of the pilot; at least one.
        mined: negatives of the same queries.
        pairs: (query, positive) pairs that were asked about; `pairs_with` of them got a usable negative.
        miner, backbone: who found the mined ones, and whose similarities these are.
        margin: of verify's check.
        need_synthetic: the share of pairs that a mix asks for.
    """
    sources = {
        SYNTHETIC: measures.source_measures(synthetic, margin),
        miner: measures.source_measures(mined, margin),
    }
    written = sources[SYNTHETIC]
    evidence = (
        rules.usable(pairs_with, pairs, need_synthetic),
        rules.false_negatives(written.relevant, sources[miner].relevant, written.judged),
        rules.hardness(measures.harder(synthetic, mined)),
        rules.similarity(measures.told_by_similarity(synthetic, mined)),
        rules.style(measures.told_by_style(synthetic, mined), measures.most_telling(synthetic, mined)),
        rules.repeated(measures.copies(synthetic)),
    )
    return Forecast(
        verdict=rules.forecast_verdict(evidence),
        evidence=evidence,
        pairs=pairs,
        positive_similarity=quantiles([one.positive for one in synthetic]),
        sources=sources,
        miner=miner,
        backbone=backbone,
        notes=notes,
    )
