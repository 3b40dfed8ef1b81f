"""A first line that names the columns, whatever queries are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from syneg_cli.core import DatasetError
from syneg_cli.data.qrels import read_qrels


@pytest.mark.parametrize("name", ["train.tsv", "train.csv"])
def test_a_query_may_have_the_name_of_its_column(tmp_path: Path, name: str) -> None:
    apart = "," if name.endswith(".csv") else "\t"
    file = tmp_path / name
    lines = [("query-id", "corpus-id", "score"), ("query-id", "d1", "1")]
    file.write_text("".join(f"{apart.join(line)}\n" for line in lines), encoding="utf-8")
    assert read_qrels(file, {"query-id"}, {"d1"}) == {"query-id": {"d1": 1}}


def test_a_first_line_of_a_known_query_without_a_grade_is_no_header(tmp_path: Path) -> None:
    file = tmp_path / "train.tsv"
    file.write_text("query-id\td1\tyes\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="line 1: the score 'yes' is not a whole number"):
        read_qrels(file, {"query-id"}, {"d1"})
