from __future__ import annotations

import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from syneg_cli.core.errors import DatasetError, UsageError
from syneg_cli.core.progress import Advance
from syneg_cli.data.dataset import Dataset
from syneg_cli.data.irds import folder_name
from syneg_cli.data.opening import load_dataset
from tests.conftest import DOCS, QUERIES, Cli

pytestmark = pytest.mark.skipif(find_spec("ir_datasets") is None, reason="an extra: syneg[irds]")


class TitledDoc(NamedTuple):
    doc_id: str
    title: str
    abstract: str

    def default_text(self) -> str:
        return f"{self.title} {self.abstract}"


class Nameless(NamedTuple):
    doc_id: str
    url: str


class Watching:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[tuple[str, int | None, str, int]] = []
        self.open = 0

    @contextmanager
    def task(self, description: str, total: int | None, unit: str = "") -> Iterator[Advance]:
        assert not self.open, "one line at a time"
        self.open += 1
        steps: list[int] = []
        yield steps.append
        self.tasks.append((description, total, unit, sum(steps)))
        self.open -= 1

    def note(self, message: str) -> None:
        self.notes.append(message)

    warn = note


class Irds:
    """ir_datasets with an empty registry, and data sets on local files to put into it."""

    def __init__(self, package: Any, folder: Path) -> None:
        self.package, self.folder = package, folder
        folder.mkdir()

    def file(self, name: str, rows: list[tuple[object, ...]], separator: str = "\t") -> Any:
        path = self.folder / name
        path.write_text("".join(separator.join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
        return self.package.util.LocalDownload(path)

    def docs(self, name: str = "docs.tsv") -> Any:
        rows: list[tuple[object, ...]] = [(doc_id, title, text) for doc_id, (title, text) in DOCS.items()]
        return self.package.formats.TsvDocs(self.file(name, rows), doc_cls=TitledDoc)

    def queries(self, *ids: str) -> Any:
        rows: list[tuple[object, ...]] = [(query_id, QUERIES[query_id]) for query_id in ids]
        return self.package.formats.TsvQueries(self.file(f"{'-'.join(ids)}.tsv", rows))

    def qrels(self, *rows: tuple[str, str, int]) -> Any:
        lines: list[tuple[object, ...]] = [(query, 0, doc, grade) for query, doc, grade in rows]
        name = f"{'-'.join(f'{q}{d}{g}' for q, d, g in rows)}.qrels"
        return self.package.formats.TrecQrels(self.file(name, lines, " "), {})

    def register(self, name: str, *parts: Any) -> None:
        self.package.registry.register(name, self.package.Dataset(*parts))

    def register_tiny(self, name: str) -> None:
        """Documents under the name itself; train, validation and test below it."""
        docs = self.docs()
        self.register(name, docs, self.queries("q1", "q2", "q3", "q4"))
        self.register(
            f"{name}/train", docs, self.queries("q1", "q2"), self.qrels(("q1", "d1", 1), ("q2", "d3", 1))
        )
        self.register(
            f"{name}/validation", docs, self.queries("q4"), self.qrels(("q4", "d2", 2), ("q4", "d1", 0))
        )
        self.register(f"{name}/test", docs, self.queries("q3"), self.qrels(("q3", "d5", 1)))


@pytest.fixture
def irds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Irds:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "irds"))
    monkeypatch.setenv("IR_DATASETS_TMP", str(tmp_path / "irds-tmp"))
    package = import_module("ir_datasets")
    monkeypatch.setattr(package, "registry", package.util.Registry())
    return Irds(package, tmp_path / "source")


Load = Callable[..., Dataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def call(name: str, progress: Watching | None = None, **options: Any) -> Dataset:
        return load_dataset(name, cache=tmp_path / "cache", progress=progress, dev_fraction=0, **options)

    return call


def test_one_is_imported_as_a_folder(irds: Irds, cli: Cli) -> None:
    """`syneg import irds:NAME`: as it is, since its documents are what is judged."""
    irds.register_tiny("local/tiny")
    result = cli("import", "irds:local/tiny", "--json")
    assert result.code == 0, result.err
    lines = (Path("tiny-data") / "corpus.jsonl").read_text().splitlines()
    assert {row["_id"]: (row["title"], row["text"]) for row in map(json.loads, lines)} == DOCS
    assert result.json["judgements"] == {"train": 2, "dev": 2, "test": 1}
    assert (result.json["queries"], result.json["counted_by"]) == (4, "")


def test_the_splits_below_a_name_are_collected(irds: Irds, load: Load, tmp_path: Path) -> None:
    irds.register_tiny("local/tiny")
    irds.register("local/tiny/dev", irds.docs("other.tsv"), irds.queries("q3"), irds.qrels(("q3", "d6", 1)))
    data = load("irds:local/tiny")
    assert data.name == "local--tiny"
    assert data.folder == tmp_path / "xdg" / "syneg" / "datasets" / "local--tiny"
    assert {
        doc_id: (data.corpus[doc_id].title, data.corpus[doc_id].text) for doc_id in data.corpus.ids
    } == DOCS
    assert {query.id: query.text for query in data.queries.values()} == QUERIES
    assert data.judgements == {
        "train": {"q1": {"d1": 1}, "q2": {"d3": 1}},
        "dev": {"q4": {"d2": 2, "d1": 0}},
        "test": {"q3": {"d5": 1}},
    }


def test_it_is_made_once_and_then_needs_no_package(
    irds: Irds, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    irds.register_tiny("local/tiny")
    made = load("irds:local/tiny")
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    again = load("irds:local/tiny")
    assert again.corpus.fingerprint == made.corpus.fingerprint
    assert load("irds:local/tiny", data_dir=made.folder.parent).name == "local--tiny"
    with pytest.raises(DatasetError, match=r"pip install 'syneg\[irds\]'|not installed") as caught:
        load("irds:local/other")
    assert caught.value.hint == "Run `pip install 'syneg[irds]'`."


@pytest.mark.parametrize(
    ("name", "folder", "split"),
    [
        ("local/tiny/validation", "local--tiny--validation", "dev"),
        ("local/tiny/test", "local--tiny--test", "test"),
        ("local/tiny/judged", "local--tiny--judged", "test"),
        ("alone", "irds--alone", "test"),
    ],
)
def test_a_name_with_judgements_is_one_split(
    irds: Irds, load: Load, name: str, folder: str, split: str
) -> None:
    irds.register(name, irds.docs(), irds.queries("q1", "q3"), irds.qrels(("q3", "d5", 1)))
    data = load(f"irds:{name}")
    assert data.name == folder == folder_name(name)
    assert data.judgements == {split: {"q3": {"d5": 1}}}


def test_splits_count_before_judgements_of_all(irds: Irds, load: Load) -> None:
    docs, all_queries = irds.docs(), irds.queries("q1", "q3")
    train, test = ("q1", "d1", 1), ("q3", "d5", 1)
    irds.register("local/ar", docs, all_queries, irds.qrels(train, test))
    irds.register("local/ar/train", docs, irds.queries("q1"), irds.qrels(train))
    irds.register("local/ar/test", docs, irds.queries("q3"), irds.qrels(test))
    assert load("irds:local/ar").judgements == {"train": {"q1": {"d1": 1}}, "test": {"q3": {"d5": 1}}}


def test_the_presets_are_found(irds: Irds, load: Load) -> None:
    irds.register_tiny("beir/scifact")
    data = load("irds:beir/scifact")
    assert "refutes" in data.relevance
    assert "Virology" in data.attributes["domain"]
    assert load("irds:beir/scifact/train").relevance == data.relevance


def test_judgements_of_unknown_queries_are_left_out_and_of_lacking_documents_kept(
    irds: Irds, load: Load
) -> None:
    rows = [("q3", "d5", 0), ("q3", "d5", 2), ("q3", "d5", 1), ("q3", "gone", 1), ("q9", "d1", 1)]
    docs, queries = irds.docs(), irds.queries("q3")
    irds.register("local/x", docs)
    irds.register("local/x/test", docs, queries, irds.qrels(*rows))
    irds.register("local/x/train", docs, irds.queries("q1"), irds.qrels(("q1", "gone", 1)))
    progress = Watching()
    data = load("irds:local/x", progress)
    assert data.judgements == {"test": {"q3": {"d5": 2, "gone": 1}}}, (
        "several judgements of one pair: the best"
    )
    assert "1 judgements of test name a query that is not there" in progress.notes
    assert "The split train has no relevant document and is left out" in progress.notes
    irds.register("local/y", docs, queries, irds.qrels(("q3", "gone", 1)))
    with pytest.raises(DatasetError, match="judges no document relevant"):
        load("irds:local/y")
    assert not list(data.folder.parent.glob("local--y*"))


def test_a_document_without_text_is_refused(irds: Irds, load: Load) -> None:
    docs = irds.package.formats.TsvDocs(irds.file("urls.tsv", [("d5", "http://x")]), doc_cls=Nameless)
    irds.register("local/urls", docs, irds.queries("q3"), irds.qrels(("q3", "d5", 1)))
    with pytest.raises(DatasetError, match="its Nameless has no text"):
        load("irds:local/urls")


def test_unknown_names_are_helped(irds: Irds, load: Load) -> None:
    irds.register_tiny("local/tiny")
    irds.register("local", irds.docs())
    with pytest.raises(DatasetError, match=r"no data set 'local/tony'\. Did you mean 'local/tiny'"):
        load("irds:local/tony")
    with pytest.raises(UsageError, match="irds: names no data set"):
        load("irds:")
    with pytest.raises(DatasetError, match="'local' has no documents with queries and judgements") as caught:
        load("irds:local")
    assert "irds:local/tiny/train, irds:local/tiny/validation" in str(caught.value.hint)
    with pytest.raises(DatasetError, match="local--tiny is not in") as caught:
        load("irds:local/tiny", data_dir=irds.folder)
    assert "nothing is downloaded" in str(caught.value.hint)


def test_the_registry_of_the_package_is_asked(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "irds"))
    with pytest.raises(DatasetError, match="Did you mean 'beir/scifact'"):
        load("irds:beir/scifat")
    with pytest.raises(DatasetError, match="'beir' has no documents") as caught:
        load("irds:beir")
    assert "irds:beir/arguana" in str(caught.value.hint)


@contextmanager
def serving(bodies: dict[str, bytes]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path.strip("/"))
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_download_shows_on_our_progress_only(
    irds: Irds, load: Load, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [{"doc_id": f"d{i}", "text": "word " * 1000} for i in range(600)]
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    util, progress = irds.package.util, Watching()
    logger = irds.package.log.easy().logger()
    before = logger.handlers, irds.package.lazy_libs.tqdm, input
    with serving({"docs.jsonl": body}) as server:
        source = util.RequestsDownload(f"{server}/docs.jsonl")
        download = util.Download([source], cache_path=tmp_path / "docs.jsonl", dua="Ask the makers first.")
        lines = irds.package.formats.JsonlDocs(download)
        docs = irds.package.formats.DocstoreBackedDocs(lines.docs_store)
        irds.register("local/web", docs, irds.queries("q3"), irds.qrels(("q3", "d5", 1)))
        load("irds:local/web", progress)
    assert progress.notes[1] == "Ask the makers first."
    assert progress.tasks[:3] == [
        (f"{server}/docs.jsonl", 4, "MB", 3),
        ("docs_iter", None, "doc", 600),
        ("Reading local/web", None, "docs", 600),
    ]
    assert capfd.readouterr().err == ""
    assert (logger.handlers, irds.package.lazy_libs.tqdm, input) == before


def test_no_network_is_one_line(
    irds: Irds, load: Load, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    util = irds.package.util
    mirrors = [util.RequestsDownload(f"http://127.0.0.1:9/{name}") for name in ("docs", "mirror")]
    docs = irds.package.formats.JsonlDocs(util.Download(mirrors, cache_path=tmp_path / "docs.jsonl"))
    irds.register("local/web", docs, irds.queries("q3"), irds.qrels(("q3", "d5", 1)))
    with pytest.raises(
        DatasetError, match="local/web could not be got from ir_datasets: ConnectionError"
    ) as caught:
        load("irds:local/web")
    assert "\n" not in caught.value.message
    assert "url: /docs" in caught.value.message
    assert "Check the network" in str(caught.value.hint)
    assert capfd.readouterr().err == ""
    kept = tmp_path / "xdg" / "syneg" / "datasets"
    assert not [path for path in kept.iterdir() if path.suffix != ".lock"]


def test_it_never_asks(irds: Irds, load: Load, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    util = irds.package.util
    source = util.RequestsDownload("http://127.0.0.1:9/docs", auth="makers")
    docs = irds.package.formats.JsonlDocs(util.Download([source], cache_path=tmp_path / "docs.jsonl"))
    irds.register("local/secret", docs, irds.queries("q3"), irds.qrels(("q3", "d5", 1)))
    with pytest.raises(DatasetError, match="Asked: enter username for") as caught:
        load("irds:local/secret")
    assert str(tmp_path / "irds" / "auth" / "makers") in str(caught.value.hint)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_instructions_are_the_remedy(irds: Irds, load: Load, tmp_path: Path) -> None:
    ask = "Order the disks from NIST and put them here."
    source = irds.package.util.LocalDownload(tmp_path / "disks", ask)
    irds.register(
        "local/disks", irds.package.formats.TsvDocs(source), irds.queries("q3"), irds.qrels(("q3", "d5", 1))
    )
    progress = Watching()
    with pytest.raises(DatasetError, match="FileNotFoundError") as caught:
        load("irds:local/disks", progress)
    assert caught.value.hint == ask
    assert progress.notes.count(ask) == 1
