"""Folders as others leave them: hub layouts, gzip, hidden files, splits by other names, odd ids."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from syneg_cli.core.errors import DatasetError
from syneg_cli.data import Dataset, load_dataset
from tests.conftest import DOCS, QRELS, QUERIES, Cli
from tests.said import Said


def loaded(folder: Path, **options: Any) -> Dataset:
    return load_dataset(str(folder), cache=folder.parent / "cache", dev_fraction=0, **options)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def zipped(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()


def as_hub(folder: Path) -> None:
    """corpus/ in two shards, queries/ and qrels/ as Parquet; grades are floats there."""
    for name in ("corpus", "queries"):
        found = rows(folder / f"{name}.jsonl")
        (folder / name).mkdir()
        for part, chunk in enumerate((found[:2], found[2:])):
            table = pa.Table.from_pylist(chunk)
            pq.write_table(table, folder / name / f"{name}-0000{part}-of-00002.parquet")
        (folder / f"{name}.jsonl").unlink()
    for split in ("train", "test"):
        cells = [
            line.split("\t") for line in (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]
        ]
        judged = [{"query-id": q, "corpus-id": d, "score": float(s)} for q, d, s in cells]
        pq.write_table(pa.Table.from_pylist(judged), folder / "qrels" / f"{split}-00000-of-00001.parquet")
        (folder / "qrels" / f"{split}.tsv").unlink()


def with_id(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl"):
        (folder / name).write_text((folder / name).read_text().replace('"_id"', '"id"'))


def qrels_as(name: str, text: str | bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "qrels" / "test.tsv").unlink()
        data = text.encode() if isinstance(text, str) else text
        (folder / "qrels" / name).write_bytes(data)

    return change


def hidden(folder: Path) -> None:
    (folder / "qrels" / "._test.tsv").write_bytes(b"\x00\x05\x16\x07\xff\xfe")
    (folder / "qrels" / ".DS_Store").write_bytes(b"\x00")


def marked(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())


def wide(folder: Path) -> None:
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"):
        (folder / name).write_bytes((folder / name).read_text().encode("utf-16"))


SAME = {
    "gzip": zipped,
    "hub": as_hub,
    "id": with_id,
    "hidden files": hidden,
    "byte order mark": marked,
    "UTF-16": wide,
    "TREC's four columns": qrels_as("test.tsv", "q3 0 d5 1\n"),
    "four columns between tabs": qrels_as("test.tsv", "q3\tQ0\td5\t1\n"),
    "no header": qrels_as("test.tsv", "q3\td5\t1\n"),
    "blanks": qrels_as("test.txt", "q3 d5 1"),
    "CRLF": qrels_as("test.tsv", "query-id\tcorpus-id\tscore\r\nq3\td5\t1\r\n\r\n"),
    "grade as float": qrels_as("test.tsv", "q3\td5\t1.0\n"),
    "the same twice": qrels_as("test.tsv", "q3\td5\t1\nq3\td5\t1\n"),
    "JSONL": qrels_as("test.jsonl", '{"query-id": "q3", "corpus-id": "d5", "score": 1}\n'),
    "testing": qrels_as("testing.qrels", "q3 0 d5 1\n"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_the_same_data_set(case: str, tiny: Path) -> None:
    SAME[case](tiny)
    data = loaded(tiny)
    assert data.corpus.ids == list(DOCS)
    assert data.corpus["d3"].title == "Aspirin trial"
    assert {query.id: query.text for query in data.queries.values()} == QUERIES
    assert data.judgements == {
        "test": {"q3": {"d5": 1}},
        "train": {"q1": {"d1": 1}, "q2": {"d3": 1}, "q4": {"d2": 1}},
    }


@pytest.mark.parametrize(
    "name", ["validation.tsv", "valid.txt", "val.tsv", "validation-00000-of-00001.jsonl"]
)
def test_validation_is_dev(tiny: Path, name: str) -> None:
    ending = '{"qid": "q3", "docid": "d5", "relevance": 1}' if name.endswith("jsonl") else "q3 d5 1"
    (tiny / "qrels" / name).write_text(ending)
    assert loaded(tiny).qrels("dev") == {"q3": {"d5": 1}}


TWICE = [
    ("test.tsv", "qrels/test.tsv.gz"),
    ("test.tsv", "qrels/test.txt"),
    ("test.tsv", "qrels/Test.tsv"),
    ("test.tsv", "qrels/testing.tsv"),
    ("test.tsv", "qrels/test-00000-of-00001.tsv"),
    ("train.tsv", "qrels/Training.qrels"),
    ("corpus.jsonl", "corpus.jsonl.gz"),
    ("corpus.jsonl", "corpus/part.jsonl"),
    ("corpus.jsonl", "corpus.parquet"),
    ("queries.jsonl", "queries.jsonl.gz"),
]


@pytest.mark.parametrize(("one", "other"), TWICE)
def test_the_same_part_twice_is_an_error_that_names_both(tiny: Path, one: str, other: str) -> None:
    here = tiny / one if (tiny / one).is_file() else tiny / "qrels" / one
    (tiny / other).parent.mkdir(exist_ok=True)
    text = here.read_bytes()
    (tiny / other).write_bytes(gzip.compress(text) if other.endswith(".gz") else text)
    with pytest.raises(DatasetError) as caught:
        loaded(tiny)
    assert all(part in caught.value.message for part in (f"{tiny}/", one, other))


@pytest.mark.parametrize("names", [("dev", "validation"), ("Extra", "extra"), ("val", "valid")])
def test_two_names_of_one_split_are_an_error(tiny: Path, names: tuple[str, str]) -> None:
    for split, query in zip(names, ("q3", "q1"), strict=True):
        (tiny / "qrels" / f"{split}.tsv").write_text(f"{query}\td5\t1\n")
    with pytest.raises(DatasetError, match="twice") as caught:
        loaded(tiny)
    assert all(f"{name}.tsv" in caught.value.message for name in names)


def test_parts_of_one_split_are_one(tiny: Path) -> None:
    for part, query in enumerate(("q3", "q1")):
        (tiny / "qrels" / f"Validation-0000{part}-of-00002.tsv").write_text(f"{query}\td5\t1\n")
    assert list(loaded(tiny).qrels("dev")) == ["q3", "q1"]


def test_whole_numbers_are_ids(tmp_path: Path) -> None:
    folder = tmp_path / "numbers"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"id": 7, "text": "x"}\n{"_id": "08", "text": "y"}\n')
    (folder / "queries.jsonl").write_text('{"_id": 0, "text": "q"}\n')
    (folder / "qrels" / "test.jsonl").write_text('{"query-id": 0, "corpus-id": 7, "score": 1}\n')
    assert loaded(folder).corpus.ids == ["7", "08"]
    assert loaded(folder).qrels("test") == {"0": {"7": 1}}


def test_documents_that_the_corpus_lacks_are_counted_and_stay_in_the_denominator(
    tiny: Path, cli: Cli
) -> None:
    """One of two relevant documents can be found: recall is 1/2, not 1."""
    (tiny / "qrels" / "test.tsv").write_text("q3\tgone\t1\nq3\td5\t1\n")
    run = tiny.parent / "run.trec"
    run.write_text("q3 Q0 d5 1 1 x\n")
    said = Said()
    data = loaded(tiny, progress=said)
    assert said.warnings[0].endswith(
        "test.tsv: 1 judged document is not in the corpus, the first is 'gone' (line 1); "
        "they stay in the metrics, as not found"
    )
    assert [pair.doc_id for pair in data.pairs("test")] == ["d5"]
    assert data.positives("q3") == {"d5"}
    assert "0.5000" in cli("eval", tiny, "--run", run).out


def test_lacking_training_documents_are_no_pairs(tiny: Path, cli: Cli) -> None:
    (tiny / "qrels" / "train.tsv").write_text("q1\td1\t1\nq2\tgone\t1\nq4\tgone\t1\nq4\td2\t1\n")
    assert [(p.query_id, p.doc_id) for p in loaded(tiny).pairs("train")] == [("q1", "d1"), ("q4", "d2")]
    for miner in ("random", "bm25"):
        assert cli("mine", tiny, "--miner", miner).code == 0


def test_queries_judged_not_relevant_count_as_in_trec_eval(tiny: Path, cli: Cli) -> None:
    """q3 is found, q1 has nothing to find: the mean is 1/2, which is what trec_eval says."""
    (tiny / "qrels" / "test.tsv").write_text("q3\td5\t1\nq1\td1\t0\n")
    run = tiny.parent / "run.trec"
    run.write_text("q3 Q0 d5 1 1 x\nq1 Q0 d1 1 1 x\n")
    import pytrec_eval

    theirs = pytrec_eval.RelevanceEvaluator({"q3": {"d5": 1}, "q1": {"d1": 0}}, {"ndcg_cut.10"})
    values = [v["ndcg_cut_10"] for v in theirs.evaluate({"q3": {"d5": 1.0}, "q1": {"d1": 1.0}}).values()]
    assert sum(values) / len(values) == 0.5
    result = cli("eval", tiny, "--run", run)
    assert "0.5000" in result.out
    assert "1 of 2 queries have no relevant document ('q1' is the first)" in result.err


def test_the_hold_out_and_leaks_are_said(tiny: Path) -> None:
    (tiny / "qrels" / "test.tsv").write_text("q1\td1\t1\nq2\td3\t1\nq4\td2\t1\n")
    said = Said()
    load_dataset(str(tiny), cache=tiny.parent / "cache", dev_fraction=0.34, progress=said)
    assert said.notes[-1] == "3 train queries, 1 of them held out as dev"
    assert "2 queries of test are in train" in said.warnings[0]


def test_half_a_surrogate_pair_is_mended_and_counted(tiny: Path, cli: Cli) -> None:
    with (tiny / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "d7", "title": "\\ud83d", "text": "a \\ude00\\ud83d b, \\ud83d\\ude00"}\n')
    said = Said()
    data = loaded(tiny, progress=said)
    assert data.corpus["d7"].text == "a \ufffd\ufffd b, \U0001f600"
    assert data.corpus["d7"].title == "\ufffd"
    assert (
        "3 broken characters (halves of surrogate pairs) became U+FFFD, the first on line 7"
        in said.warnings[0]
    )
    assert cli("mine", tiny, "--miner", "random").code == 0


@pytest.mark.parametrize("given", ["cqadupstack", "data/cqadupstack"])
def test_data_sets_inside_are_offered_by_name(
    tiny: Path, tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / given
    home.mkdir(parents=True)
    tiny.rename(home / "android")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError) as caught:
        load_dataset(given, cache=tmp_path / "cache")
    assert "It holds several data sets. Give one of them: " in str(caught.value.hint)
    assert "cqadupstack/android" in str(caught.value.hint)
    assert load_dataset(f"{given}/android", cache=tmp_path / "cache").name == "android"


def test_a_damaged_parquet_file_is_named(tiny: Path) -> None:
    (tiny / "qrels" / "test.tsv").unlink()
    (tiny / "qrels" / "test.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DatasetError, match=r"test\.parquet is not a Parquet file, or damaged"):
        loaded(tiny)


def as_parquet(path: Path, content: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(content), path)


def test_parquet_is_known_by_its_content_whatever_it_is_called(tiny: Path) -> None:
    plain = loaded(tiny)
    documents = [{"_id": d, "title": title, "text": text} for d, (title, text) in DOCS.items()]
    as_parquet(tiny / "corpus.jsonl", documents)
    as_parquet(tiny / "queries.jsonl", [{"_id": q, "text": text} for q, text in QUERIES.items()])
    for split, judged in QRELS.items():
        as_parquet(
            tiny / "qrels" / f"{split}.tsv",
            [{"query-id": q, "corpus-id": d, "score": grade} for q, d, grade in judged],
        )
    read = loaded(tiny)
    assert read.corpus.ids == plain.corpus.ids
    assert (read.queries, read.judgements) == (plain.queries, plain.judgements)
    as_parquet(tiny / "corpus.jsonl", [*documents, documents[0]])
    with pytest.raises(DatasetError, match=r"corpus\.jsonl, row 7: the id 'd1' was used on row 1 already"):
        loaded(tiny)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"PK\x03\x04rest", "is a zip archive, not text"),
        (b"\x28\xb5\x2f\xfdrest", "is packed by zstd, not text"),
        (b"BZh9", "is packed by bzip2"),
        (b"\xfd7zXZ\x00", "is packed by xz"),
        (b"ARROW1\x00\x00", "is an Arrow file"),
        (b"SQLite format 3\x00", "is an SQLite database"),
        (gzip.compress(b"PAR1 and more", mtime=0), "is a Parquet file, not text"),
    ],
)
@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_files_of_another_kind_are_called_what_they_are(
    tiny: Path, file: str, start: bytes, said: str
) -> None:
    (tiny / file).write_bytes(start)
    with pytest.raises(DatasetError) as caught:
        loaded(tiny)
    assert f"{file} {said}" in caught.value.message
    assert caught.value.hint


def test_a_run_that_is_no_text_is_called_what_it_is(tiny: Path, tmp_path: Path, cli: Cli) -> None:
    run = tmp_path / "run.trec"
    as_parquet(run, [{"query": "q3"}])
    result = cli("eval", tiny, "--run", run)
    assert result.code == 2
    assert "run.trec is a Parquet file, not text." in result.err


def test_queries_of_punctuation_alone_are_said(tiny: Path) -> None:
    with (tiny / "queries.jsonl").open("a") as file:
        file.write('{"_id": "q8", "text": "..."}\n{"_id": "q9", "text": "?"}\n')
    said = Said()
    assert "q9" in loaded(tiny, progress=said).queries
    (line,) = [one for one in said.warnings if "symbol" in one]
    assert "2 queries" in line
    assert "line 5" in line
