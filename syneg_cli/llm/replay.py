"""`replay:FILE`: recorded answers, looked up by query, positive and prompt.

One JSON object a line: query_id, doc_id, prompt, response, and optionally attributes, n and
words, which are taken over. `syneg cache export` writes this format. Answers about single
negatives (`mirror-queries`) are lines with query_id, negative (its number) and query.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syneg_cli.core import UsageError, file_hash, mended_value
from syneg_cli.llm.base import Answer, Live, NoRecording, Request, Subject

FORMAT = 'Expected: {"query_id": "...", "doc_id": "...", "prompt": "...", "response": "..."} on every line.'
Place = tuple[int, int]


class Replay(Live):
    provider = "replay"
    free = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = path.name
        self.digest = file_hash(path)
        self._lines: dict[tuple[str, str, str, int | None], Place] = {}
        self._index()

    def identity(self) -> Mapping[str, str]:
        return {"provider": self.provider, "model": self.digest, "endpoint": ""}

    async def complete(self, request: Request) -> Answer:
        row = self._row(request.subject)
        if row is None:
            raise NoRecording(f"{self.path} has no answer for {request.subject}.")
        if "response" not in row:
            return Answer(json.dumps({"query": row["query"]}, ensure_ascii=False))
        return Answer(str(row["response"]), finish=str(row.get("finish_reason") or "stop"))

    def recorded(self, subject: Subject) -> Mapping[str, Any] | None:
        return self._row(subject)

    def knows(self, subject: Subject) -> bool:
        return self._place(subject) is not None

    def _place(self, subject: Subject) -> Place | None:
        exact = (subject.query_id, subject.doc_id, subject.prompt, subject.index)
        return self._lines.get(exact) or self._lines.get((subject.query_id, "", "", subject.index))

    def _row(self, subject: Subject) -> dict[str, Any] | None:
        """Read from its place in the file, so that a large recording stays out of memory."""
        place = self._place(subject)
        if place is None:
            return None
        with self.path.open("rb") as file:
            file.seek(place[0])
            row: dict[str, Any] = mended_value(json.loads(file.read(place[1])))[0]
            return row

    def _index(self) -> None:
        position = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    self._lines.setdefault(self._key(line, number), (position, len(line)))
                position += len(line)
        if not self._lines:
            raise UsageError(f"{self.path} is empty.", hint=FORMAT)

    def _key(self, line: bytes, number: int) -> tuple[str, str, str, int | None]:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{self.path}, line {number}: not JSON: {error}.", hint=FORMAT) from None
        if isinstance(row, dict) and "response" not in row and {"query_id", "negative", "query"} <= set(row):
            return str(row["query_id"]), "", "", int(row["negative"])
        missing = [k for k in ("query_id", "doc_id", "response") if not isinstance(row, dict) or k not in row]
        if missing:
            raise UsageError(f"{self.path}, line {number}: {', '.join(missing)} missing.", hint=FORMAT)
        index = row.get("index")
        return str(row["query_id"]), str(row["doc_id"]), str(row.get("prompt", "syneg")), index


def open(model: str, *, base_url: str | None, timeout: float, folder: Path | None) -> Replay:
    candidates = [Path(model).expanduser()] + ([folder / model] if folder is not None else [])
    path = next((place for place in candidates if place.is_file()), None)
    if path is None:
        raise UsageError(
            f"replay: {model} is not there.", hint="Give the path of a JSONL file of recorded answers."
        )
    return Replay(path.resolve())
