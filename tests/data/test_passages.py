"""Passages of one document: those next to a positive are no negatives of its query."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core import MinedNegative, manifest_path, read_mined
from syneg_cli.data import Dataset, load_dataset
from syneg_cli.data.passages import beside, by_document, document_of
from syneg_cli.mixing import MixSettings, mix_negatives, read_imported
from tests.conftest import Cli, write_dataset

GUIDE = {
    f"guide.md#{number}": ("Guide", f"The pump has part {number} and a valve.") for number in range(1, 6)
}
DOCS = GUIDE | {
    "other.md#1": ("", "A pump."),
    "other.md#2": ("", "A valve."),
    "whole.md": ("", "Pump parts."),
}
BESIDE = frozenset({"guide.md#2", "guide.md#4"})
WHOLE = frozenset(GUIDE) - {"guide.md#3"}


def folder_of(tmp_path: Path, qrels: list[tuple[str, str, int]] | None = None) -> Path:
    judged = {"train": qrels or [("q", "guide.md#3", 1)], "test": [("t", "whole.md", 1)]}
    return write_dataset(tmp_path / "cut", DOCS, {"q": "part 3 of the pump", "t": "pump parts"}, judged)


def loaded(tmp_path: Path, same_document: str = "beside", **qrels: list[tuple[str, str, int]]) -> Dataset:
    return load_dataset(
        str(folder_of(tmp_path, **qrels)), cache=tmp_path / "c", dev_fraction=0, same_document=same_document
    )


@pytest.mark.parametrize(
    ("doc_id", "place"),
    [
        ("guide.md#3", ("guide.md", 3)),
        ("a#b#12", ("a#b", 12)),
        ("msmarco_doc_00_0#0", ("msmarco_doc_00_0", 0)),
        ("guide.md", None),
        ("#3", None),
        ("guide.md#", None),
        ("guide.md#3a", None),
        ("guide.md#-3", None),
        ("guide.md#٣", None),
        ("guide.md#²", None),
        ("issue#" + "9" * 5000, None),
    ],
)
def test_what_an_id_says(doc_id: str, place: tuple[str, int] | None) -> None:
    assert document_of(doc_id) == place


def test_the_first_passage_has_none_before_it() -> None:
    assert list(beside("a#1")) == ["a#0", "a#2"], "some count from 0"
    assert list(beside("a#0")) == ["a#1"]
    assert list(beside("a")) == []


def test_numbers_of_as_many_digits() -> None:
    """`guide#009` and `guide#010`, as a tool that pads them has them."""
    assert {"a#008", "a#010"} <= set(beside("a#009"))
    assert {"a#09", "a#9", "a#11"} == set(beside("a#10"))


@given(st.lists(st.text(alphabet="ab#12", max_size=6), unique=True))
def test_a_passage_is_in_the_document_of_those_beside_it(ids: list[str]) -> None:
    documents = by_document(ids)
    assert all(len(passages) > 1 for passages in documents.values())
    for one in ids:
        place = document_of(one)
        near = {other for other in beside(one) if other in ids}
        assert not near or (place is not None and near < documents[place[0]])


@pytest.mark.parametrize(("rule", "out"), [("beside", BESIDE), ("all", WHOLE), ("none", frozenset())])
def test_which_passages_are_no_negatives(tmp_path: Path, rule: str, out: frozenset[str]) -> None:
    data = loaded(tmp_path, rule)
    assert data.around("q") == out
    assert data.excluded("q") == out | {"guide.md#3"}
    assert data.around("t") == frozenset(), "a document in one piece"
    assert data.cut


def test_a_passage_that_somebody_judged_may_be_one(tmp_path: Path) -> None:
    """A grade of 0 is a person's word that the next passage does not say it."""
    data = loaded(tmp_path, qrels=[("q", "guide.md#3", 1), ("q", "guide.md#4", 0)])
    assert data.around("q") == {"guide.md#2"}
    assert "guide.md#4" not in data.excluded("q")


def test_what_has_the_text_of_the_next_passage_is_none_either(tmp_path: Path) -> None:
    docs = DOCS | {"copy": DOCS["guide.md#4"], "twin": DOCS["guide.md#2"]}
    judged = {"train": [("q", "guide.md#3", 1), ("q", "twin", 0)]}
    folder = write_dataset(tmp_path / "copies", docs, {"q": "part 3"}, judged)
    data = load_dataset(str(folder), cache=tmp_path / "c", dev_fraction=0)
    assert data.around("q") == BESIDE | {"copy"}, "what is judged may be one"


def test_positives_that_nobody_judged_have_neighbours_too(tmp_path: Path) -> None:
    """Those of a file, or that `verify` turned."""
    data = loaded(tmp_path)
    assert data.excluded("q", ["other.md#2"]) == BESIDE | {"guide.md#3", "other.md#1", "other.md#2"}
    assert data.excluded("new", ["other.md#2"]) == {"other.md#1", "other.md#2"}
    texts = {doc_id: text for doc_id, (_, text) in DOCS.items()}
    row = {"query": "a question of my own", "pos": [texts["other.md#2"]], "neg": [texts["other.md#1"], "x y"]}
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    imported = read_imported(file, data)
    assert len(imported.negatives) == imported.contradicted == 1
    turned = [MinedNegative("q", "other.md#2", "bm25", 1, 3.0, "positive")]
    turned += [MinedNegative("q", doc_id, "bm25", 2, 1.0) for doc_id in ("other.md#1", "whole.md")]
    mixed = mix_negatives(data, [], turned, MixSettings(strategy="retrieved"), rounds=1)
    drawn = {ref.id for one in mixed.instances for refs in one.rounds for ref in refs}
    assert drawn == {"whole.md"}


def mined(tmp_path: Path, cli: Cli, *options: str) -> tuple[set[str], str]:
    """(the documents that are mined, what is said)."""
    result = cli(
        "mine", folder_of(tmp_path), "--miner", "random", "--set", "dataset.dev_fraction=0", *options
    )
    assert result.code == 0, result.err
    return {row.doc_id for row in read_mined(Path(".syneg/cut/mined/random.jsonl"))}, result.out + result.err


@pytest.mark.parametrize(("rule", "out"), [("beside", BESIDE), ("all", WHOLE), ("none", frozenset())])
def test_mining_leaves_them_out_and_says_how_many(
    cli: Cli, tmp_path: Path, rule: str, out: frozenset[str]
) -> None:
    # Near copies would be left out anyway, for another reason.
    found, said = mined(tmp_path, cli, "--same-document", rule, "--near-copies", "off")
    assert found == DOCS.keys() - out - {"guide.md#3"}
    told = {"beside": "next to a positive", "all": "of a positive's document"}.get(rule)
    if told:
        assert f"passages {told}, never its query's negatives: {len(out)} (same_document)" in " ".join(
            said.split()
        )
    else:
        assert "same_document)" not in said


def test_what_was_mined_otherwise_is_mined_again(cli: Cli, tmp_path: Path) -> None:
    mined(tmp_path, cli, "--same-document", "none")
    _, said = mined(tmp_path, cli)
    assert "same_document changed: 'none' -> 'beside'" in said
    manifest = manifest_path(Path(".syneg/cut/mined/random.jsonl"))
    kept = json.loads(manifest.read_text(encoding="utf-8"))
    del kept["settings"]["same_document"]  # as a version without the setting left it
    manifest.write_text(json.dumps(kept), encoding="utf-8")
    _, said = mined(tmp_path, cli)
    assert "same_document changed: 'none' -> 'beside'" in said
    assert "up to date" in mined(tmp_path, cli)[1]


def test_where_nothing_was_cut_the_setting_changes_nothing(cli: Cli, tiny: Path) -> None:
    first = cli("mine", tiny, "--miner", "random")
    assert first.code == 0, first.err
    again = cli("mine", tiny, "--miner", "random", "--same-document", "all")
    assert "up to date" in again.err
