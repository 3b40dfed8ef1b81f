"""Training files as other tools leave them, and where an export goes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from syneg_cli.core import UsageError
from syneg_cli.mixing.readers import Row, read_rows
from syneg_cli.mixing.writers import output_file
from tests.conftest import QUERIES, Cli

NEGATIVES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"anchor": "q", "positive": "p", "negatives": ["a", "b"]}, ("a", "b")),
    ({"query": "q", "positive": "p", "negatives": ["a", "b"]}, ("a", "b")),
    ({"anchor": "q", "positive": "p", "negative": ["a", "b"]}, ("a", "b")),
    ({"anchor": "q", "positive": "p", "negative_1": "a", "negative_2": "b", "negative_3": None}, ("a", "b")),
    ({"anchor": "q", "positive": "p", "negative_ids": ["7", "8"], "negatives": ["a"]}, ("a",)),
    ({"anchor": "q", "positive": ["p"], "negatives": None}, ()),
    ({"anchor": "q", "positive": "p", "negatives": ' ["a", "b"]'}, ("a", "b")),
    ({"query": "q", "pos": '["p"]', "neg": '["a"]'}, ("a",)),
    ({"query": "q", "pos": "p", "neg": ["[1] a", "[b]"]}, ("[1] a", "[b]")),
    ({"query": "q", "positive": "p", "negative": "[1] a"}, ("[1] a",)),
]


@pytest.mark.parametrize(("row", "negatives"), NEGATIVES)
@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "parquet", "parquet called .jsonl"])
def test_negatives_are_kept_whatever_the_column(
    tmp_path: Path, row: dict[str, Any], negatives: tuple[str, ...], ending: str
) -> None:
    path = tmp_path / f"train.{ending.rpartition('.')[2] if 'called' in ending else ending}"
    if ending.startswith("parquet"):
        pq.write_table(pa.Table.from_pylist([row]), path)
    else:
        data = json.dumps(row).encode()
        path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    assert list(read_rows(path)) == [Row("q", ("p",), negatives)]


def test_labels_for_other_documents_are_no_silent_cut(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text('{"query": "q", "docs": ["a", "b", "c"], "labels": [1]}\n')
    with pytest.raises(UsageError, match="line 1"):
        list(read_rows(path))


def test_half_a_surrogate_pair_in_an_import_is_mended_and_counted(cli: Cli, tiny: Path) -> None:
    row = {"anchor": QUERIES["q1"], "positive": "good \ud83d", "negatives": ["bad \udc00"]}
    Path("mine.jsonl").write_text(json.dumps(row) + "\n")
    mixed = cli("mix", tiny, "--from", "mine.jsonl", "--strategy", "retrieved")
    assert mixed.code == 0, mixed.err
    assert "2 broken characters (halves of surrogate pairs) became U+FFFD, the first on line 1" in mixed.err
    exported = cli("export", tiny, "--mixed", "retrieved", "--output", "new/folder/")
    assert exported.code == 0, exported.err
    (line,) = Path("new/folder/retrieved-flagembedding.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"query": QUERIES["q1"], "pos": ["good \ufffd"], "neg": ["bad \ufffd"]}


def test_an_import_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"anchor": "q", "positive": "p"}\n{"anchor": "caf\xe9", "positive": "p"}\n')
    with pytest.raises(UsageError, match=r"t\.jsonl, line 2: not UTF-8 text \(byte 0xe9\)"):
        list(read_rows(path))
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="is not a Parquet file"):
        list(read_rows(tmp_path / "t.parquet"))


@pytest.mark.parametrize(
    ("output", "form", "file"),
    [
        ("out.jsonl", "tevatron", "out.jsonl"),
        ("out.json", "flagembedding", "out.json"),
        ("out", "parquet", "out"),
        ("train.v2", "flagembedding", "train.v2"),
        ("new/", "parquet", "new/hybrid-parquet.parquet"),
        ("there", "tevatron", "there/hybrid-tevatron.jsonl"),
    ],
)
def test_where_an_export_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, form: str, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    assert output_file(output, "hybrid", form) == Path(file)


@pytest.mark.parametrize(
    ("output", "form", "instead"),
    [
        ("x.parquet", "flagembedding", "Call it x.jsonl"),
        ("x.jsonl", "parquet", "Call it x.parquet"),
        ("x.CSV", "tevatron", "Call it x.jsonl"),
        ("x.jsonl.gz", "sentence-transformers", "Call it x.jsonl"),
    ],
)
def test_an_ending_that_contradicts_the_format_is_an_error(
    cli: Cli, tiny: Path, output: str, form: str, instead: str
) -> None:
    result = cli("export", tiny, "--format", form, "--output", output)
    assert result.code == 2
    assert f"and {output} ends in" in result.err
    assert instead in result.err
    assert not Path(output).exists()
