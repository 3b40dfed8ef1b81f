"""`syneg mix` as its users call it: rounds, weights, relabelled documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.files import write_jsonl
from syneg_cli.core.record_files import read_instances, read_mined
from syneg_cli.core.records import (
    Pair,
    TrainingInstance,
)
from syneg_cli.verification import Verdict
from tests.conftest import Cli
from tests.fakes import judged
from tests.mixing.test_mix import written


@pytest.fixture
def mined(cli: Cli, tiny: Path) -> Cli:
    """Two miners' files for the tiny data set."""
    Path("syneg.toml").write_text(
        f'[dataset]\nname = "{tiny}"\ndev_fraction = 0\n[mine]\nminers = ["bm25", "random"]\n[train]\nepochs = 3\n'
    )
    assert cli("mine", "--depth", 4).code == 0
    return cli


def rows(name: str) -> list[TrainingInstance]:
    return read_instances(Path(f".syneg/tiny/mixed/{name}.jsonl"))


def test_graded_has_a_round_for_each_epoch(mined: Cli) -> None:
    write_jsonl(Path(".syneg/tiny/synthetic/default.jsonl"), [written(Pair("q1", "d1"), 1)])
    lacking = mined("mix", "--strategy", "graded")
    assert lacking.code == 2
    assert "1 of 3 pairs have a usable synthetic negative" in lacking.err
    enough = ("--need-synthetic", 0.3)
    told = mined("mix", "--strategy", "graded", *enough)
    assert told.code == 0
    assert "2 of 3 pairs have no synthetic negative" in told.err
    assert {len(instance.rounds) for instance in rows("graded")} == {3}
    assert mined("mix", "--strategy", "graded", "--rounds", 5, *enough).code == 0
    assert {len(instance.rounds) for instance in rows("graded")} == {5}


def test_weights_come_from_the_flag_the_environment_and_the_file(
    mined: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sources() -> set[str]:
        return {ref.source for instance in rows("retrieved") for drawn in instance.rounds for ref in drawn}

    assert mined("mix", "--strategy", "retrieved", "--weights", "bm25=0").code == 0
    assert sources() == {"random"}
    monkeypatch.setenv("SYNEG_MIX_WEIGHTS", "random=0, bm25=2")
    assert mined("mix", "--strategy", "retrieved").code == 0
    assert sources() == {"bm25"}
    monkeypatch.delenv("SYNEG_MIX_WEIGHTS")
    with Path("syneg.toml").open("a") as file:
        file.write("[mix]\nweights = {bm25 = 0.0}\n")
    assert mined("mix", "--strategy", "retrieved").code == 0
    assert sources() == {"random"}
    assert "bm25=0.0" in mined("mix", "--show-config").out


@pytest.mark.parametrize(
    ("weights", "said"),
    [("bm25", "NAME=NUMBER"), ("bn25=1", "Did you mean 'bm25'"), ("bm25=-1", "--weights")],
)
def test_wrong_weights_are_named(mined: Cli, weights: str, said: str) -> None:
    result = mined("mix", "--strategy", "retrieved", "--weights", weights)
    assert result.code == 2
    assert said in result.err
    assert not Path(".syneg/tiny/mixed").exists()


def test_a_relabelled_document_trains_as_a_positive(mined: Cli) -> None:
    path = Path(".syneg/tiny/mined/bm25.jsonl")
    found = read_mined(path)
    first = found[0]
    write_jsonl(path, [judged(row, {"judge": Verdict(row == first, 1.0)}, "relabel") for row in found])
    assert mined("mix", "--strategy", "retrieved").code == 0
    made = rows("retrieved")
    assert (first.query_id, first.doc_id) in {(i.query_id, i.positive_id) for i in made}
    drawn = {
        ref.id for i in made if i.query_id == first.query_id for negatives in i.rounds for ref in negatives
    }
    assert first.doc_id not in drawn


def test_the_ratio_is_explained_and_one_that_is_missed_is_said(mined: Cli) -> None:
    pairs = [Pair("q1", "d1"), Pair("q2", "d3"), Pair("q4", "d2")]
    path = Path(".syneg/tiny/synthetic/default.jsonl")
    write_jsonl(path, [written(pair, number) for pair in pairs for number in (1, 2, 3)])
    met = mined("mix", "--ratio", 0.5, "-k", 3)
    assert "synthetic : retrieved = 0.50 : 1 (33 % synthetic); asked for: 0.5 : 1 (33 % synthetic)" in met.out
    assert "was to be" not in met.err
    write_jsonl(path, [written(pair, 1) for pair in pairs])
    missed = mined("mix", "--ratio", 9, "-k", 3)
    assert (
        "warning: synthetic : retrieved was to be 9 : 1 (90 % synthetic), and is 0.50 : 1 (33 % synthetic)"
        in missed.err
    )
    assert mined("mix", "--ratio", 9, "-k", 3, "--json", "--force").json["synthetic_share"] == pytest.approx(
        1 / 3
    )


def test_a_file_that_was_cut_at_the_end_of_a_line_is_said(mined: Cli) -> None:
    """Nobody can tell it from one that was edited; in no table it passes for what was made."""
    path = Path(".syneg/tiny/mined/bm25.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    told = mined("mix", "--strategy", "retrieved")
    assert told.code == 0, told.err
    assert f"{path} was changed since it was made, and is mixed as it is" in told.err
    assert "random.jsonl was changed" not in told.err
    stages = mined("status", "--strategy", "retrieved", "--set", "mine.depth=4", "--json").json["stages"]
    details = {one["label"]: one["detail"] for one in stages}  # type: ignore[attr-defined]
    assert details["mine bm25"].startswith("edited since; was: ")
    assert not details["mine random"].startswith("edited")
