"""TREC runs: what is written is read again, and a bad file is named with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core.errors import DatasetError
from syneg_cli.data.trec import RUN_FORMAT, best_first, read_run, read_run_rows, run_lines

RUN = {"q1": {"x": 3.0, "a": 2.0, "b": 1.0}, "q2": {"x": 2.0, "y": 1.0}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.trec"


def test_a_run_survives_writing_and_reading(path: Path) -> None:
    path.write_text("\n".join(run_lines(RUN, "tag")), encoding="utf-8")
    assert path.read_text().splitlines()[:2] == ["q1 Q0 x 1 3 tag", "q1 Q0 a 2 2 tag"]
    assert read_run(path) == RUN


ids = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["Z", "C"]), min_size=1)
scores = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=40, deadline=None)
@given(run=st.dictionaries(ids, st.dictionaries(ids, scores, min_size=1), min_size=1))
def test_float32_scores_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, dict[str, float]]
) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    path.write_text("\n".join(run_lines(run, "tag")), encoding="utf-8")
    read = read_run(path)
    assert {q: {d: np.float32(s) for d, s in found.items()} for q, found in read.items()} == run
    read_theirs: Callable[[str], Iterable[ir_measures.ScoredDoc]] = ir_measures.read_trec_run
    assert [tuple(row) for row in read_theirs(str(path))] == [row[1:] for row in read_run_rows(path)]


def test_ties_fall_as_in_trec_eval() -> None:
    assert list(best_first({"a": 1.0, "c": 1.0, "b": 1.0, "d": 2.0}, 3)) == ["d", "c", "b"]
    assert list(best_first({"a": 1.0, "c": 1.0})) == ["c", "a"]


def test_what_surrounds_the_columns_does_not_matter(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfq1\tQ0\td1 1  2.5e0 tag\r\n\r\n  q1 0 d2 2 -1 tag\n\nq2 Q0 d1 1 7 tag")
    assert read_run(path) == {"q1": {"d1": 2.5, "d2": -1.0}, "q2": {"d1": 7.0}}
    assert [row.line for row in read_run_rows(path)] == [1, 3, 5]


@pytest.mark.parametrize("line", ["q1 Q0 17 1 2.5", "q1 q0 17 1 2.5", "q1 0 d17 1 2.5"])
def test_the_tag_may_be_missing(path: Path, line: str) -> None:
    path.write_text(line, encoding="utf-8")
    assert [row.score for row in read_run_rows(path)] == [2.5]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1 d3 3", "3 columns, not 6: 'q1 d3 3'"),
        ("q1 Q0 d3 3 1.5 my tag", "7 columns, not 6"),
        ("q1 d3 3 1.5 7", "5 columns, not 6"),  # the tag is "7", not the score
        ("q1 0 17 3 1.5", "5 columns, not 6"),  # it could be either
        ("q1 Q0 d3 3 high tag", "the score 'high' is no number"),
        ("q1 Q0 d3 3 nan tag", "the score 'nan' is no number"),
        ("q1 Q0 d2 3 0.5 tag", "'d2' was ranked for 'q1' already"),
        ("q1 Q0 d2 2 2 tag", "'d2' was ranked for 'q1' already"),
        ("q1 Q0 caf\udce9 3 0.5 tag", "not UTF-8"),
    ],
)
def test_a_bad_line_is_named(path: Path, line: str, message: str) -> None:
    text = f"q1 Q0 d1 1 3 tag\nq1 Q0 d2 2 2 tag\n{line}\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DatasetError) as caught:
        read_run(path)
    assert caught.value.message.startswith(f"{path}, line 3: ")
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_an_empty_file_is_named(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=r"run\.trec is empty") as caught:
        read_run(path)
    assert caught.value.hint == RUN_FORMAT


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(DatasetError, match=r"run\.trec is not there") as caught:
        read_run(path)
    assert "query Q0 document rank score tag" in str(caught.value.hint)
