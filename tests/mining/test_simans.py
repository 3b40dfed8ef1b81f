"""SimANS draws by the distance from the positive's score: where there is none, nothing is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core import UsageError
from syneg_cli.mining import Selection, Setup, mine_negatives
from syneg_cli.mining.registry import check_miner
from tests.conftest import Cli
from tests.fakes import open_tiny


def test_a_query_whose_positive_the_run_lacks_gets_nothing(tiny: Path, cli: Cli) -> None:
    """q1's positive d1 has a score, q2's d3 has none: without it the first ranks would come as if drawn."""
    run = Path("r.trec")
    run.write_text("q1 Q0 d1 1 9 x\nq1 Q0 d4 2 8 x\nq2 Q0 d5 1 9 x\nq2 Q0 d6 2 8 x\n", encoding="utf-8")
    setup = Setup(open_tiny(tiny), lambda: None)  # type: ignore[arg-type, return-value]
    mined = mine_negatives(setup.dataset, [f"simans:run:{run}"], setup=setup, selection=Selection(depth=2))[0]
    assert [(one.query_id, one.doc_id) for one in mined] == [("q1", "d4")]
    left = mined.tally.survivors
    assert (left["rank 1 to 300"], left["a scored positive"]) == (3, 1)
    assert "without a scored positive: 2 queries" in mined.tally.remarks(300, 2)
    found: Any = cli("mine", tiny, "--miner", f"simans:run:{run}", "--json").json
    assert found["miners"][0]["without_scored_positive"] == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("simans:random", "draws by the scores of a ranking, and random is none"),
        ("simans:simans:bm25", "and simans is none"),
        ("fusion:bm25+simans", "fusion needs two rankings or more, not 'bm25\\+simans'"),
        ("fusion:bm25", "fusion needs two rankings or more"),
        ("fusion:bm25+fusion", "fusion needs two rankings or more"),
        ("simans:fusion:bm25", "fusion needs two rankings or more"),
    ],
)
def test_miners_that_can_do_nothing_with_their_parts(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_miner(name)


@pytest.mark.parametrize(
    "name", ["simans", "simans:bm25", "simans:run:x", "simans:fusion", "fusion:random+dense"]
)
def test_miners_that_can(name: str) -> None:
    assert check_miner(name) == name
