from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.data.downloads import download_folder
from syneg_cli.data.find_dataset import local_folder
from syneg_cli.data.opening import load_dataset
from tests.conftest import write_dataset


def test_missing_things_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No data set"):
        load_dataset(None, cache=tmp_path)
    with pytest.raises(DatasetError, match="Did you mean 'scifact'"):
        load_dataset("scifcat", cache=tmp_path)
    with pytest.raises(DatasetError, match="Did you mean tiny") as caught:
        load_dataset("tinny", data_dir=tiny.parent, cache=tmp_path)
    assert "It has: tiny" in str(caught.value.hint)
    with pytest.raises(DatasetError, match="nowhere is not there"):
        load_dataset(str(tmp_path / "nowhere"), cache=tmp_path)
    (tiny / "qrels" / "test.tsv").unlink()
    (tiny / "qrels" / "train.tsv").unlink()
    with pytest.raises(DatasetError, match=r"holds no \.tsv, .* file"):
        load_dataset(str(tiny), cache=tmp_path)


def test_data_dir_may_be_the_folder_itself(tiny: Path, tmp_path: Path) -> None:
    for data_dir in (tiny, tiny.parent):
        assert load_dataset("tiny", data_dir=data_dir, cache=tmp_path / "c").name == "tiny"


def test_the_folder_that_was_probably_meant_comes_before_beirs_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "here" / "my-corpus")
    write_dataset(tmp_path / "here" / "scifacts")
    write_dataset(tmp_path / "project" / "theirs")
    monkeypatch.chdir(tmp_path / "here")

    def said(name: str, **places: Any) -> str:
        with pytest.raises(DatasetError) as caught:
            load_dataset(name, cache=tmp_path / "cache", **places)
        return caught.value.message

    assert "Did you mean ./my-corpus?" in said("my_corpus")
    assert "Did you mean ./my-corpus?" in said("./my-corpsu")
    assert "Did you mean ./scifacts?" in said("scifcat")
    assert "Did you mean 'scifact'?" in said("scifac-t") or "./scifacts" in said("scifac-t")
    assert f"Did you mean {tmp_path}/project/theirs?" in said("thiers", folder=tmp_path / "project")
    assert f"Did you mean {tmp_path}/here/my-corpus?" in said(f"{tmp_path}/here/mycorpus")
    assert "Did you mean theirs?" in said("thiers", data_dir=tmp_path / "project")
    assert said("my-corpus/corpus.jsonl") == "my-corpus/corpus.jsonl is a file, not the folder of a data set."


def test_what_is_downloaded_already_is_local_and_the_rest_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    places: dict[str, None] = {"data_dir": None, "folder": None}
    for name in ("scifact", "cqadupstack/android", "irds:beir/scifact"):
        assert local_folder(name, **places) is None
    kept = write_dataset(download_folder() / "cqadupstack" / "android")
    assert local_folder("cqadupstack/android", **places) == kept
    assert load_dataset("cqadupstack/android", cache=tmp_path / "cache").name == "android"
    with pytest.raises(DatasetError, match="androd is not there") as caught:
        local_folder("cqadupstack/androd", **places)
    assert "cqadupstack/android" in str(caught.value.hint)


@pytest.mark.parametrize("source", ["hub:", "irds:", "mteb:"])
def test_a_source_without_a_name_names_nothing(tmp_path: Path, source: str) -> None:
    with pytest.raises(UsageError, match=f"^{source} names no data set") as caught:
        load_dataset(source, cache=tmp_path)
    assert "hub:OWNER/NAME" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Hub:BeIR/scifact", "hub:BeIR/scifact"),
        ("MTEB:SciFact", "mteb:SciFact"),
        ("IRDS:vaswani", "irds:vaswani"),
    ],
)
def test_a_source_in_capitals_is_guessed(tmp_path: Path, name: str, meant: str) -> None:
    """Not `scifact` of BEIR, which is another one."""
    with pytest.raises(DatasetError) as caught:
        load_dataset(name, cache=tmp_path)
    assert caught.value.message == f"{name} is not there. Did you mean {meant}?"
