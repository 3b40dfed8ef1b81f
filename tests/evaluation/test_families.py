"""Holm's correction, and what a comparison keeps of its family."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.evaluation import compare, corrected, holm


def test_holm_by_hand() -> None:
    """0.01·3, then max(0.03, 0.02·2), then max(0.04, 0.04·1)."""
    assert holm({"b": 0.02, "a": 0.01, "c": 0.04}) == pytest.approx({"a": 0.03, "b": 0.04, "c": 0.04})


def test_holm_goes_by_p_and_not_by_name() -> None:
    """Of p 0.03 and 0.01 the smaller is doubled; above 1 there is none."""
    assert holm({"a": 0.03, "b": 0.01}) == pytest.approx({"b": 0.02, "a": 0.03})
    assert holm({"a": 0.8, "b": 0.7}) == {"b": 1.0, "a": 1.0}


@pytest.mark.parametrize("p", [float("nan"), -0.01, 1.01])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"no p value: b "):
        holm({"a": 0.01, "b": p})


def test_of_no_comparison_nothing_is_corrected() -> None:
    assert holm({}) == {}
    assert corrected({}) == {}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """A hypothesis falls where every set that holds it falls: min p times the set's size, the largest over the sets."""
    family = {str(n): p for n, p in enumerate(p_values)}
    sets = [s for size in range(1, len(family) + 1) for s in itertools.combinations(family, size)]
    expected = {
        name: max(min(1.0, len(s) * min(family[one] for one in s)) for s in sets if name in s)
        for name in family
    }
    assert holm(family) == pytest.approx(expected)


def test_a_family_is_named_in_each_of_its_comparisons() -> None:
    """The p of a difference and that of equivalence are corrected apart."""
    base = compare([0.5, 0.25] * 20, [0.25, 0.5] * 20)
    first, second, third = (
        replace(base, p_randomisation=p, p_equivalence=q) for p, q in ((0.04, 0.5), (0.01, 0.9), (0.5, 0.001))
    )
    found = corrected({"a": first, "b": second, "c": third})
    assert list(found) == ["a", "b", "c"]
    assert [one.family for one in found.values()] == [("a", "b", "c")] * 3
    assert [one.p_holm for one in found.values()] == pytest.approx([0.08, 0.03, 0.5])
    assert [one.p_equivalence_holm for one in found.values()] == pytest.approx([1.0, 1.0, 0.003])
    assert [one.p_randomisation for one in found.values()] == [0.04, 0.01, 0.5], "the raw p stays"
    assert replace(found["a"], family=(), p_holm=None, p_equivalence_holm=None) == first


def test_two_comparisons_are_a_family() -> None:
    base = compare([0.5, 0.25] * 20, [0.25, 0.5] * 20)
    found = corrected({"a": replace(base, p_randomisation=0.04), "b": replace(base, p_randomisation=0.03)})
    assert [one.p_holm for one in found.values()] == pytest.approx([0.06, 0.06])
    assert found["a"].family == ("a", "b")


def test_one_comparison_alone_is_no_family() -> None:
    alone = compare([0.5, 0.25], [0.25, 0.25])
    assert corrected({"a": alone}) == {"a": alone}
    assert (alone.family, alone.p_holm, alone.p_equivalence_holm) == ((), None, None)
