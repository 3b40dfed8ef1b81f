"""TREC runs: what is written is read again, and a bad file is named with its line."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syneg_cli.core.errors import DatasetError
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.opening import load_dataset
from syneg_cli.data.trec import RUN_FORMAT, best_first, read_known_run, read_run, read_run_rows, run_lines
from tests.conftest import Cli

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
        ("q1 Q0 d3 3 high tag", "the score 'high' is no number, or not finite"),
        ("q1 Q0 d3 3 nan tag", "the score 'nan' is no number, or not finite"),
        ("q1 Q0 d3 3 -inf tag", "the score '-inf' is no number, or not finite"),
        ("q1\tQ0\t\t3\t1\ttag", "5 columns, not 6"),
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


@pytest.mark.parametrize("pack", ["gzip", "utf-16", "utf-8-sig"])
def test_a_run_is_read_however_it_is_packed(path: Path, pack: str) -> None:
    text = "q1 Q0 d1 1 2 tag\r\nq1 Q0 déjà 2 1 tag\r\n"
    path.write_bytes(gzip.compress(text.encode()) if pack == "gzip" else text.encode(pack))
    assert read_run(path) == {"q1": {"d1": 2.0, "déjà": 1.0}}
    assert [row.line for row in read_run_rows(path)] == [1, 2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"q1 Q0 d1 1 2 tag\n", mtime=0)[:-6], "damaged gzip file"),
        ("q1 Q0 d1 1 2 tag\nq1 Q0 d\n".encode("utf-16")[:-1], "line 2: not UTF-16-LE text"),
        (b"\xfe\xff\xd8\x00\x00\x41", "line 1: not UTF-16-BE text"),
    ],
)
def test_a_damaged_run_is_named(path: Path, data: bytes, message: str) -> None:
    path.write_bytes(data)
    with pytest.raises(DatasetError) as caught:
        read_run(path)
    assert str(path) in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint == RUN_FORMAT


anything = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
usable = anything.map(str.strip).filter(bool)  # what a data set's ids are


@settings(max_examples=100, deadline=None)
@given(
    run=st.dictionaries(
        usable,
        st.dictionaries(usable, st.floats(allow_nan=False, allow_infinity=False), min_size=1),
        min_size=1,
    ),
    tag=st.text(st.characters(codec="utf-8")),
)
def test_our_own_run_reads_back_exactly_whatever_the_ids(
    tmp_path_factory: pytest.TempPathFactory, run: dict[str, dict[str, float]], tag: str
) -> None:
    """Ids with blanks are written between tabs; float64 scores keep all their digits."""
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    path.write_text("\n".join(run_lines(run, tag)) + "\n", encoding="utf-8", newline="\n")
    read = read_run(path)
    assert {q: list(found) for q, found in read.items()} == {
        q: list(best_first(found)) for q, found in run.items()
    }
    assert all(
        value == found or np.float32(found) == np.float32(run[q][d]) == run[q][d]
        for q, results in read.items()
        for d, found in results.items()
        for value in [run[q][d]]
    )


def test_columns_are_blanks_unless_an_id_needs_tabs() -> None:
    lines = run_lines({"q 1": {"d1": 1.0}, "q2": {"d1": 0.1}}, "my model")
    assert lines == ["q 1\tQ0\td1\t1\t1\tmy-model", "q2 Q0 d1 1 0.1 my-model"]


@pytest.fixture
def data(tiny: Path, tmp_path: Path) -> Dataset:
    return load_dataset(str(tiny), cache=tmp_path / "cache", dev_fraction=0)


def test_strangers_are_counted(path: Path, data: Dataset) -> None:
    path.write_text("q1 Q0 d1 1 3 x\nq1 Q0 gone 2 2 x\nq9 Q0 d1 1 1 x\nq9 Q0 d2 1 1 x\n")
    said: list[str] = []
    assert read_known_run(path, data, "train", said.append) == {"q1": {"d1": 3.0, "gone": 2.0}}
    assert said == [
        f"{path}: queries that tiny does not have, left out: 1 (the first is 'q9', line 3)",
        f"{path}: documents that tiny does not have, taken as not relevant: 1 (the first is 'gone', line 2)",
    ]


def test_a_run_of_two_systems_is_none(path: Path, data: Dataset, cli: Cli) -> None:
    """Together they rank as neither does."""
    path.write_text("q3 Q0 d5 1 9 a\nq1 Q0 d1 1 3 a\nq3 Q0 d1 1 7 b\n")
    for read in (read_run, lambda file: read_known_run(file, data, "test", lambda message: None)):
        with pytest.raises(DatasetError, match="line 3: 'q3' is ranked by 'b', and by 'a' on line 1"):
            read(path)
    result = cli("eval", data.folder, "--run", path)
    assert result.code == 2
    assert "A run is of one system" in result.err
    path.write_text("q3 Q0 d5 1 9 first-half\nq1 Q0 d1 1 3 second-half\nq1 Q0 d2 2 1\n")
    assert read_run(path) == {"q3": {"d5": 9.0}, "q1": {"d1": 3.0, "d2": 1.0}}


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ("1 0.1/2 0.5/3 0.9", True),
        ("1 0.9/3 0.5/2 0.7", False),
        ("1 0.9/2 0.9/3 0.9", False),
        ("0 0.1/0 0.5/0 0.9", False),
        ("2 0.9/1 0.5", True),
    ],
)
def test_ranks_that_the_scores_contradict(path: Path, data: Dataset, places: str, told: bool) -> None:
    lines = [f"q3 Q0 d{number} {place} x\n" for number, place in enumerate(places.split("/"), start=1)]
    path.write_text("".join(lines))
    said: list[str] = []
    read_known_run(path, data, "test", said.append)
    assert any("contradict each other for 1 of 1 queries ('q3' is the first)" in one for one in said) == told


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("1 Q0 d1 1 1 x\n", "for none of the test queries of tiny", "queries like 'q3', and none like '1'"),
        ("q1 Q0 d1 1 1 x\n", "for none of the test queries of tiny", "queries like 'q3'"),
        ("q3 Q0 5 1 1 x\n", "ranks no document that tiny has", "ids like 'd1', none like '5'"),
    ],
)
def test_a_run_over_another_data_set_is_no_score_of_zero(
    path: Path, data: Dataset, cli: Cli, text: str, message: str, hint: str
) -> None:
    path.write_text(text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_known_run(path, data, "test", lambda message: None)
    assert hint in str(caught.value.hint)
    result = cli("eval", data.folder, "--run", path)
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert not list(Path(".syneg").rglob("eval/*"))
