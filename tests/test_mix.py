from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.errors import MissingArtifact, UsageError
from syneg_cli.mix import STRATEGIES, Pools, build_pools, describe, mix, synthetic_count
from syneg_cli.records import SYNTHETIC, MinedNegative, NegativeRef, Pair, SyntheticNegative


def pools(synthetic: int, retrieved: int) -> Pools:
    return Pools(
        tuple(NegativeRef(SYNTHETIC, f"s{i}") for i in range(synthetic)),
        tuple(NegativeRef("dense", f"d{i}") for i in range(retrieved)),
    )


def written(pair: Pair, index: int, status: str = "ok") -> SyntheticNegative:
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
    assert set(mixed.sizes) == {3}


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
    b = mix(many, strategy="hybrid", k=5, ratio=1, rounds=3, seed=1)
    assert all(len(set(drawn)) == len(drawn) for i in a.instances for drawn in i.rounds)
    assert a.instances != b.instances
    assert a == mix(many, strategy="hybrid", k=5, ratio=1, rounds=3, seed=0)


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
    assert made[pair].synthetic == (NegativeRef(SYNTHETIC, "q/p/1"),)
    assert made[pair].retrieved == (NegativeRef("bm25", "a"),)


def test_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="hybrid"):
        mix({}, strategy="hybird", k=1, ratio=1, rounds=1, seed=0)
