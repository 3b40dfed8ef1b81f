"""Two data sets whose folders have the same name, and one that moves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import DOCS, QRELS, Cli, CliResult, write_dataset

OTHER = {doc_id: (title, f"Other {text}") for doc_id, (title, text) in DOCS.items()}
FEWER = QRELS | {"train": QRELS["train"][:2]}


@pytest.fixture
def mine(cli: Cli, tiny: Path) -> Cli:
    """`syneg mine` of a folder into one work directory; `tiny` is mined already."""

    def run(*argv: object) -> CliResult:
        work = ("--work-dir", tiny.parent / "work")
        return cli("mine", *argv, "--miner", "bm25", *work, "--set", "dataset.dev_fraction=0")

    assert run(tiny).code == 0
    return run


@pytest.mark.parametrize("changed", [{"docs": OTHER}, {"qrels": FEWER}, {"queries": {"q1": "a", "q2": "b", "q3": "c", "q4": "d"}}])  # fmt: skip
def test_another_data_set_of_the_same_name_is_refused(
    mine: Cli, cli: Cli, tiny: Path, changed: dict[str, object]
) -> None:
    other = write_dataset(tiny.parent / "x" / "tiny", **changed)  # type: ignore[arg-type]
    before = (tiny.parent / "work/tiny/mined/bm25.jsonl").read_bytes()
    result = mine(other)
    assert result.code == 2
    assert f"{tiny}, not {other}" in " ".join(result.err.split())
    assert "--work-dir" in result.err
    assert "rename" in result.err
    assert (tiny.parent / "work/tiny/mined/bm25.jsonl").read_bytes() == before
    shown = cli("status", other, "--work-dir", tiny.parent / "work")
    assert shown.code == 0
    assert "another data set of this name" in shown.err
    taken = cli("export", other, "--work-dir", tiny.parent / "work", "--output", tiny.parent / "out.jsonl")
    assert (taken.code, f"{tiny}, not {other}" in " ".join(taken.err.split())) == (2, True)
    (tiny.parent / "work/tiny/dataset.json").unlink()
    assert mine(other).code == 0


def test_a_data_set_may_move_be_copied_and_change(mine: Cli, tiny: Path) -> None:
    copy = tiny.parent / "copy" / "tiny"
    shutil.copytree(tiny, copy)
    assert "up to date" in mine(copy).err
    assert mine(copy, "--force").code == 0
    write_dataset(copy, OTHER)
    assert mine(copy).code == 0, "the one that was used last, in its place"
    assert mine(tiny).code == 2


@pytest.mark.parametrize("marker", [None, "{", "[]", '{"folder": "/nowhere"}'])
def test_a_folder_of_an_earlier_version_gets_its_owner(mine: Cli, tiny: Path, marker: str | None) -> None:
    file = tiny.parent / "work/tiny/dataset.json"
    file.unlink()
    if marker is not None:
        file.write_text(marker)
    assert mine(tiny, "--force").code == 0
    assert json.loads(file.read_text())["folder"] == str(tiny)
