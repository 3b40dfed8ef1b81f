"""Pools of negatives, what each strategy draws from them, and in which proportions."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core.errors import MissingArtifact, UsageError
from syneg_cli.core.records import (
    CORPUS,
    SYNTHETIC,
    TEXT,
    NegativeRef,
    Pair,
    Status,
    SyntheticNegative,
)
from syneg_cli.mixing.mix import Mixed, describe, mix
from syneg_cli.mixing.strategies import (
    STRATEGIES,
    Candidate,
    Draw,
    Pools,
    shares,
    synthetic_count,
    take,
    window,
)


def pools(synthetic: int, retrieved: int) -> Pools:
    """Candidates s0, s1, ... with queries of their own, and d0, d1, ...; the higher the number, the harder."""
    return Pools(
        tuple(Candidate(NegativeRef(SYNTHETIC, f"s{i}"), "syneg", i, True) for i in range(synthetic)),
        tuple(Candidate(NegativeRef("dense", f"d{i}"), "dense", i) for i in range(retrieved)),
    )


def written(pair: Pair, index: int, status: Status = "ok") -> SyntheticNegative:
    return SyntheticNegative(
        pair.query_id, pair.doc_id, index, "", "text", prompt="syneg", llm="x", key="k", status=status
    )


@given(k=st.integers(1, 12), ratio=st.floats(0, 5), seed=st.integers(0, 1000))
def test_synthetic_count_is_next_to_its_expectation(k: int, ratio: float, seed: int) -> None:
    count = synthetic_count(k, ratio, random.Random(seed))
    assert 0 <= count <= k
    assert abs(count - k * ratio / (1 + ratio)) < 1


@pytest.mark.parametrize("strategy", ["hybrid", "direct"])
@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.7, 1.0, 2.7])
def test_ratio_holds_in_expectation(strategy: str, ratio: float) -> None:
    """Over 4 000 draws the ratio is within 6 % of R (about 3 standard errors for the widest case)."""
    many = {Pair(f"q{i}", "d"): pools(12, 12) for i in range(500)}
    mixed = mix(many, strategy=strategy, k=3, ratio=ratio, rounds=8, seed=1)
    synthetic = mixed.sources[SYNTHETIC]
    retrieved = sum(mixed.sources.values()) - synthetic
    assert synthetic / retrieved == pytest.approx(ratio, rel=0.06 if strategy == "hybrid" else 0.15)
    assert {len(drawn) for i in mixed.instances for drawn in i.rounds} == {3}


def test_direct_keeps_the_ratio_with_a_small_synthetic_pool() -> None:
    many = {Pair(f"q{i}", "d"): pools(2, 12) for i in range(500)}
    mixed = mix(many, strategy="direct", k=3, ratio=0.7, rounds=8, seed=1)
    synthetic = mixed.sources[SYNTHETIC]
    assert synthetic / (sum(mixed.sources.values()) - synthetic) == pytest.approx(0.7, rel=0.1)


def test_direct_never_mixes_kinds_and_hybrid_does() -> None:
    many = {Pair(f"q{i}", "d"): pools(4, 4) for i in range(50)}
    direct = mix(many, strategy="direct", k=4, ratio=1.0, rounds=2, seed=0)
    assert set(direct.composition) == {"4 synthetic", "4 dense"}
    hybrid = mix(many, strategy="hybrid", k=4, ratio=1.0, rounds=2, seed=0)
    assert set(hybrid.composition) == {"2 synthetic + 2 dense"}


def test_hybrid_fills_up_from_the_other_kind() -> None:
    assert mix_one(pools(2, 0), "hybrid") == "2 synthetic"
    assert mix_one(pools(0, 5), "hybrid") == "3 dense"
    assert mix_one(pools(1, 5), "hybrid", ratio=5.0) == "1 synthetic + 2 dense"


def mix_one(pool: Pools, strategy: str, ratio: float = 0.5) -> str:
    mixed = mix({Pair("q", "d"): pool}, strategy=strategy, k=3, ratio=ratio, rounds=1, seed=0)
    return describe(mixed.instances[0].rounds[0])


def test_single_kinds() -> None:
    assert mix_one(pools(5, 5), "synthetic") == "3 synthetic"
    assert mix_one(pools(5, 5), "retrieved") == "3 dense"


def test_a_pair_without_negatives_stays() -> None:
    mixed = mix(
        {Pair("a", "d"): pools(0, 0), Pair("b", "d"): pools(3, 0)},
        strategy="synthetic",
        k=2,
        ratio=1,
        rounds=2,
        seed=0,
    )
    assert [i.query_id for i in mixed.instances] == ["a", "b"]
    assert mixed.empty == 1


def test_nothing_at_all_is_an_error_with_the_next_step() -> None:
    with pytest.raises(MissingArtifact) as caught:
        mix({Pair("q", "d"): pools(0, 3)}, strategy="synthetic", k=2, ratio=1, rounds=1, seed=0)
    assert "syneg generate" in str(caught.value.hint)


@settings(max_examples=30)
@given(st.permutations(range(8)), st.sampled_from(sorted(STRATEGIES)), st.integers(0, 3))
def test_draws_do_not_depend_on_the_order_of_the_input(order: list[int], strategy: str, seed: int) -> None:
    def drawn(positions: list[int]) -> dict[str, object]:
        chosen = {Pair(f"q{i}", "d"): pools(4, 6) for i in positions}
        mixed = mix(chosen, strategy=strategy, k=3, ratio=0.7, rounds=2, seed=seed)
        return {instance.query_id: instance.rounds for instance in mixed.instances}

    assert drawn(order) == drawn(list(range(8)))


def test_no_negative_twice_in_an_instance_and_seeds_differ() -> None:
    many = {Pair(f"q{i}", "d"): pools(6, 6) for i in range(30)}
    a = mix(many, strategy="hybrid", k=5, ratio=1, rounds=3, seed=0)
    assert [len(i.rounds) for i in a.instances] == [3] * 30
    b = mix(many, strategy="hybrid", k=5, ratio=1, rounds=3, seed=1)
    assert all(len(set(drawn)) == len(drawn) for i in a.instances for drawn in i.rounds)
    assert a.instances != b.instances
    assert a == mix(many, strategy="hybrid", k=5, ratio=1, rounds=3, seed=0)


def test_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="hybrid"):
        mix({}, strategy="hybird", k=1, ratio=1, rounds=1, seed=0)


@given(
    total=st.integers(0, 20),
    weights=st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 10), min_size=1),
    seed=st.integers(0, 1000),
)
def test_shares_are_next_to_their_expectation_and_add_up(
    total: int, weights: dict[str, float], seed: int
) -> None:
    dealt = shares(total, weights, random.Random(seed))
    assert sum(dealt.values()) == total
    for name, weight in weights.items():
        assert abs(dealt[name] - total * weight / sum(weights.values())) < 1 + 1e-9


def test_shares_hold_in_expectation() -> None:
    """10 000 draws of 3 places at 1 : 2 : 5; each mean within 0.03 of 3/8, 6/8 and 15/8 (6 standard errors)."""
    rng, weights = random.Random(0), {"a": 1.0, "b": 2.0, "c": 5.0}
    sums = dict.fromkeys(weights, 0)
    for _ in range(10_000):
        for name, share in shares(3, weights, rng).items():
            sums[name] += share
    assert [sums[name] / 10_000 for name in "abc"] == pytest.approx([0.375, 0.75, 1.875], abs=0.03)


def two_miners(bm25: int, dense: int) -> Pools:
    found = [("bm25", i) for i in range(bm25)] + [("dense", i) for i in range(dense)]
    return Pools((), tuple(Candidate(NegativeRef(m, f"{m}{i}"), m) for m, i in found))


def test_weights_deal_the_budget_out_between_miners() -> None:
    many = {Pair(f"q{i}", "d"): two_miners(20, 5) for i in range(500)}
    mixed = mix(many, strategy="retrieved", k=3, ratio=1, rounds=4, seed=0, weights={"bm25": 0.5})
    assert mixed.sources["dense"] / mixed.sources["bm25"] == pytest.approx(2.0, rel=0.05)
    assert {len(drawn) for i in mixed.instances for drawn in i.rounds} == {3}


def test_where_a_weighted_miner_is_short_the_other_fills_up() -> None:
    mixed = mix(
        {Pair("q", "d"): two_miners(1, 9)},
        strategy="retrieved",
        k=5,
        ratio=1,
        rounds=1,
        seed=0,
        weights={"bm25": 9},
    )
    assert describe(mixed.instances[0].rounds[0]) == "1 bm25 + 4 dense"


def test_graded_goes_from_easy_to_hard() -> None:
    many = {Pair(f"q{i}", "d"): pools(0, 12) for i in range(40)}
    mixed = mix(many, strategy="graded", k=3, ratio=0, rounds=4, seed=0)
    assert len(mixed.instances) == 40
    for instance in mixed.instances:
        levels = [{int(ref.id[1:]) for ref in drawn} for drawn in instance.rounds]
        assert levels == [{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9, 10, 11}]


@given(size=st.integers(0, 30), k=st.integers(1, 6), rounds=st.integers(1, 6))
def test_windows_cover_the_pool_and_hold_enough(size: int, k: int, rounds: int) -> None:
    pool = pools(0, size).retrieved
    drawn = [window(pool, Draw(k, 1, random.Random(0), r, rounds)) for r in range(rounds)]
    assert all(len(one) >= min(k, size) for one in drawn)
    assert {c.ref for one in drawn for c in one} == {c.ref for c in pool}
    means = [sum(c.hardness for c in one) / max(len(one), 1) for one in drawn]
    assert means == sorted(means)


@pytest.mark.parametrize("strategy", ["hybrid", "direct", "synthetic", "graded"])
def test_no_instance_has_more_synthetic_texts_than_allowed(strategy: str) -> None:
    many = {Pair(f"q{i}", "d"): pools(5, 9) for i in range(40)}
    mixed = mix(many, strategy=strategy, k=4, ratio=5, rounds=2, seed=0, max_synthetic=1)
    every = [drawn for instance in mixed.instances for drawn in instance.rounds]
    assert max(sum(ref.source == SYNTHETIC for ref in drawn) for drawn in every) == 1


def test_mirror_makes_families_with_mined_negatives_beside_the_pair() -> None:
    mixed = mix({Pair("q", "d"): pools(2, 9)}, strategy="mirror", k=3, ratio=1, rounds=2, seed=0)
    real, first, second = mixed.instances
    assert [describe(drawn) for drawn in real.rounds] == ["3 dense", "3 dense"]
    assert {i.family for i in mixed.instances} == {"q/d"}
    assert (first.query_id, first.positive) == ("mirror:s0", NegativeRef(SYNTHETIC, "s0"))
    assert second.positive == NegativeRef(SYNTHETIC, "s1")
    assert first.rounds == ()
    assert mixed.mirrored == 2
    capped = mix(
        {Pair("q", "d"): pools(2, 9)}, strategy="mirror", k=0, ratio=1, rounds=1, seed=0, max_synthetic=1
    )
    assert (len(capped.instances), capped.instances[0].rounds) == (2, ((),))


def test_nothing_to_mirror_says_where_queries_come_from() -> None:
    with pytest.raises(MissingArtifact) as caught:
        mix({Pair("q", "d"): pools(0, 9)}, strategy="mirror", k=3, ratio=1, rounds=1, seed=0)
    assert "--mirror" in str(caught.value.hint)


def test_no_negatives_at_all_can_be_asked_for() -> None:
    mixed = mix({Pair("q", "d"): pools(0, 9)}, strategy="retrieved", k=0, ratio=1, rounds=1, seed=0)
    assert mixed.instances[0].rounds == ((),)


@given(st.integers(0, 6), st.integers(0, 500))
def test_take_never_repeats_and_never_runs_short(count: int, seed: int) -> None:
    pool = two_miners(3, 2).retrieved
    drawn = take(pool, count, Draw(count, 1, random.Random(seed), weights={"bm25": 0.3}))
    assert len(set(drawn)) == len(drawn) == min(count, 5)


def test_the_counts_are_of_judged_pairs_and_all_their_rounds() -> None:
    """Two pairs, two rounds each: 4 synthetic and 2 mined negatives in four draws, one of them empty twice."""
    many = {Pair("a", "d"): pools(2, 1), Pair("b", "d"): pools(0, 0)}
    mixed = mix(many, strategy="hybrid", k=3, ratio=2.0, rounds=2, seed=0)
    assert mixed.counts() == {
        "instances": 2,
        "mirrored": 0,
        "without_negatives": 1,
        "with_synthetic": 1,
        "synthetic_share": pytest.approx(2 / 3),
        "negatives_per_instance": {"dense": 0.5, "synthetic": 1.0},
        "composition": {"2 synthetic + 1 dense": 2, "none": 2},
        "turned_out": 0,
    }
    mirror = mix({Pair("a", "d"): pools(3, 1)}, strategy="mirror", k=1, ratio=1, rounds=2, seed=0).counts()
    assert (mirror["instances"], mirror["mirrored"], mirror["synthetic_share"]) == (1, 3, 0.0)


def test_describe_names_the_synthetic_ones_first() -> None:
    refs = [NegativeRef(source, str(i)) for i, source in enumerate(["dense", "bm25", SYNTHETIC, "bm25"])]
    assert describe(refs) == "1 synthetic + 2 bm25 + 1 dense"
    assert describe([]) == "none"


def test_pairs_positives_and_rounds_have_draws_of_their_own() -> None:
    """And what one pair draws does not change with the others, or with more rounds."""
    pairs = [Pair("a", "d"), Pair("a", "e"), Pair("b", "d")]

    def drawn(chosen: list[Pair], rounds: int) -> list[tuple[tuple[NegativeRef, ...], ...]]:
        many = {pair: pools(9, 9) for pair in chosen}
        mixed = mix(many, strategy="hybrid", k=6, ratio=1, rounds=rounds, seed=0)
        return [instance.rounds for instance in mixed.instances]

    every = drawn(pairs, 3)
    assert len({rounds for instance in every for rounds in instance}) == 9
    assert drawn(pairs[1:2], 3) == every[1:2]
    assert drawn(pairs, 2) == [instance[:2] for instance in every]


@pytest.mark.parametrize(("with_synthetic", "passes"), [(0, False), (1, False), (2, True), (4, True)])
def test_the_share_of_pairs_that_need_a_synthetic_negative(with_synthetic: int, passes: bool) -> None:
    many = {Pair(f"q{i}", "d"): pools(int(i < with_synthetic), 5) for i in range(4)}

    def mixed(**more: object) -> Mixed:
        asked = {"strategy": "hybrid", "k": 3, "ratio": 0.7, "need_synthetic": 0.5} | more
        return mix(many, rounds=1, seed=0, **asked)  # type: ignore[arg-type]

    if passes:
        assert mixed().with_synthetic == with_synthetic
    else:
        with pytest.raises(MissingArtifact) as caught:
            mixed()
        assert str(caught.value).startswith(
            f"{with_synthetic} of 4 pairs have a usable synthetic negative; the mix needs 50% of them"
        )
        assert "--need-synthetic 0" in str(caught.value.hint)
    for more in ({"ratio": 0}, {"strategy": "retrieved"}, {"k": 0}, {"need_synthetic": 0.0}):
        assert len(mixed(**more).instances) == 4


def test_a_positive_that_is_no_document_is_a_text() -> None:
    many = {Pair("a", "own"): pools(0, 3), Pair("a", "d"): pools(0, 3)}
    mixed = mix(many, strategy="retrieved", k=1, ratio=1, rounds=1, seed=0, texts={"own"})
    assert [i.positive_source for i in mixed.instances] == [TEXT, CORPUS]
    assert [i.family for i in mixed.instances] == ["", ""], "only mirrors have families"


def test_a_family_takes_some_of_its_texts_by_a_draw() -> None:
    """Only those with a query of their own, in the order of their ids, as many as are allowed."""
    silent = Candidate(NegativeRef(SYNTHETIC, "silent"), "syneg")
    many = {
        Pair(f"q{i}", "d"): replace(p := pools(5, 1), synthetic=(*p.synthetic, silent)) for i in range(60)
    }

    def texts(most: int | None) -> list[list[str]]:
        mixed = mix(many, strategy="mirror", k=1, ratio=1, rounds=1, seed=0, max_synthetic=most)
        families = {f"q{i}/d": list[str]() for i in range(60)}
        for instance in mixed.instances:
            if instance.positive_source == SYNTHETIC:
                families[instance.family].append(instance.positive_id)
        return list(families.values())

    assert texts(None) == texts(5) == [["s0", "s1", "s2", "s3", "s4"]] * 60
    some = texts(2)
    assert all(len(one) == 2 and one == sorted(one) for one in some)
    assert {name for one in some for name in one} == {"s0", "s1", "s2", "s3", "s4"}
