from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core.errors import DatasetError
from syneg_cli.data.beir_files import (
    read_documents,
    read_queries,
    write_documents,
    write_qrels,
    write_queries,
)
from syneg_cli.data.opening import load_dataset
from syneg_cli.data.qrels import read_qrels
from syneg_cli.data.units import is_blank
from tests.conftest import Cli


def append(name: str, line: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return change


def empty(name: str) -> Callable[[Path], None]:
    return only(name, "")


def only(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return change


BROKEN = {
    "broken JSON": (append("corpus.jsonl", '{"_id": "d7", "text": '), "corpus.jsonl, line 7: not JSON"),
    "not an object": (append("corpus.jsonl", "[1]"), "line 7: expected a JSON object"),
    "missing _id": (append("corpus.jsonl", '{"key": "d7", "text": "x"}'), "line 7: '_id' has to be a string or a whole number; the line has key, text"),
    "truth as id": (append("corpus.jsonl", '{"_id": true, "text": "x"}'), "line 7: '_id' has to be a string or a whole number; it is True"),
    "half a number as id": (append("corpus.jsonl", '{"_id": 7.5, "text": "x"}'), "line 7: '_id' has to be a string or a whole number; it is 7.5"),
    "empty id": (append("corpus.jsonl", '{"_id": " ", "text": "x"}'), "line 7: ' ' is no usable id"),
    "tab in an id": (append("queries.jsonl", '{"_id": "a\\tb", "text": "x"}'), "line 5: 'a\\tb' is no usable id"),
    "missing text": (append("corpus.jsonl", '{"_id": "d7"}'), "line 7: 'text' has to be a string"),
    "title no string": (append("corpus.jsonl", '{"_id": "d7", "text": "x", "title": 3}'), "line 7: 'title'"),
    "duplicate document": (append("corpus.jsonl", '{"_id": "d2", "text": "x"}'), "line 7: the id 'd2' was used on line 2"),
    "empty corpus": (empty("corpus.jsonl"), "corpus.jsonl is empty"),
    "broken query": (append("queries.jsonl", "{"), "queries.jsonl, line 5: not JSON"),
    "duplicate query": (append("queries.jsonl", '{"_id": "q1", "text": "x"}'), "line 5: the id 'q1' is there twice"),
    "query without text": (append("queries.jsonl", '{"_id": "q9", "text": " "}'), "line 5: the query 'q9' has an empty text"),
    "query that cannot be seen": (append("queries.jsonl", '{"_id": "q9", "text": "\\u00ad\\u2060\\u0000"}'), "line 5: the query 'q9' has an empty text: '"),
    "no such query": (append("qrels/test.tsv", "q99\td1\t1"), "test.tsv, line 3: no query has the id 'q99'"),
    "no document at all": (only("qrels/test.tsv", "q1\td99\t1\nq1\td98\t1\n"), "test.tsv judges no document relevant that corpus.jsonl has; the first that is not there is 'd99'"),
    "two columns": (append("qrels/test.tsv", "q1 d1"), "line 3: expected 3 columns (or TREC's 4), found 2: 'q1 d1'"),
    "five columns": (append("qrels/test.tsv", "q1\t0\td1\t1\t1"), "line 3: expected 3 columns (or TREC's 4), found 5"),
    "contradiction": (append("qrels/test.tsv", "q3\td5\t0"), "line 3: 'd5' is judged 0 for 'q3', and 1 in"),
    "half a grade": (append("qrels/test.tsv", "q1\td1\t0.5"), "line 3: the score '0.5' is not a whole number"),
    "grade no number": (append("qrels/test.tsv", "q1\td1\thigh"), "line 3: the score 'high' is not a whole number"),
    "grade too large": (append("qrels/test.tsv", "q1\td1\t10001"), "line 3: the grade '10001' is out of range: at most 10000"),
    "grade too small": (append("qrels/test.tsv", "q1\td1\t-3e8"), "line 3: the grade '-3e8' is out of range"),
    "a large grade is no header": (only("qrels/test.tsv", "q9\td1\t9000000000\n"), "line 1: the grade '9000000000' is out of range"),
    "grade of another kind": (lambda folder: (folder / "qrels/dev.jsonl").write_text(json.dumps({"qid": "q1", "doc": "d1", "grade": 10**400})) and None, "dev.jsonl, line 1: the score"),
    "empty split": (only("qrels/test.tsv", "query-id\tcorpus-id\tscore\n"), "test.tsv has no relevant pair"),
    "not UTF-8": (lambda folder: (folder / "corpus.jsonl").write_bytes(b'{"_id": "\xff"}') and None, "corpus.jsonl, line 1: not UTF-8 text (byte 0xff)"),
    "judgements not UTF-8": (lambda folder: (folder / "qrels/test.tsv").write_bytes(b"q3\td5\t1\nq1\td\xe9\t1\n") and None, "test.tsv, line 2: not UTF-8 text (byte 0xe9)"),
    "half of a gzip file": (lambda folder: (folder / "qrels/test.tsv").write_bytes(b"\x1f\x8b\x08\x00") and None, "test.tsv, after line 0: damaged gzip file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_with_line(case: str, tiny: Path, tmp_path: Path) -> None:
    change, message = BROKEN[case]
    change(tiny)
    with pytest.raises(DatasetError) as caught:
        load_dataset(str(tiny), cache=tmp_path / "cache")
    assert message in caught.value.message
    assert not list((tmp_path / "cache").glob(".*")), "nothing half-written"


@pytest.mark.parametrize("case", BROKEN)
def test_a_command_says_so_too(case: str, tiny: Path, cli: Cli) -> None:
    change, message = BROKEN[case]
    change(tiny)
    result = cli("mine", tiny, "--miner", "random")
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(Path(".syneg").rglob("*.jsonl"))


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
TEXT = st.text(st.characters(codec="utf-8"))


@pytest.mark.slow
@given(st.dictionaries(IDS, st.tuples(TEXT, TEXT), min_size=1), st.data())
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, docs: dict[str, tuple[str, str]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("beir")
    rows = [(doc_id, title, text) for doc_id, (title, text) in docs.items()]
    queries = data.draw(st.dictionaries(IDS, TEXT.filter(lambda text: not is_blank(text)), min_size=1))
    some_docs = st.dictionaries(st.sampled_from(list(docs)), st.integers(1, 9), min_size=1)
    qrels = data.draw(st.dictionaries(st.sampled_from(list(queries)), some_docs, min_size=1))
    assert write_documents(folder, rows) == len(rows)
    write_queries(folder, queries)
    write_qrels(folder, "test", qrels)
    assert list(read_documents([folder / "corpus.jsonl"])) == rows
    assert {q.id: q.text for q in read_queries([folder / "queries.jsonl"]).values()} == queries
    assert read_qrels(folder / "qrels" / "test.tsv", queries, docs) == qrels
