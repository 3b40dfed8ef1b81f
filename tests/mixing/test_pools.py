"""What a pair may draw from: hand-made negatives, and the place and weight of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syneg_cli.core.errors import UsageError
from syneg_cli.core.records import SYNTHETIC, MinedNegative, NegativeRef, Pair
from syneg_cli.mixing.pools import Rules, build_pools, relabelled, risk
from syneg_cli.mixing.strategies import Candidate
from syneg_cli.verification import Verdict
from tests.fakes import judged
from tests.mixing.test_mix import written

PAIR = Pair("q", "p")


def nothing(query_id: str) -> frozenset[str]:
    return frozenset()


def mined(doc_id: str, score: float, miner: str = "bm25", query_id: str = "q") -> MinedNegative:
    return MinedNegative(query_id, doc_id, miner, 1, score)


def test_a_pair_draws_from_its_own_written_and_its_querys_mined_negatives() -> None:
    other, elsewhere = Pair("q", "p2"), Pair("r", "p")
    made = build_pools(
        [elsewhere, PAIR, other],
        [written(PAIR, 2), written(other, 1), written(PAIR, 1)],
        [mined("b", 1.0), mined("a", 2.0), mined("c", 3.0, query_id="r"), mined("no", 9.0, query_id="r")],
        lambda query_id: frozenset({"no"} if query_id == "r" else ()),
        own_queries={"q/p/2"},
    )
    assert list(made) == [elsewhere, PAIR, other], "the order of the pairs"
    assert made[PAIR].synthetic == (
        Candidate(NegativeRef(SYNTHETIC, "q/p/1"), "syneg", 0.0, False),
        Candidate(NegativeRef(SYNTHETIC, "q/p/2"), "syneg", 0.0, True),
    )
    assert [c.ref.id for c in made[other].synthetic] == ["q/p2/1"]
    found = (
        Candidate(NegativeRef("bm25", "a"), "bm25", 0.5),
        Candidate(NegativeRef("bm25", "b"), "bm25", 0.0),
    )
    assert made[PAIR].retrieved == made[other].retrieved == found
    assert (made[elsewhere].synthetic, [c.ref.id for c in made[elsewhere].retrieved]) == ((), ["c"])


def test_the_place_is_among_the_scores_of_the_same_query_and_miner() -> None:
    """Of 1, 2, 2 and 4 none, one, one and three are lower; others' scores do not matter."""
    rows = [mined(d, s) for d, s in (("a", 4.0), ("b", 2.0), ("c", 1.0), ("d", 2.0))]
    rows += [mined("e", 100.0, query_id="r"), mined("f", 0.5, miner="dense"), mined("g", 0.25, miner="dense")]
    made = build_pools([PAIR], [], rows, nothing)[PAIR].retrieved
    assert {c.ref.id: c.hardness for c in made} == {"a": 0.75, "b": 0.25, "c": 0, "d": 0.25, "f": 0.5, "g": 0}


def test_a_measure_counts_only_where_every_mined_negative_has_one() -> None:
    measured = [replace(mined(d, s), scores={"margin": -s}) for d, s in (("a", 1.0), ("b", 2.0))]
    half = [measured[0], mined("b", 2.0)]
    for rows, hardness in ((measured, [-1.0, -2.0]), (half, [0.0, 0.5])):
        made = build_pools([PAIR], [], rows, nothing)[PAIR].retrieved
        assert [c.hardness for c in made] == hardness
    own = replace(written(PAIR, 1), scores={"margin": 0.25})
    assert build_pools([PAIR], [own], [], nothing)[PAIR].synthetic[0].hardness == 0.25


@pytest.mark.parametrize(
    ("weights", "miner", "hardness"),
    [
        ({}, "bm25", 0.5),
        ({"dense": 1.5}, "dense", 0.0),
        ({"bm25": 0.5}, "dense", 0.0),
        ({"bm25": 0.5, "dense": 0.5}, "bm25", 0.5),
    ],
)
def test_a_document_of_two_miners_is_of_the_one_with_more_weight(
    weights: dict[str, float], miner: str, hardness: float
) -> None:
    """Then of the first by name; of two rows of one miner, the better counts."""
    rows = [mined("a", 0.1, miner="dense"), mined("a", 7.0), mined("a", 3.0), mined("b", 9.0)]
    rows += [mined("c", 1.0)]
    made = build_pools([PAIR], [], rows, nothing, rules=Rules(weights))[PAIR].retrieved
    assert made[0] == Candidate(NegativeRef(miner, "a"), miner, hardness)
    assert [c.ref.id for c in made] == ["a", "b", "c"]


def test_a_weight_of_zero_leaves_out_miners_and_prompts_alike() -> None:
    rows, own = [mined("a", 1.0), mined("b", 1.0, miner="dense")], [written(PAIR, 1)]
    for weights, left in (
        ({"bm25": 0.0}, (1, ["b"])),
        ({"syneg": 0.0}, (0, ["a", "b"])),
        ({}, (1, ["a", "b"])),
    ):
        made = build_pools([PAIR], own, rows, nothing, rules=Rules(weights))[PAIR]
        assert (len(made.synthetic), [c.ref.id for c in made.retrieved]) == left
    with pytest.raises(UsageError) as caught:
        build_pools([PAIR], own, rows, nothing, rules=Rules({"bm52": 1.0}))
    assert "weights names 'bm52', and no negative is of it. Did you mean 'bm25'?" in str(caught.value)
    assert caught.value.hint == "Miners and prompts there are: bm25, dense, syneg."
    with pytest.raises(UsageError) as nobody:
        build_pools([PAIR], [], [], nothing, rules=Rules({"bm25": 1.0}))
    assert nobody.value.hint == "Miners and prompts there are: none."


@pytest.mark.parametrize(
    ("checks", "against", "expected"),
    [(0, 0, 0.0), (1, 0, 0.0), (1, 1, 1.0), (2, 1, 0.5), (3, 1, 1 / 3), (0, 1, 1.0), (1, 2, 1.0)],
)
def test_the_risk_is_a_share_of_the_checks(checks: int, against: int, expected: float) -> None:
    """A verdict without a score is an opinion too: never more than all of them are against it."""
    scores = {f"c{number}": 0.0 for number in range(checks)}
    row = replace(
        mined("a", 1.0), scores=scores, relevant_by=tuple(f"c{number}" for number in range(against))
    )
    assert risk(row) == pytest.approx(expected)
    admits = [Rules(max_risk=cap).admit(row, "bm25") for cap in (None, 1.0, expected)]
    assert admits == [True, True, True]
    assert Rules(max_risk=expected - 0.01).admit(row, "bm25") is False


def test_pools_leave_out_dropped_excluded_and_repeated() -> None:
    pair = Pair("q", "p")
    made = build_pools(
        [pair],
        [written(pair, 1), written(pair, 2, status="dropped"), written(Pair("q", "other"), 1)],
        [
            MinedNegative("q", "a", "bm25", 1, 9.0),
            MinedNegative("q", "a", "dense", 1, 0.9),
            MinedNegative("q", "twin", "dense", 2, 0.8),
            MinedNegative("q", "b", "dense", 3, 0.7, status="dropped"),
        ],
        lambda query_id: frozenset({"p", "twin"}),
    )
    assert [c.ref for c in made[pair].synthetic] == [NegativeRef(SYNTHETIC, "q/p/1")]
    assert [c.ref for c in made[pair].retrieved] == [NegativeRef("bm25", "a")]


def test_a_weight_of_nothing_is_an_error_and_zero_leaves_out() -> None:
    pair = Pair("q", "p")
    mined = [MinedNegative("q", "a", "bm25", 1, 9.0), MinedNegative("q", "a", "dense", 1, 0.9)]
    none = lambda query_id: frozenset[str]()  # noqa: E731
    made = build_pools([pair], [], mined, none, rules=Rules({"bm25": 0}))
    assert [c.ref.source for c in made[pair].retrieved] == ["dense"]
    preferred = build_pools([pair], [], mined, none, rules=Rules({"dense": 2}))
    assert [c.ref.source for c in preferred[pair].retrieved] == ["dense"]
    with pytest.raises(UsageError, match="bm25"):
        build_pools([pair], [], mined, none, rules=Rules({"bn25": 1}))


def test_a_document_of_two_miners_does_not_depend_on_who_comes_first() -> None:
    mined = [MinedNegative("q", d, m, r, 1.0 / r) for m in ("dense", "bm25") for r, d in ((1, "a"), (2, "b"))]
    one, other = (
        build_pools([Pair("q", "p")], [], rows, lambda q: frozenset()) for rows in (mined, mined[::-1])
    )
    assert one == other


def test_the_risk_of_a_negative_is_what_verify_marked() -> None:
    clean = MinedNegative("q", "a", "dense", 1, 0.9)
    half = judged(clean, {"judge": Verdict(True, 1.0), "margin": Verdict(False, -0.3)}, "mark")
    assert [risk(clean), risk(half)] == [0.0, 0.5]
    both = judged(clean, {"judge": Verdict(True, 1.0), "margin": Verdict(True, 0.1)}, "mark")
    assert risk(both) == 1.0
    assert [Rules(max_risk=cap).admit(half, "dense") for cap in (None, 0.5, 0.4)] == [True, True, False]
    assert not Rules().admit(judged(clean, {"judge": Verdict(True, 1.0)}, "drop"), "dense")
    turned = judged(clean, {"judge": Verdict(True, 1.0)}, "relabel")
    assert relabelled([clean, turned, half]) == [Pair("q", "a")]


def test_hardness_of_two_miners_is_their_places_and_verifys_measure_where_there_is_one() -> None:
    scores = [("bm25", "a", 30.0), ("bm25", "b", 10.0), ("dense", "c", 0.2), ("dense", "d", 0.9)]
    rows = [MinedNegative("q", d, m, 1, s) for m, d, s in scores]
    pair, none = Pair("q", "p"), frozenset[str]()
    made = build_pools([pair], [], rows, lambda q: none)[pair].retrieved
    assert {c.ref.id: c.hardness for c in made} == {"a": 0.5, "b": 0.0, "c": 0.0, "d": 0.5}
    measured = [judged(row, {"margin": Verdict(False, -row.score)}, "mark") for row in rows]
    made = build_pools([pair], [], measured, lambda q: none)[pair].retrieved
    assert {c.ref.id: c.hardness for c in made} == {"a": -30.0, "b": -10.0, "c": -0.2, "d": -0.9}
