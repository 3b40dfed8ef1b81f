"""`replay:FILE`: recorded answers, looked up by query, positive and prompt.

One JSON object a line: query_id, doc_id, prompt, response, and optionally attributes, n and
words, which are taken over. `syneg cache export` writes this format. Answers about single
negatives (`mirror-queries`) are lines with query_id, negative (its number) and query. Queries
written for documents may be lines with doc_id and query, or queries: a list; several lines of a
document are its queries in their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, brief, file_hash, json_fault, need_file, parsed, user_path
from syneg_cli.llm.base import Answer, Live, NoRecording, Request, Subject

FORMAT = 'Expected: {"query_id": "...", "doc_id": "...", "prompt": "...", "response": "..."} on every line.'
HINT = "Give the path of a JSONL file of recorded answers."
NAMES: tuple[tuple[type, ...], str] = ((str, int), "a string or a whole number")
TEXTS: tuple[tuple[type, ...], str] = ((str,), "a string")
NUMBERS: tuple[tuple[type, ...], str] = ((int,), "a whole number")
FIELDS = (
    dict.fromkeys(("query_id", "doc_id"), NAMES)
    | dict.fromkeys(("response", "query", "prompt", "finish_reason"), TEXTS)
    | dict.fromkeys(("negative", "index", "n", "words"), NUMBERS)
    | {"attributes": ((dict,), "an object of texts"), "queries": ((list,), "a list of texts")}
)
"""What is read of a line -> (its types, what they are called)."""

LARGE = 2**31
Place = tuple[int, int]


class Replay(Live):
    provider = "replay"
    free = True

    def __init__(self, path: Path) -> None:
        need_file(path, UsageError, hint=HINT)
        self.path = path
        self.model = path.name
        self.digest = file_hash(path)
        self._lines: dict[tuple[str, str, str, int | None], Place] = {}
        self._written: dict[str, list[Place]] = {}
        """Document -> the lines that hold its queries."""
        self._index()

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.digest, "endpoint": ""}

    async def complete(self, request: Request) -> Answer:
        row = self._row(request.subject)
        if row is None:
            raise NoRecording(f"{self.path} has no answer for {request.subject}.")
        if "queries" in row and "response" not in row:
            return Answer(json.dumps({"queries": row["queries"]}, ensure_ascii=False))
        if "response" not in row:
            return Answer(json.dumps({"query": row["query"]}, ensure_ascii=False))
        return Answer(str(row["response"]), finish=str(row.get("finish_reason") or "stop"))

    def recorded(self, subject: Subject) -> Mapping[str, Any] | None:
        return self._row(subject)

    def knows(self, subject: Subject) -> bool:
        return self._place(subject) is not None or self._is_written(subject)

    def documents(self, prompt: str) -> frozenset[str]:
        answered = {doc_id for query_id, doc_id, name, _ in self._lines if not query_id and name == prompt}
        return frozenset(answered.union(self._written))

    def prompts(self) -> frozenset[str]:
        return frozenset(name for _, _, name, _ in self._lines if name)

    def _is_written(self, subject: Subject) -> bool:
        return not subject.query_id and subject.doc_id in self._written

    def _place(self, subject: Subject) -> Place | None:
        exact = (subject.query_id, subject.doc_id, subject.prompt, subject.index)
        return self._lines.get(exact) or self._lines.get((subject.query_id, "", "", subject.index))

    def _row(self, subject: Subject) -> dict[str, Any] | None:
        """Read from its place in the file, so that a large recording stays out of memory."""
        place = self._place(subject)
        if place is not None:
            return self._read(place)
        if not self._is_written(subject):
            return None
        rows = map(self._read, self._written[subject.doc_id])
        return {"queries": [text for row in rows for text in _texts(row)]}

    def _read(self, place: Place) -> dict[str, Any]:
        with self.path.open("rb") as file:
            file.seek(place[0])
            row: dict[str, Any] = parsed(file.read(place[1]).decode("utf-8-sig"))[0]
            return row

    def _index(self) -> None:
        position = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    key, place = self._key(line, number), (position, len(line))
                    if isinstance(key, str):
                        self._written.setdefault(key, []).append(place)
                    else:
                        self._lines.setdefault(key, place)
                position += len(line)
        if not (self._lines or self._written):
            raise UsageError(f"{self.path} is empty.", hint=FORMAT)

    def _key(self, line: bytes, number: int) -> tuple[str, str, str, int | None] | str:
        """What a line is found by; the document alone where it holds queries of one."""
        where = f"{self.path}, line {number}"
        try:
            row = parsed(line.decode("utf-8-sig"))[0]
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{where}: not UTF-8 text (byte 0x{line[error.start]:02x}).", hint=FORMAT
            ) from None
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{where}: not JSON: {json_fault(error)}.", hint=FORMAT) from None
        if not isinstance(row, dict):
            raise UsageError(f"{where}: expected a JSON object, found {brief(row)}.", hint=FORMAT)
        needed: tuple[str, ...]
        single = "response" not in row and {"query_id", "negative", "query"} <= set(row)
        written = not {"response", "query_id"} & set(row) and bool({"query", "queries"} & set(row))
        needed = ("query_id", "negative", "query") if single else ("query_id", "doc_id", "response")
        needed = ("doc_id", "queries" if "queries" in row else "query") if written else needed
        if missing := [name for name in needed if name not in row]:
            raise UsageError(f"{where}: {', '.join(missing)} missing.", hint=FORMAT)
        for name, value in row.items():
            if name in FIELDS and not (_fits(name, value) or (value is None and name not in needed)):
                said = f"{name} has to be {FIELDS[name][1]}; it is {brief(value)}"
                raise UsageError(f"{where}: {said}.", hint=FORMAT)
        if written:
            return str(row["doc_id"])
        if single:
            return str(row["query_id"]), "", "", row["negative"]
        return str(row["query_id"]), str(row["doc_id"]), str(row.get("prompt") or "syneg"), row.get("index")


def _texts(row: Mapping[str, Any]) -> list[str]:
    return list(row["queries"]) if "queries" in row else [row["query"]]


def _fits(name: str, value: Any) -> bool:
    kinds = FIELDS[name][0]
    if isinstance(value, int) and (isinstance(value, bool) or abs(value) >= LARGE):
        return False
    if isinstance(value, list) and not all(isinstance(text, str) for text in value):
        return False
    return isinstance(value, kinds)


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> Replay:
    candidates = [user_path(model)] + ([folder / model] if folder is not None else [])
    path = next((place for place in candidates if os.path.lexists(place)), None)
    if path is None:
        raise UsageError(f"replay: {model} is not there.", hint=HINT)
    need_file(path, UsageError, hint=HINT)
    return Replay(path.resolve())
