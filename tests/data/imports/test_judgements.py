"""Queries and judgements that come with documents: which are written, which are not, and that it is said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from syneg_cli.core import manifest_path
from tests.conftest import Cli, write_dataset
from tests.data.imports.conftest import LONG, WORDS, corpus, write


def judged(folder: str, split: str = "test") -> list[tuple[str, ...]]:
    lines = Path(folder, "qrels", f"{split}.tsv").read_text().splitlines()
    assert lines[0] == "query-id\tcorpus-id\tscore"
    return [tuple(line.split("\t")) for line in lines[1:]]


@pytest.fixture
def docs() -> Path:
    """Two short documents, the same twice, and one that becomes three passages."""
    return write(Path("docs"), a_txt="About a.", b_txt="About b.", copy_txt="About b.", long_txt=LONG)


QRELS = {
    "q.test.trec": "q1 0 a.txt 1\nq1 0 long.txt 2\nq2 0 copy.txt 1\nq2 0 gone.txt 1\n",
    "test.tsv": "q1\ta.txt\t1\nq1\tlong.txt\t2\nq2\tcopy.txt\t1\nq2\tgone.txt\t1\n",
    "test.csv": "q1,a.txt,1\nq1,long.txt,2\nq2,copy.txt,1\nq2,gone.txt,1\n",
    "own-names.csv": "Frage;Dokument;Bewertung\nq1;a.txt;1\nq1;long.txt;2\nq2;copy.txt;1\nq2;gone.txt;1\n",
    "any-order.csv": 'grade,note,doc_id,Query-ID\n1,"yes, it is",a.txt,q1\n2,,long.txt,q1\n1,,copy.txt,q2\n1,,gone.txt,q2\n',
    "test-with-header.tsv": "query-id\tcorpus-id\tscore\nq1\ta.txt\t1\nq1\tlong.txt\t2\nq2\tcopy.txt\t1\nq2\tgone.txt\t1\n",
}


@pytest.mark.parametrize("name", [*QRELS, "test.trec.gz", "test.parquet"])
def test_judgements_of_any_kind(cli: Cli, docs: Path, name: str) -> None:
    path = Path(name)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(QRELS["q.test.trec"].encode()))
    elif name.endswith(".parquet"):
        cells = [line.split("\t") for line in QRELS["test.tsv"].splitlines()]
        rows = [{"query-id": q, "corpus-id": d, "score": float(s)} for q, d, s in cells]
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text(QRELS[name])
    Path("queries.tsv").write_text("q1\tWhat of a?\nq2\tWhat of b?\n")
    result = cli("import", docs, "--queries", "queries.tsv", "--qrels", path, "--tokens", 64, "--json")
    assert result.code == 0, result.err
    assert judged("docs-data") == [("q1", "a.txt", "1"), ("q2", "b.txt", "1"), ("q2", "gone.txt", "1")]
    lines = Path("docs-data/queries.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"_id": "q1", "text": "What of a?"},
        {"_id": "q2", "text": "What of b?"},
    ]
    assert (result.json["judgements"], result.json["unmapped"]) == ({"test": 3}, {"test": 1})
    assert "1 judged document is not in the corpus, the first is 'gone.txt'" in result.err
    assert cli("init", "docs-data").code == 0


@pytest.mark.parametrize("head", ["id;text", "Station;question;_id", "qid;Query"])
def test_queries_of_a_spreadsheet(cli: Cli, docs: Path, head: str) -> None:
    """By the names of its columns, in whatever encoding; judgements too, which are told by their order."""
    cells = {"id": "q1", "_id": "q1", "qid": "q1", "Station": "OP"}
    row = ";".join(cells.get(name, '"Wofür; heiß?"') for name in head.split(";"))
    Path("q.csv").write_bytes(f"{head}\r\n{row}\r\n".encode("cp1252"))
    Path("test.csv").write_bytes("Prüffrage;Dokument;Wert\r\nq1;a.txt;1\r\n".encode("cp1252"))
    result = cli("import", docs, "--queries", "q.csv", "--qrels", "test.csv", "--json")
    assert result.code == 0, result.err
    assert json.loads(Path("docs-data/queries.jsonl").read_text()) == {"_id": "q1", "text": "Wofür; heiß?"}
    assert judged("docs-data") == [("q1", "a.txt", "1")]
    assert result.json["decoded"] == [{"file": name, "encoding": "cp1252"} for name in ("q.csv", "test.csv")]


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        (
            "Nr;Frage;Station\nq1;Was?;OP\n",
            "q.csv has no column that is called as ids of queries usually are; it has: Nr, Frage, Station.",
        ),
        ("id,Frage\nq1,Was?\n", "as texts of queries usually are; it has: id, Frage."),
        ("id,text\nq1,Was?,x\n", "q.csv, line 2: it has 3 cells, and the first line 2"),
        ("id,text\nq1, \n", "q.csv, line 2: no id and text"),
        ("id,text\n,Was?\n", "q.csv, line 2: '' is no usable id"),
        ("id,text\nq1,Was?\nq1,Wo?\n", "q.csv, line 3: the id 'q1' is there twice"),
        ("id,text\n", "q.csv is empty"),
    ],
)
def test_spreadsheets_that_hold_no_queries(cli: Cli, docs: Path, queries: str, said: str) -> None:
    write(Path(), q_csv=queries, test_tsv="q1\ta.txt\t1\n")
    result = cli("import", docs, "--queries", "q.csv", "--qrels", "test.tsv")
    assert (result.code, Path("docs-data").exists()) == (2, False)
    assert said in result.err


@pytest.mark.parametrize(
    ("judgements", "said"),
    [
        (
            "Frage;Dokument;Datum;Autor;Wert\nq1;a.txt;1;2;1\n",
            "test.csv, line 1: expected 3 columns (or TREC's 4), found 5",
        ),
        ("q1;a.txt;ja\n", "test.csv, line 1: the score 'ja' is not a whole number"),
        ("query,doc,score\nq1,a.txt\n", "test.csv, line 2: the score None is not a whole number"),
        ("doc,query,score\nq1,a.txt,1\n", "test.csv, line 2: no query has the id 'a.txt'"),
    ],
)
def test_spreadsheets_that_hold_no_judgements(cli: Cli, docs: Path, judgements: str, said: str) -> None:
    write(Path(), q_tsv="q1\tWas?\n", test_csv=judgements)
    result = cli("import", docs, "--queries", "q.tsv", "--qrels", "test.csv")
    assert (result.code, Path("docs-data").exists()) == (2, False)
    assert said in result.err


def test_judgements_of_a_cut_document_can_be_given_to_all_its_passages(cli: Cli, docs: Path) -> None:
    write(Path(), queries_jsonl='{"_id": "q1", "text": "x"}', test_tsv="q1\tlong.txt\t2\nq1\ta.txt\t0\n")
    options = ("--queries", "queries.jsonl", "--qrels", "test.tsv", "--overlap", 0, "--tokens", 64)
    nothing = cli("import", docs, *options)
    assert nothing.code == 0
    assert "test is left out: all its relevant documents were cut into passages" in nothing.err
    assert not Path("docs-data/qrels").exists()
    result = cli("import", docs, *options, "--judged-passages", "all")
    assert judged("docs-data") == [
        *(("q1", f"long.txt#{number}", "2") for number in (1, 2, 3)),
        ("q1", "a.txt", "0"),
    ]
    assert "test judgements of cut documents, given to all passages" in result.out
    assert cli("import", docs, *options[:-1], 0).code == 0
    assert judged("docs-data") == [("q1", "long.txt", "2"), ("q1", "a.txt", "0")]


def test_who_judges_passages_names_them_by_the_ids_of_the_corpus(cli: Cli, docs: Path) -> None:
    """As a person does who looks into corpus.jsonl, and where all documents are long."""
    write(Path(), queries_tsv="q1\tx\n", test_tsv="q1\tlong.txt#2\t1\n")
    options = ("--queries", "queries.tsv", "--qrels", "test.tsv", "--overlap", 0, "--tokens", 64)
    result = cli("import", docs, *options)
    assert result.code == 0, result.err
    assert "not in the corpus" not in result.err
    assert judged("docs-data") == [("q1", "long.txt#2", "1")]


def test_of_two_judgements_of_one_text_the_best_counts(cli: Cli, docs: Path) -> None:
    write(Path(), queries_tsv="q1\tx\n", test_tsv="q1\tb.txt\t2\nq1\tcopy.txt\t1\nq1\ta.txt\t1\n")
    assert cli("import", docs, "--queries", "queries.tsv", "--qrels", "test.tsv").code == 0
    assert judged("docs-data") == [("q1", "b.txt", "2"), ("q1", "a.txt", "1")]


def test_judgements_beside_the_documents(cli: Cli, docs: Path) -> None:
    write(docs, queries_jsonl='{"_id": "q1", "text": "x"}', qrels__train_tsv="q1\ta.txt\t1\n")
    write(docs, qrels__validation_tsv="q1\tb.txt\t1\n")
    result = cli("import", docs, "--json")
    assert (judged("docs-data", "train"), judged("docs-data", "dev")) == (
        [("q1", "a.txt", "1")],
        [("q1", "b.txt", "1")],
    )
    assert result.json["left_out"] == []
    assert set(corpus("docs-data")) == {"a.txt", "b.txt", "long.txt"}
    (docs / "qrels" / "train.tsv").write_text("q1\tb.txt\t1\n")
    assert cli("import", docs, "--json").json["reason"] == "queries and judgements changed"


def test_an_import_of_an_earlier_version_stays_up_to_date(cli: Cli, docs: Path) -> None:
    """Its manifest has one hash of documents, queries and judgements together."""
    write(Path(), queries_tsv="q1\tx\n", test_tsv="q1\ta.txt\t1\n")
    asked = ("import", docs, "--queries", "queries.tsv", "--qrels", "test.tsv", "--json")
    assert cli(*asked).code == 0
    manifest = manifest_path(Path("docs-data"))
    told = json.loads(manifest.read_text(encoding="utf-8"))
    del told["inputs"]["queries and judgements"]
    manifest.write_text(json.dumps(told), encoding="utf-8")
    assert cli(*asked).json["skipped"] is True
    Path("test.tsv").write_text("q1\tb.txt\t1\n")
    assert cli(*asked).json["reason"] == "documents changed", "which of them is not known there"
    Path("test.tsv").write_text("q1\ta.txt\t1\n")
    assert cli(*asked).json["reason"] == "queries and judgements changed"


def test_what_to_do_for_judgements_of_cut_documents_is_said(cli: Cli, docs: Path) -> None:
    write(Path(), queries_tsv="q1\tx\n", test_tsv="q1\ta.txt\t1\nq1\tlong.txt\t1\n")
    asked = ("import", docs, "--queries", "queries.tsv", "--qrels", "test.tsv", "--tokens", 64)
    assert (
        "1 judgement is of documents that were cut, which say nothing of their parts: --tokens 0"
        in cli(*asked).out
    )
    assert "which say nothing" not in cli(*asked, "--judged-passages", "all").out


def test_a_file_that_names_no_split_is_test(cli: Cli, docs: Path) -> None:
    write(Path(), queries_jsonl='{"_id": "q1", "text": "x"}', judged_txt="q1\ta.txt\t1\n")
    result = cli("import", docs, "--queries", "queries.jsonl", "--qrels", "judged.txt")
    assert "judged.txt names no split (train, dev or test): its judgements are written as test" in result.err
    assert judged("docs-data") == [("q1", "a.txt", "1")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--qrels", "test.tsv"), "There are judgements, and no queries."),
        (("--queries", "queries.tsv", "--qrels", "nowhere.tsv"), "nowhere.tsv is not there"),
        (("--queries", "nowhere.tsv", "--qrels", "test.tsv"), "nowhere.tsv is not there"),
        (("--queries", "bad.tsv", "--qrels", "test.tsv"), "bad.tsv, line 2: no id, tab and text."),
        (("--queries", "queries.tsv", "--qrels", "test.tsv", "--qrels", "x-test.tsv"), "would both be test"),
        (("--queries", "queries.tsv", "--qrels", "other.test.tsv"), "no query has the id 'q9'"),
        (("--queries", "queries.tsv", "--qrels", "x-test.tsv"), "judges no document relevant that"),
    ],
)
def test_wrong_judgements(cli: Cli, docs: Path, options: tuple[str, ...], said: str) -> None:
    write(Path(), queries_tsv="qid\ttext\nq1\tx\n", test_tsv="q1\ta.txt\t1\n", bad_tsv="q1\tx\nq2\n")
    Path("x-test.tsv").write_text("q1\tnowhere.txt\t1\n")
    Path("other.test.tsv").write_text("q9\ta.txt\t1\n")
    result = cli("import", docs, *options)
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert not Path("docs-data").exists()


def test_a_data_set_is_taken_as_it_is(cli: Cli) -> None:
    """Its documents are what is judged: not cut, not merged, and written as BEIR has them."""
    docs = {"d1": ("T", WORDS * 40), "d2": ("", "Same."), "d3": ("", "Same.")}
    write_dataset(Path("mine"), docs, {"q1": "x"}, {"test": [("q1", "d3", 1), ("q1", "d9", 2)]})
    rows = [json.loads(line) for line in Path("mine/corpus.jsonl").read_text().splitlines()]
    Path("mine/corpus.jsonl").unlink()
    pq.write_table(pa.Table.from_pylist(rows), Path("mine/corpus.parquet"))
    result = cli("import", "mine", "--json")
    assert result.code == 0, result.err
    assert {key: (row["title"], row["text"]) for key, row in corpus("mine-data").items()} == docs
    assert judged("mine-data") == [("q1", "d3", "1"), ("q1", "d9", "2")]
    assert (result.json["counted_by"], result.json["cut"], result.json["queries"]) == ("", 0, 1)
