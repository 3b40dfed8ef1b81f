from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.data.dataset import load_dataset


def test_missing_things_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No data set"):
        load_dataset(None, cache=tmp_path)
    with pytest.raises(DatasetError, match="Did you mean 'scifact'"):
        load_dataset("scifcat", cache=tmp_path)
    with pytest.raises(DatasetError, match="Did you mean 'tiny'") as caught:
        load_dataset("tinny", data_dir=tiny.parent, cache=tmp_path)
    assert "It has: tiny" in str(caught.value.hint)
    with pytest.raises(DatasetError, match=r"has no corpus\.jsonl"):
        load_dataset(str(tmp_path / "nowhere"), cache=tmp_path)
    (tiny / "qrels" / "test.tsv").unlink()
    (tiny / "qrels" / "train.tsv").unlink()
    with pytest.raises(DatasetError, match=r"holds no \.tsv, .* file"):
        load_dataset(str(tiny), cache=tmp_path)


def test_data_dir_may_be_the_folder_itself(tiny: Path, tmp_path: Path) -> None:
    for data_dir in (tiny, tiny.parent):
        assert load_dataset("tiny", data_dir=data_dir, cache=tmp_path / "c").name == "tiny"
