"""Search engines on 127.0.0.1: every one of docs/indexes, with the shapes of its own API and one ranking."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Hits = Sequence[tuple[str, float]]


class IndexServer:
    """Answers every search with `hits`, as many as are asked for; `asked` has the bodies, `headers` theirs.

    `broken` answers as each engine does whose index is not there.
    """

    def __init__(self, hits: Hits) -> None:
        self.hits, self.broken = hits, False
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append(body)
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, found = server.answer(self.path, body)
                sent = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: object) -> None:
                return None

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> IndexServer:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if re.fullmatch(r"/[\w-]+/_search", path):
            found = [{"_id": doc_id, "_score": score} for doc_id, score in self.hits[: body["size"]]]
            return (404, {"error": "no such index"}) if self.broken else (200, {"hits": {"hits": found}})
        if path == "/search/":
            found = [{"relevance": s, "fields": {"id": d}} for d, s in self.hits[: body["hits"]]]
            wrong: Any = {"errors": [{"message": "Could not resolve source"}]}
            return 200, {"root": wrong if self.broken else {"id": "toplevel", "children": found}}
        if re.fullmatch(r"/collections/[\w-]+/points/query", path):
            points = [
                {"id": n, "score": s, "payload": {"doc_id": d}}
                for n, (d, s) in enumerate(self.hits[: body["limit"]])
            ]
            wrong = {"status": {"error": "Not found: Collection"}}
            return (404, wrong) if self.broken else (200, {"result": {"points": points}, "status": "ok"})
        assert path == "/v2/vectordb/entities/search", path
        rows = [{"id": n, "distance": s, "doc_id": d} for n, (d, s) in enumerate(self.hits[: body["limit"]])]
        wrong = {"code": 100, "message": "can't find collection"}
        return 200, wrong if self.broken else {"code": 0, "data": rows}
