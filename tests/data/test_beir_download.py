from __future__ import annotations

import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from syneg_cli.core.errors import DatasetError
from syneg_cli.data import beir_download as module
from syneg_cli.data.opening import load_dataset
from tests.servers import nobody


@pytest.fixture
def archive_server(
    tiny: Path,
) -> Iterator[tuple[http.server.ThreadingHTTPServer, dict[str, object]]]:
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


def test_a_dead_proxy_is_named(tmp_path: Path, proxies: pytest.MonkeyPatch) -> None:
    proxies.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    proxies.setattr(module, "BEIR_URL", "http://beir.example/{name}.zip")
    with nobody() as url:
        proxies.setenv("http_proxy", url)
        with pytest.raises(DatasetError, match="could not be downloaded through the proxy") as caught:
            load_dataset("nfcorpus", cache=tmp_path / "c")
    assert f"{url} (http_proxy)" in caught.value.message
    assert "Correct or unset http_proxy" in str(caught.value.hint)


def test_an_archive_of_several_data_sets_names_them(
    archive_server: tuple[http.server.ThreadingHTTPServer, dict[str, object]],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, state = archive_server
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(module, "BEIR_URL", f"http://127.0.0.1:{server.server_port}/{{name}}.zip")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part in ("android", "gaming"):
            archive.write(tiny / "corpus.jsonl", f"cqadupstack/{part}/corpus.jsonl")
    state["body"] = buffer.getvalue()
    for _ in range(2):
        with pytest.raises(DatasetError, match=r"has no corpus\.jsonl") as caught:
            load_dataset("cqadupstack", cache=tmp_path / "c")
        assert "cqadupstack/android, " in str(caught.value.hint)
    assert state["requests"] == 1
