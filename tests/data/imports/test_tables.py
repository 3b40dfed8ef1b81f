"""`syneg import` of JSONL, CSV, TSV, Parquet, SQLite and DuckDB."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Cli
from tests.data.imports.conftest import LONG, corpus, left_out, without

ROWS: list[dict[str, Any]] = [
    {"doc_id": "a", "headline": "One, two", "body": 'A "text",\nof two lines.'},
    {"doc_id": "b", "headline": None, "body": "Größe; 字"},
    {"doc_id": "c", "headline": "Three", "body": "  "},
]
EXPECTED = {"a": ("One, two", 'A "text",\nof two lines.'), "b": ("", "Größe; 字")}


def as_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))


def as_csv(path: Path, mark: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter=mark)
        writer.writeheader()
        writer.writerows(ROWS)


def as_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def as_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as opened:
        opened.execute("CREATE TABLE news (doc_id TEXT, headline TEXT, body TEXT, year INT)")
        opened.executemany("INSERT INTO news VALUES (?, ?, ?, 2020)", [tuple(row.values()) for row in ROWS])
    opened.close()


def as_duckdb(path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(path)) as opened:
        opened.execute("CREATE TABLE news (doc_id TEXT, headline TEXT, body TEXT, year INT)")
        opened.executemany("INSERT INTO news VALUES (?, ?, ?, 2020)", [list(row.values()) for row in ROWS])


MADE: dict[str, Callable[[Path], None]] = {
    "t.jsonl": as_jsonl,
    "t.csv": as_csv,
    "semicolons.csv": lambda path: as_csv(path, ";"),
    "t.parquet": as_parquet,
}


@pytest.mark.parametrize("name", MADE)
def test_rows_become_documents(cli: Cli, name: str) -> None:
    MADE[name](Path(name))
    result = cli("import", name, "--output", "out")
    assert result.code == 0, result.err
    assert {key: (row["title"], row["text"]) for key, row in corpus("out").items()} == EXPECTED
    said = "columns: id: 'doc_id', title: 'headline', text: 'body' (guessed: id, title, text)"
    assert said in result.out
    found = cli("import", name, "--output", "out", "--json").json
    assert left_out(found) == {"row 3": "no text in it"}


@pytest.mark.parametrize("make", [as_sqlite, as_duckdb])
def test_the_answer_to_a_query(cli: Cli, make: Callable[[Path], None]) -> None:
    path = Path("news.db")
    make(path)
    before = path.read_bytes()
    query = "SELECT doc_id AS id, headline AS title, body FROM news WHERE year > 2000 ORDER BY doc_id"
    result = cli("import", path, "--query", query, "--title-column", "title")
    assert result.code == 0, result.err
    assert {key: (row["title"], row["text"]) for key, row in corpus("news-data").items()} == EXPECTED
    assert "(guessed: id, text)" in result.out
    assert path.read_bytes() == before
    other = cli("import", path, "--query", query.replace("2000", "1999"), "--title-column", "title", "--json")
    assert str(other.json["reason"]).startswith("query changed")
    without_query = cli("import", path)
    assert without_query.code == 2
    assert "which rows are documents? It has: news." in without_query.err


@pytest.mark.parametrize("make", [as_sqlite, as_duckdb])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT nothing FROM news",
        "DELETE FROM news",
        "DROP TABLE news",
        "ATTACH 'other.db' AS other",
        "UPDATE news SET body = 'x' RETURNING doc_id AS id, body AS text",
        "COPY news TO 'stolen.csv'",
        "nonsense",
        "SELECT 1; SELECT 2",
        "SELECT body AS text FROM news WHERE year < 0",
    ],
)
def test_what_is_no_query_changes_nothing(cli: Cli, make: Callable[[Path], None], query: str) -> None:
    make(Path("news.db"))
    before = Path("news.db").read_bytes()
    result = cli("import", "news.db", "--query", query)
    assert result.code == 2, result.out
    assert "news.db" in result.err
    assert "unexpected" not in result.err
    assert Path("news.db").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == [".syneg", "news.db"]


def test_without_duckdb(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    as_duckdb(Path("news.db"))
    without(monkeypatch, "duckdb")
    result = cli("import", "news.db", "--query", "SELECT 1")
    assert (result.code, "Run `pip install 'syneg[duckdb]'`." in result.err) == (2, True)


def test_the_extras_are_installed_with_the_tests() -> None:
    assert all(map(find_spec, ("duckdb", "markitdown", "mammoth", "pdfminer")))


def test_a_long_row_is_cut_and_a_short_one_keeps_its_id(cli: Cli) -> None:
    rows = [{"id": 1, "text": LONG}, {"id": 2, "text": "Short."}]
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert cli("import", "t.jsonl", "--tokens", 64, "--overlap", 0).code == 0
    assert list(corpus("t-data")) == ["1#1", "1#2", "1#3", "2"]
    assert corpus("t-data")["1#2"]["metadata"] == {"row": 1, "passage": 2, "passages": 3}
    assert cli("import", "t.jsonl", "--tokens", 0).code == 0
    assert list(corpus("t-data")) == ["1", "2"]


def test_an_id_of_a_row_may_look_like_a_passages(cli: Cli) -> None:
    rows = [{"id": "1", "text": LONG}, {"id": "1#2", "text": "Short."}]
    Path("t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = cli("import", "t.jsonl", "--tokens", 64, "--overlap", 0)
    assert (result.code, "'1#2' would be the id of two passages" in result.err) == (2, True)


def test_without_ids_rows_are_numbered(cli: Cli) -> None:
    Path("t.tsv").write_text('text\nA "quoted text.\n\nAnother.\n')
    result = cli("import", "t.tsv")
    assert {key: row["text"] for key, row in corpus("t-data").items()} == {
        "1": 'A "quoted text.',
        "2": "Another.",
    }
    assert "no column has ids, rows are numbered (--id-column names one)" in result.out


def test_gzipped(cli: Cli) -> None:
    as_csv(Path("t.csv"))
    Path("t.csv.gz").write_bytes(gzip.compress(Path("t.csv").read_bytes()))
    assert cli("import", "t.csv.gz").code == 0
    assert set(corpus("t-data")) == set(EXPECTED)


@pytest.mark.parametrize("options", [(), ("--encoding", "cp1252")])
def test_tables_need_not_be_in_utf_8(cli: Cli, options: tuple[str, ...]) -> None:
    """As spreadsheets of Windows save them: `;`, CRLF, its Western encoding."""
    Path("t.csv").write_bytes("Nr;text\r\n1;Gerät prüfen\r\n2;Größe – §5\r\n".encode("cp1252"))
    Path("t.tsv.gz").write_bytes(gzip.compress("id\ttext\n1\tGerät prüfen, Größe: §5\n".encode("cp1252")))
    found = cli("import", "t.csv", "--id-column", "Nr", *options, "--json").json
    assert {key: row["text"] for key, row in corpus("t-data").items()} == {
        "1": "Gerät prüfen",
        "2": "Größe – §5",
    }
    assert found["decoded"] == [{"file": "t.csv", "encoding": "cp1252"}]
    shown = cli("import", "t.tsv.gz", *options, "--output", "u")
    assert corpus("u")["1"]["text"] == "Gerät prüfen, Größe: §5"
    assert "not in UTF-8: 1 file, read as what each was taken for: t.tsv.gz (cp1252)" in shown.out


def test_a_table_in_utf_16(cli: Cli) -> None:
    Path("t.csv").write_bytes("id;text\r\n1;Größe\r\n".encode("utf-16"))
    found = cli("import", "t.csv", "--json").json
    assert corpus("t-data")["1"]["text"] == "Größe"
    assert found["decoded"] == [{"file": "t.csv", "encoding": "utf-16"}]


def test_rows_that_are_none_are_left_out(cli: Cli) -> None:
    Path("t.csv").write_text("id,text\n1,One.\n2,Two.,too many\n3\n,\n5,Five.\n")
    found = cli("import", "t.csv", "--json").json
    assert left_out(found) == {
        "row 2": "it has 3 cells, and the first line 2",
        "row 3": "it has 1 cells, and the first line 2",
        "row 4": "no text in it",
    }
    assert list(corpus("t-data")) == ["1", "5"]


def test_columns_that_only_later_rows_have(cli: Cli) -> None:
    Path("t.jsonl").write_text('{"id": 1, "text": "One."}\n{"id": 2, "text": "Two.", "title": "T"}\n')
    assert cli("import", "t.jsonl").code == 0
    assert corpus("t-data")["2"]["title"] == "T"


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("a,b\n1,2\n", (), "t.csv has no column that is called as texts usually are; it has: a, b."),
        ("id,text\n1,x\n", ("--text-column", "txt"), "t.csv has no column 'txt'. Did you mean 'text'?"),
        ("id,text\n1,x\n1,y\n", (), "line 3: the id '1' was used in row 1 already."),
        ("id,text\n,x\n", (), "line 2: '' is no usable id"),
        ("text,text\n1,x\n", (), "line 1: two columns are called 'text'"),
        ('id,text\n1,"x\n', (), "no row of a table: unexpected end of data"),
        ("id,text\n", (), "t.csv has no rows"),
        ("", (), "t.csv has no rows"),
        ("id,text\n1,x\n", ("--query", "SELECT 1"), "t.csv is no database"),
        (b"id,text\n1,caf\xe9\n", ("--encoding", "ascii"), "t.csv: neither UTF-8 nor ascii"),
        (b"id,text\n1,a\x00\xe9\n", (), "t.csv: binary, not text"),
        (b"PK\x03\x04\xff\xfe", (), "t.csv is a zip archive"),
    ],
)
def test_wrong_tables(cli: Cli, content: str | bytes, options: tuple[str, ...], said: str) -> None:
    Path("t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    result = cli("import", "t.csv", *options)
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert not Path("t-data").exists()


def test_columns_are_for_tables(cli: Cli) -> None:
    Path("t.txt").write_text("Text.")
    result = cli("import", "t.txt", "--text-column", "x")
    assert (result.code, "t.txt has no columns." in result.err) == (2, True)
