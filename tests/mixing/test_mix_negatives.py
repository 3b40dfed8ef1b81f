"""From a data set's negatives and the settings to training instances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syneg_cli.core.errors import MissingArtifact
from syneg_cli.core.records import TEXT, MinedNegative, NegativeRef, Pair, SyntheticNegative
from syneg_cli.data.dataset import Dataset
from syneg_cli.mixing.mix import Mixed, mix_negatives
from syneg_cli.mixing.readers import Imported
from syneg_cli.mixing.settings import MixSettings
from tests.fakes import open_tiny
from tests.mixing.test_mix import written


def mined_of(dataset: Dataset) -> list[MinedNegative]:
    """For every query of the training pairs, six documents of bm25 and two of dense that are no positives."""
    found = [("bm25", f"b{i}") for i in range(6)] + [("dense", f"x{i}") for i in range(2)]
    return [
        MinedNegative(p.query_id, d, m, 1, i / 10)
        for p in dataset.pairs("train")
        for i, (m, d) in enumerate(found)
    ]


def test_every_setting_reaches_the_draws(tiny: Path) -> None:
    dataset = open_tiny(tiny)
    pairs = list(dataset.pairs("train"))
    own = [written(pair, number) for pair in pairs for number in (1, 2, 3)]
    mined = mined_of(dataset)

    def drawn(
        synthetic: list[SyntheticNegative] = own, rows: list[MinedNegative] = mined, **more: object
    ) -> Mixed:
        return mix_negatives(dataset, synthetic, rows, MixSettings(**more), rounds=8)  # type: ignore[arg-type]

    def looks(mixed: Mixed) -> set[str]:
        return set(mixed.composition)

    assert looks(drawn(strategy="retrieved", negatives=2, weights={"bm25": 1})) == {"1 bm25 + 1 dense"}
    assert len(looks(drawn(strategy="retrieved", negatives=2))) > 1, "without weights all are one pool"
    assert looks(drawn(negatives=4, ratio=1, weights={"dense": 0})) == {"2 synthetic + 2 bm25"}
    assert looks(drawn(negatives=4, ratio=3, weights={"dense": 0})) == {"3 synthetic + 1 bm25"}
    assert looks(drawn(negatives=4, ratio=3, weights={"dense": 0}, max_synthetic=1)) == {
        "1 synthetic + 3 bm25"
    }
    assert drawn(seed=3) == drawn(seed=3) != drawn(seed=4)
    doubted = [replace(row, relevant_by=("judge",)) if row.miner == "bm25" else row for row in mined]
    assert looks(drawn(rows=doubted, strategy="retrieved", max_risk=0.5)) == {"2 dense"}
    with pytest.raises(MissingArtifact, match="1 of 3 pairs"):
        drawn(own[:1])
    assert len(drawn(own[:1], need_synthetic=0.3).instances) == 3


def test_an_imported_file_has_its_own_pairs_and_negatives(tiny: Path) -> None:
    dataset = open_tiny(tiny)
    pair = Pair("q1", "text:1")
    file = Imported(
        (pair,), (MinedNegative("q1", "text:2", "import", 1, 0.0),), {"text:1": "a", "text:2": "b"}
    )
    settings = MixSettings(strategy="retrieved", negatives=1)
    (one,) = mix_negatives(dataset, [], mined_of(dataset), settings, rounds=1, imported=file).instances
    assert (one.query_id, one.positive) == ("q1", NegativeRef(TEXT, "text:1"))
    assert one.rounds == ((NegativeRef("import", "text:2"),),)


def test_what_verify_turned_into_a_positive_is_a_pair_and_no_negative(tiny: Path) -> None:
    dataset = open_tiny(tiny)
    mined = mined_of(dataset)
    turned = replace(mined[0], status="positive")
    twin = replace(turned, miner="dense", status="ok")
    mixed = mix_negatives(
        dataset, [], [turned, twin, *mined[1:]], MixSettings(strategy="retrieved"), rounds=8
    )
    assert [(i.query_id, i.positive_id) for i in mixed.instances[-2:]] == [("q4", "d2"), ("q1", "b0")]
    assert len(mixed.instances) == 4
    drawn = {ref.id for i in mixed.instances if i.query_id == "q1" for each in i.rounds for ref in each}
    assert drawn == {"b1", "b2", "b3", "b4", "b5", "x0", "x1"}
