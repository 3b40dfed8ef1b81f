"""The model hub as a server on 127.0.0.1: who may see and write what, commits, downloads that break off."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from huggingface_hub import ModelCard

from tests.patience import PATIENCE
from tests.servers.chat import Body


@dataclass
class HubRepo:
    """A model on the hub: who may see it, and every commit since it was made."""

    private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    """(message, all files after it)"""

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1] if self.commits else {}

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(self.commits).encode()).hexdigest()


class Denied(Exception):
    """The hub's way to say no."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class HubServer:
    """The part of the hub's protocol that pushing and downloading uses; a data set is `datasets/OWNER/NAME`."""

    def __init__(self) -> None:
        self.tokens = {"hf_writer": ("me", "write"), "hf_reader": ("me", "read")}
        self.repos: dict[str, HubRepo] = {}
        self.requests: list[str] = []
        """`POST /api/repos/create`, without the query."""
        self.lfs = False
        self.stored: dict[str, bytes] = {}
        """sha256 -> content that came apart from a commit."""
        self.cut: Counter[str] = Counter()
        """File -> how many of the next downloads break off in its middle."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_HubHandler,), {"hub": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._place = socket.socket()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._place.close()

    def stop(self) -> None:
        """Whoever asks now is refused. The port stays ours, so that no other server is met there."""
        if not self._thread.is_alive():
            return
        port = self._http.server_port
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(PATIENCE)
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._place.bind(("127.0.0.1", port))

    def add(self, repo: str, files: dict[str, bytes], *, private: bool = False) -> None:
        self.repos[repo] = HubRepo(private, [("there already", files)])

    def user(self, token: str | None) -> tuple[str | None, str]:
        """(name, role) of the one who asks; nobody without a token."""
        if token is None:
            return None, "read"
        if token not in self.tokens:
            raise Denied(401, "Invalid credentials in Authorization header")
        return self.tokens[token]

    def readable(self, repo: str, token: str | None) -> HubRepo:
        name, _ = self.user(token)
        found = self.repos.get(repo)
        if found is None or (found.private and name != repo.split("/")[0]):
            raise Denied(404 if name else 401, "Repository not found", "RepoNotFound")
        return found

    def writable(self, repo: str, token: str | None) -> HubRepo:
        found = self.readable(repo, token)
        self._check_owner(repo.split("/")[0], token)
        return found

    def _check_owner(self, owner: str, token: str | None) -> None:
        name, role = self.user(token)
        if name is None:
            raise Denied(401, "Invalid username or password.")
        if name != owner or role != "write":
            raise Denied(403, "You don't have the rights to do this")

    def create(self, body: Body, token: str | None) -> tuple[int, Body]:
        repo = f"{body['organization']}/{body['name']}"
        self._check_owner(body["organization"], token)
        if repo in self.repos:
            return 409, {"error": "You already created this model repo", "url": f"{self.url}/{repo}"}
        self.repos[repo] = HubRepo(private=body.get("visibility") == "private" or bool(body.get("private")))
        return 200, {"url": f"{self.url}/{repo}"}

    def info(self, repo: str, token: str | None) -> Body:
        found = self.readable(repo, token)
        siblings = [{"rfilename": path, **self.entry(content)} for path, content in found.files.items()]
        return {
            "id": repo.removeprefix("datasets/"),
            "sha": found.sha,
            "private": found.private,
            "tags": [],
            "siblings": siblings,
        }

    def entry(self, content: bytes) -> Body:
        entry: Body = {"size": len(content), "oid": git_hash(content)}
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 in self.stored:
            entry["lfs"] = {"size": len(content), "oid": sha256, "sha256": sha256, "pointerSize": 134}
        return entry

    def upload_modes(self, repo: str, files: list[Body]) -> list[Body]:
        known = self.repos[repo].files
        modes = []
        for file in files:
            large = self.lfs and file["path"].endswith(".safetensors")
            mode: Body = {"path": file["path"], "uploadMode": "lfs" if large else "regular"}
            if (content := known.get(file["path"])) is not None:
                mode["oid"] = hashlib.sha256(content).hexdigest() if large else git_hash(content)
            modes.append(mode | {"shouldIgnore": False})
        return modes

    def lfs_actions(self, objects: list[Body]) -> list[Body]:
        upload = {item["oid"]: {"upload": {"href": f"{self.url}/lfs/{item['oid']}"}} for item in objects}
        return [
            {"oid": item["oid"], "size": item["size"]}
            | ({} if item["oid"] in self.stored else {"actions": upload[item["oid"]]})
            for item in objects
        ]

    def commit(self, repo: str, lines: list[Body]) -> Body:
        message, files = "", dict(self.repos[repo].files)
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.stored[value["oid"]]
        self.repos[repo].commits.append((message, files))
        sha = self.repos[repo].sha
        return {"commitUrl": f"{self.url}/{repo}/commit/{sha}", "commitOid": sha}


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def card_problems(card: str) -> list[str]:
    """What the hub would not take: a model card may only name models and data sets by their ids."""
    data = ModelCard(card, ignore_metadata_errors=True).data
    named = [data.get(key) or [] for key in ("base_model", "datasets")]
    names = [name for one in named for name in ([one] if isinstance(one, str) else one)]
    return [f'"{name}" is not valid' for name in names if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name)]


class _HubHandler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.0, so that no connection outlives its answer, nor the server."""

    hub: HubServer

    def log_message(self, format: str, *args: object) -> None:
        """The tests read stderr."""

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        given = self.headers.get("authorization")
        token = given.removeprefix("Bearer ") if given else None
        try:
            if "/resolve/" in path:
                self._file(path, token)
            elif path.startswith("/lfs/"):
                self.hub.stored[path.removeprefix("/lfs/")] = sent
                self._answer(200, {})
            else:
                self._answer(*self._api(path, sent, token))
        except Denied as no:
            headers = {"X-Error-Message": no.message, "X-Error-Code": no.code or ""}
            self._answer(no.status, {"error": no.message}, headers)

    def _api(self, path: str, sent: bytes, token: str | None) -> tuple[int, Any]:
        hub = self.hub
        if path == "/api/repos/create":
            return hub.create(json.loads(sent), token)
        if path == "/api/validate-yaml":
            problems = card_problems(json.loads(sent)["content"])
            return 400 if problems else 200, {"errors": [{"message": p} for p in problems], "warnings": []}
        if match := re.fullmatch(r"/(\S+)\.git/info/lfs/objects/batch", path):
            hub.writable(match[1], token)
            return 200, {"objects": hub.lfs_actions(json.loads(sent)["objects"])}
        match = re.fullmatch(
            r"/api/(?:models/|(?=datasets/))((?:datasets/)?[^/]+/[^/]+)(?:/([a-z-]+)(?:/(\S+))?)?", path
        )
        if match is None:
            raise Denied(404, "Not found")
        repo, what = match[1], match[2]
        if what in (None, "revision"):
            return 200, hub.info(repo, token)
        if what == "tree":
            files = hub.readable(repo, token).files
            return 200, [{"type": "file", "path": p} | hub.entry(content) for p, content in files.items()]
        hub.writable(repo, token)
        if what == "preupload":
            return 200, {"files": hub.upload_modes(repo, json.loads(sent)["files"])}
        if what == "commit":
            return 200, hub.commit(repo, [json.loads(line) for line in sent.splitlines()])
        return 200, {}

    def _file(self, path: str, token: str | None) -> None:
        repo, rest = path.removeprefix("/").split("/resolve/")
        revision, name = rest.split("/", 1)
        found = self.hub.readable(repo, token)
        if revision not in ("main", found.sha):
            raise Denied(404, "Revision not found", "RevisionNotFound")
        if name not in found.files:
            raise Denied(404, "Entry not found", "EntryNotFound")
        content = found.files[name]
        headers = {"ETag": f'"{git_hash(content)}"', "X-Repo-Commit": found.sha}
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", "")):
            headers["Content-Range"] = f"bytes {wanted[1]}-{len(content) - 1}/{len(content)}"
            content = content[int(wanted[1]) :]
        self._send(206 if wanted else 200, content, headers, cut=self._cuts(name))

    def _cuts(self, name: str) -> bool:
        if self.command != "GET" or not self.hub.cut[name]:
            return False
        self.hub.cut[name] -= 1
        return True

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        kind = {"Content-Type": "application/json"}
        self._send(status, json.dumps(body).encode(), kind | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
