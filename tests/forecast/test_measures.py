"""The measures of a pilot, by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from syneg_cli.core import MissingArtifact
from syneg_cli.evaluation import wilson
from syneg_cli.forecast import Forecast, PilotNegative, forecast_of, measures, read_forecast


def negative(
    query: str, similarity: float = 0.5, positive: float = 0.6, text: str = "", relevant: bool | None = None
) -> PilotNegative:
    return PilotNegative(query, text or f"text of {query} {similarity}", similarity, positive, relevant)


def test_shares_by_hand() -> None:
    """A negative as close as its positive outranks it; the margin is verify's: relevant from above s+ - m."""
    found = measures.source_measures(
        [negative("a", 0.6), negative("b", 0.56), negative("c", 0.54), negative("d", 0.2)], 0.05
    )
    assert (found.negatives, found.queries, found.judged) == (4, 4, 0)
    assert found.outranks.value == 0.25
    assert found.within_margin.value == pytest.approx(0.5)
    assert not found.relevant.measured
    assert found.relevant.as_json() is None
    assert found.similarity["50%"] == 0.55


def test_the_judged_alone_count() -> None:
    every = [negative("a", relevant=True), negative("b", relevant=False), negative("c")]
    found = measures.source_measures(every, 0.05)
    assert (found.judged, found.relevant.value) == (2, 0.5)


def test_the_interval_of_a_share_counts_queries_where_negatives_of_one_agree() -> None:
    """20 queries of 5 each; 4 queries are all true: as sure as 20 trials, not as 100."""
    agreeing = [negative(f"q{at // 5}", 1.0 if at < 20 else 0.0) for at in range(100)]
    found = measures.share(agreeing, lambda one: one.similarity == 1.0)
    # residuals of queries: 4 of 5 - 1 and 16 of 0 - 1; var = 20/19 (4 * 16 + 16 * 1) / 100^2
    effective = 0.2 * 0.8 / (20 / 19 * 80 / 100**2)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx(wilson(0.2, effective))
    assert effective == pytest.approx(19)
    independent = [negative(f"q{at}", 1.0 if at < 20 else 0.0) for at in range(100)]
    alone = measures.share(independent, lambda one: one.similarity == 1.0)
    assert (alone.low, alone.high) == pytest.approx(wilson(0.2, 99))


def test_none_of_many_is_no_proof_of_none() -> None:
    found = measures.share([negative("a")] * 3 + [negative("b")] * 3, lambda one: False)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(wilson(0.0, 2)[1])


def test_hardness_compares_within_a_query() -> None:
    """Of query a: 0.5 against 0.4 and 0.6, one of two. Of b: 0.9 beats all. c has no mined ones."""
    synthetic = [negative("a", 0.5), negative("b", 0.9), negative("c", 0.1)]
    mined = [negative("a", 0.4), negative("a", 0.6), negative("b", 0.2)]
    found = measures.harder(synthetic, mined)
    assert found.value == pytest.approx(0.75)
    # Student's t with one degree of freedom, 12.706, times sqrt(0.125 / 2) is beyond both ends
    assert (found.low, found.high) == (0.0, 1.0)
    assert not measures.harder(synthetic, []).measured
    always = measures.harder(
        [negative(f"q{at}", 0.9) for at in range(10)], [negative(f"q{at}", 0.1) for at in range(10)]
    )
    assert (always.value, always.high) == (1.0, 1.0)
    assert always.low == pytest.approx(wilson(1.0, 10)[0])


def test_the_interval_of_hardness_by_hand() -> None:
    synthetic = [negative(f"q{at}", 0.5) for at in range(4)]
    mined = [negative(f"q{at}", 0.4 if at % 2 or at == 0 else 0.6) for at in range(4)]
    found = measures.harder(synthetic, mined)  # 1, 1, 0, 1
    width = 3.182446 * math.sqrt(0.25 / 4)
    assert found.value == 0.75
    assert found.low == pytest.approx(max(0.0, 0.75 - width))


def test_similarity_tells_the_source_where_one_is_closer() -> None:
    closer = measures.told_by_similarity(
        [negative("a", 0.9), negative("b", 0.8)], [negative("a"), negative("b")]
    )
    assert closer.value == 1.0
    assert measures.told_by_similarity([], [negative("a")]).measured is False


def test_style_by_hand() -> None:
    found = measures.style("Two words. Ab1 two!")
    assert found == pytest.approx((math.log(4), math.log(2), 16 / 4, 1.0, 1 / 16, 2 / 16, 2 / 16))
    assert measures.style("")[0] == 0.0


def test_style_alone_tells_long_from_short_whatever_they_say() -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    long = [negative(f"q{at}", text=" ".join((words * 3)[at % 8 : at % 8 + 14 + at % 3])) for at in range(60)]
    brief = [negative(f"q{at}", text=" ".join((words * 3)[at % 8 : at % 8 + 5 + at % 3])) for at in range(60)]
    assert measures.told_by_style(long, brief).low > 0.9
    assert measures.told_by_style(long, long).value == pytest.approx(0.5)
    assert measures.most_telling(long, brief) == ("length", 1.0)
    assert measures.most_telling(brief, long) == ("length", 0.0)
    assert measures.most_telling(long, []) is None


def test_a_text_that_says_nearly_the_same_is_a_copy_of_the_first() -> None:
    text = "the meter shows a code when the cell is dry and the pump is off"
    found = measures.copies(
        [negative("a", text=text), negative("b", text=text + " now"), negative("c", text="another thing")]
    )
    assert found.value == pytest.approx(1 / 3)


SAYINGS = [
    "the pump hums",
    "a cell dries",
    "two men sleep",
    "one dose fell",
    "mice ran far",
    "ice melts late",
]


def source(shift: float, judged: bool | None) -> list[PilotNegative]:
    """Two negatives for each of 90 queries, alike in style."""
    return [
        negative(
            f"q{at}",
            0.5 + shift + 0.1 * math.sin(7 * at + 3 * k + 100 * shift),
            text=f"{SAYINGS[(at + k) % 6]} {SAYINGS[(at // 6 + k) % 6]} case{at}{'ab'[k]} {'xy'[shift > 0]}{at}",
            relevant=judged,
        )
        for at in range(90)
        for k in range(2)
    ]


def forecast(synthetic: list[PilotNegative], mined: list[PilotNegative]) -> Forecast:
    return forecast_of(synthetic, mined, pairs=90, pairs_with=90, miner="bm25", backbone="b")


def test_help_is_likely_only_where_everything_was_looked_at_and_is_well() -> None:
    """As hard as the mined ones, not to be told from them, no copies, none relevant: but only a judge knows the last."""
    found = forecast(source(0.01, False), source(0.0, False))
    assert [one.says for one in found.evidence] == ["help"] * 6
    assert found.verdict == "likely to help"
    assert forecast(source(0.01, None), source(0.0, None)).verdict == "cannot tell"
    assert forecast(source(0.01, True), source(0.0, False)).verdict == "likely to harm"
    assert forecast(source(0.5, False), source(0.0, False)).verdict == "likely to harm", "similarity tells"
    assert forecast(source(-0.5, False), source(0.0, False)).verdict == "likely to harm", "too easy"


def test_without_mined_negatives_nobody_can_tell() -> None:
    found = forecast(source(0.01, False), [])
    assert found.verdict == "cannot tell"
    assert found.sources["bm25"].as_json()["outranks_positive"] is None


def test_a_stored_forecast_is_read_back(tmp_path: Path) -> None:
    found, file = forecast(source(0.01, True), source(0.0, None)), tmp_path / "x.pilot.json"
    file.write_text(json.dumps(found.as_json()), encoding="utf-8")
    read = read_forecast(file)
    assert read.as_json() == found.as_json()
    assert (read.verdict, read.evidence[1].measured) == (found.verdict, found.evidence[1].measured)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"verdict": "surely"}', '{"verdict": "cannot tell", "evidence": 3}']
)
def test_what_is_no_forecast_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.pilot.json"
    with pytest.raises(MissingArtifact, match="is not there"):
        read_forecast(file)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MissingArtifact, match=r"x\.pilot\.json is no forecast of a pilot"):
        read_forecast(file)
