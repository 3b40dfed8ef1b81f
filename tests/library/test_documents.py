"""`syneg.import_documents`: the command's work as a function of plain values."""

from __future__ import annotations

from pathlib import Path

import pytest

import syneg_cli as syneg
from syneg_cli.core import UsageError
from tests.conftest import Cli
from tests.data.imports.conftest import LONG, corpus, write
from tests.said import Said


def test_it_makes_what_the_command_makes(cli: Cli, tiny_model: Path) -> None:
    write(Path("docs"), a_txt=LONG, b_md="# B\nText.", c_png="x")
    assert cli("import", "docs", "--tokens", 48, "--backbone", tiny_model, "--output", "one").code == 0
    made = syneg.import_documents("docs", Path("other"), tokens=48, backbone=str(tiny_model))
    assert made.path == Path("other")
    assert corpus("other") == corpus("one")
    assert (made.tally.read, made.tally.cut, made.tally.passages) == (2, 1, len(corpus("one")))
    assert [one.file for one in made.tally.left_out] == ["c.png"]
    again = syneg.import_documents("docs", "other", tokens=48, backbone=str(tiny_model))
    assert (again.skipped, again.tally) == (True, made.tally)


def test_judgements_come_along(cli: Cli, tiny_model: Path) -> None:
    write(Path("docs"), a_txt="A.", b_txt="B.")
    write(Path(), queries_tsv="q1\tx\n", test_tsv="q1\ta.txt\t1\n", train_tsv="q1\tb.txt\t1\n")
    made = syneg.import_documents(
        "docs", queries="queries.tsv", qrels=["test.tsv", Path("train.tsv")], backbone=str(tiny_model)
    )
    data = syneg.load_dataset(made.path, dev_fraction=0)
    assert data.qrels("test") == {"q1": {"a.txt": 1}}
    assert data.qrels("train") == {"q1": {"b.txt": 1}}


def test_errors_and_notes_are_in_pythons_words(cli: Cli) -> None:
    write(Path("docs"), a_txt="A.")
    write(Path("docs-data"), mine_txt="mine")
    with pytest.raises(UsageError, match=r"choose another name \(output NAME\)"):
        syneg.import_documents("docs")
    with pytest.raises(UsageError, match=r"There is no setting 'token' here\. Did you mean 'tokens'"):
        syneg.import_documents("docs", "x", token=3)
    with pytest.raises(UsageError, match="source: 3 is no path"):
        syneg.import_documents(3)  # type: ignore[arg-type]
    said = Said()
    syneg.import_documents("docs", "x", progress=said)
    assert said.notes == ["import: running (not there yet)"]
