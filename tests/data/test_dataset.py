from __future__ import annotations

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.data import find as module
from syneg_cli.data.dataset import load_dataset, split_queries
from tests.conftest import DOCS, Cli, write_dataset


def load(folder: Path, tmp_path: Path, **options: object) -> module.Dataset:
    return load_dataset(str(folder), cache=tmp_path / "cache", **options)  # type: ignore[arg-type]


def test_reads_a_folder(tiny: Path, tmp_path: Path) -> None:
    data = load(tiny, tmp_path, dev_fraction=0.0)
    assert data.name == "tiny"
    assert data.corpus.ids == list(DOCS)
    assert data.corpus["d3"].full_text.startswith("Aspirin trial Low dose")
    assert data.corpus.texts([2, 0])[1] == data.corpus["d1"].full_text
    assert [(p.query_id, p.doc_id) for p in data.pairs("train")] == [("q1", "d1"), ("q2", "d3"), ("q4", "d2")]
    assert [(start, len(texts)) for start, texts in data.corpus.blocks(4)] == [(0, 4), (4, 2)]


def test_the_corpus_is_converted_once(tiny: Path, tmp_path: Path) -> None:
    load(tiny, tmp_path)
    (arrow,) = (tmp_path / "cache").glob("*.arrow")
    before = arrow.stat().st_mtime_ns
    load(tiny, tmp_path)
    assert arrow.stat().st_mtime_ns == before


def test_identical_texts_are_excluded_with_the_positive(tmp_path: Path) -> None:
    docs = {
        **DOCS,
        "copy": ("VITAMIN D and bone", " Vitamin D supplements raise bone  density in older women."),
    }
    data = load(write_dataset(tmp_path / "x", docs=docs), tmp_path)
    assert data.excluded("q1") == {"d1", "copy"}
    assert data.excluded("q2") == {"d3"}


def test_grade_zero_is_no_positive(tmp_path: Path) -> None:
    qrels = {"train": [("q1", "d1", 1), ("q1", "d2", 0)], "test": [("q3", "d5", 2)]}
    data = load(write_dataset(tmp_path / "x", qrels=qrels), tmp_path)
    assert data.positives("q1") == {"d1"}


def test_dev_is_carved_from_train_and_never_from_test(tmp_path: Path) -> None:
    queries = {f"q{i}": f"query {i}" for i in range(40)}
    qrels = {
        "train": [(f"q{i}", "d1", 1) for i in range(30)],
        "test": [(f"q{i}", "d2", 1) for i in range(30, 40)],
    }
    data = load(write_dataset(tmp_path / "x", queries=queries, qrels=qrels), tmp_path, dev_fraction=0.2)
    train, dev, test = (set(data.qrels(s)) for s in ("train", "dev", "test"))
    assert len(dev) == 6
    assert not train & dev
    assert train | dev == {f"q{i}" for i in range(30)}
    assert len(test) == 10
    assert "6 of 30 train queries" in data.notes[0]


def test_train_is_carved_from_dev_where_there_is_no_train(tmp_path: Path) -> None:
    qrels = {"dev": [("q1", "d1", 1), ("q2", "d3", 1)], "test": [("q3", "d5", 1)]}
    data = load(write_dataset(tmp_path / "x", qrels=qrels), tmp_path, dev_fraction=0.5)
    assert len(data.qrels("train")) == len(data.qrels("dev")) == 1


@given(st.permutations([f"q{i}" for i in range(12)]), st.integers(0, 5))
def test_the_carved_queries_do_not_depend_on_file_order(order: list[str], seed: int) -> None:
    _, carved = split_queries({q: {"d": 1} for q in order}, 0.25, seed)
    _, again = split_queries({q: {"d": 1} for q in sorted(order)}, 0.25, seed)
    assert set(carved) == set(again)
    assert len(carved) == 3


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
    "missing _id": (append("corpus.jsonl", '{"id": "d7", "text": "x"}'), "line 7: '_id' has to be a string; the line has id, text"),
    "number as id": (append("corpus.jsonl", '{"_id": 7, "text": "x"}'), "line 7: '_id' has to be a string; it is 7"),
    "missing text": (append("corpus.jsonl", '{"_id": "d7"}'), "line 7: 'text' has to be a string"),
    "title no string": (append("corpus.jsonl", '{"_id": "d7", "text": "x", "title": 3}'), "line 7: 'title'"),
    "duplicate document": (append("corpus.jsonl", '{"_id": "d2", "text": "x"}'), "line 7: the id 'd2' was used on line 2"),
    "empty corpus": (empty("corpus.jsonl"), "corpus.jsonl is empty"),
    "broken query": (append("queries.jsonl", "{"), "queries.jsonl, line 5: not JSON"),
    "duplicate query": (append("queries.jsonl", '{"_id": "q1", "text": "x"}'), "line 5: the id 'q1' is there twice"),
    "query without text": (append("queries.jsonl", '{"_id": "q9", "text": " "}'), "line 5: the query 'q9' has an empty text"),
    "no such query": (append("qrels/test.tsv", "q99\td1\t1"), "test.tsv, line 3: no query has the id 'q99'"),
    "no such document": (append("qrels/test.tsv", "q1\td99\t1"), "test.tsv, line 3: no document has the id 'd99'"),
    "spaces for tabs": (append("qrels/test.tsv", "q1 d1 1"), "line 3: expected 3 columns between tabs, found 1"),
    "grade no number": (append("qrels/test.tsv", "q1\td1\thigh"), "line 3: the score 'high' is not a whole number"),
    "empty split": (only("qrels/test.tsv", "query-id\tcorpus-id\tscore\n"), "test.tsv has no relevant pair"),
    "not UTF-8": (lambda folder: (folder / "corpus.jsonl").write_bytes(b'{"_id": "\xff"}') and None, "line 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_with_line(case: str, tiny: Path, tmp_path: Path, cli: Cli) -> None:
    change, message = BROKEN[case]
    change(tiny)
    with pytest.raises(DatasetError) as caught:
        load(tiny, tmp_path)
    assert message in caught.value.message
    assert not list((tmp_path / "cache").glob(".*")), "nothing half-written"
    result = cli("mine", tiny, "--miner", "random")
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(Path(".syneg").rglob("*.jsonl"))


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
    with pytest.raises(DatasetError, match=r"no \.tsv file"):
        load(tiny, tmp_path)


def test_unknown_split(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="Did you mean 'test'"):
        load(tiny, tmp_path).qrels("tests")


def test_data_dir_may_be_the_folder_itself(tiny: Path, tmp_path: Path) -> None:
    for data_dir in (tiny, tiny.parent):
        assert load_dataset("tiny", data_dir=data_dir, cache=tmp_path / "c").name == "tiny"


def test_scifacts_files_are_the_published_ones(shared: Path) -> None:
    digest = hashlib.sha256((shared / "data/scifact/corpus.jsonl").read_bytes()).hexdigest()
    assert digest.startswith("dec31c81")


@pytest.fixture
def archive_server(tiny: Path) -> object:
    """A loopback server that offers the tiny data set as BEIR's server would: NAME.zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in tiny.rglob("*"):
            if file.is_file():
                archive.write(file, f"scifact/{file.relative_to(tiny)}")
    state = {"body": buffer.getvalue(), "requests": 0}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["requests"] = int(str(state["requests"])) + 1
            body = state["body"]
            assert isinstance(body, bytes)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, state
    server.shutdown()
    server.server_close()


def test_a_beir_name_is_downloaded_once(
    archive_server: tuple[http.server.ThreadingHTTPServer, dict[str, object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, state = archive_server
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(module, "BEIR_URL", f"http://127.0.0.1:{server.server_port}/{{name}}.zip")
    whole = state["body"]
    assert isinstance(whole, bytes)
    state["body"] = whole[:100]  # a download that broke off
    with pytest.raises(DatasetError, match="could not be downloaded"):
        load_dataset("scifact", cache=tmp_path / "c")
    state["body"] = whole
    data = load_dataset("scifact", cache=tmp_path / "c")
    assert len(data.corpus) == 6
    assert "refutes" in data.relevance
    requests = state["requests"]
    load_dataset("scifact", cache=tmp_path / "c")
    assert state["requests"] == requests


def test_no_server_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(module, "BEIR_URL", "http://127.0.0.1:9/{name}.zip")
    with pytest.raises(DatasetError, match="could not be downloaded") as caught:
        load_dataset("nfcorpus", cache=tmp_path / "c")
    assert "--data-dir" in str(caught.value.hint)


def test_lines_of_the_corpus_stay_in_order(tmp_path: Path) -> None:
    docs = {f"d{i}": (f"t{i}", f"text {i}") for i in range(25)}
    folder = write_dataset(tmp_path / "x", docs=docs, qrels={"test": [("q1", "d3", 1)]})
    data = load(folder, tmp_path)
    assert data.corpus.texts() == [f"t{i} text {i}" for i in range(25)]
    assert json.loads((folder / "corpus.jsonl").read_text().splitlines()[3])["_id"] == data.corpus.ids[3]
