"""Requests written to a file, for whoever sends them, and read again when they are answered.

The files are those of OpenAI's Batch API, which vLLM's `run-batch` reads and writes as well. A written
request is claimed by nobody: the file may never be run, so a live run asks for it, too. What comes back is
known by its key, on any machine that makes the same requests.

Both ways take a chunk of requests at a time, and what the answers are about is kept on disk.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from syneg_cli.core import (
    BadResponse,
    BudgetExceeded,
    LLMError,
    UsageError,
    atomic_path,
    counted,
    near,
    need_file,
)
from syneg_cli.llm.base import LLM, Item, Request
from syneg_cli.llm.batch_files import LARGEST, openai_of
from syneg_cli.llm.batch_lines import Line, read_line, request_line
from syneg_cli.llm.bodies import LARGEST_BODY
from syneg_cli.llm.budget import most_it_can_cost
from syneg_cli.llm.cache import CHUNK
from syneg_cli.llm.engine import Classify, Engine
from syneg_cli.llm.openai import OFFICIAL
from syneg_cli.llm.prices import BATCH_DISCOUNT, Price
from syneg_cli.llm.stored import Stored, generation_key

LARGEST_FILE = 200 * 10**6
"""Bytes; OpenAI takes no larger file, and no more than `LARGEST` requests in one."""

NAMED = 5
"""Lines that are named of each kind of trouble; all are counted."""

HINT = "Give the files that OpenAI's Batch API or `vllm run-batch` wrote; requests are what they were given."


@dataclass
class Written:
    """What became of all requests: `requests` are in the file, in `size` bytes."""

    requests: int = 0
    size: int = 0
    answered: int = 0
    elsewhere: int = 0
    """In a batch, or being asked by another process."""
    over: int = 0
    """Left out because they could pass a cap; `cap` says which."""
    cap: str = ""

    @property
    def too_large(self) -> bool:
        """Whether OpenAI takes the file in parts alone."""
        return self.requests > LARGEST or self.size > LARGEST_FILE


@dataclass
class Came:
    """What was in files of answers.

    `again` were there already, `failed` are requests that got an error, `unknown` lines answer what is not
    asked, `bad` ones cannot be read; `named` has the first of each kind, with file, line and reason. `left`
    requests have no answer yet.
    """

    answers: int = 0
    again: int = 0
    failed: int = 0
    unknown: int = 0
    bad: int = 0
    left: int = 0
    named: list[str] = field(default_factory=list)

    def trouble(self, kind: str, where: str, why: str) -> None:
        """Count a line that brought no answer."""
        count = getattr(self, kind) + 1
        setattr(self, kind, count)
        if count <= NAMED:
            self.named.append(f"{where}: {why}")


def batch_price(llm: LLM, price: Price | None) -> Price | None:
    """What an answer out of a file costs: half at OpenAI itself, and elsewhere what any other does."""
    if price is None or llm.identity()["endpoint"] != OFFICIAL:
        return price
    return price.scaled(BATCH_DISCOUNT)


def keyed(requests: Iterable[Request], llm: LLM) -> Iterator[list[Item]]:
    """Requests with their keys, in chunks."""
    identity, numbered = llm.identity(), enumerate(requests)
    while part := list(itertools.islice(numbered, CHUNK)):
        yield [Item(at, request, generation_key(identity, request), {}) for at, request in part]


def write_requests(path: Path, chunks: Iterable[list[Item]], engine: Engine) -> Written:
    """Write what the cache does not answer, whole or not at all; without any request there is no file.

    Args:
        chunks: all requests of the job.

    Raises:
        BudgetExceeded: not a single request fits under the caps.
        UsageError: the model is not asked by OpenAI's protocol.
    """
    llm, found = openai_of(engine), Written()
    with engine.cache.file.write():
        engine.cache.ledger.drop_stale()
    chosen = _chosen(chunks, engine, found)
    if (first := next(chosen, None)) is None:
        if found.over:
            raise BudgetExceeded(f"{found.cap} Nothing is written.", hint="Raise the cap.")
        return found
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for item in itertools.chain([first], chosen):
            found.size += file.write(request_line(item, llm))
            found.requests += 1
    return found


def _chosen(chunks: Iterable[list[Item]], engine: Engine, found: Written) -> Iterator[Item]:
    """The requests to write, each once; the others are counted."""
    seen: set[bytes] = set()
    reserved = 0.0
    for chunk in chunks:
        items = {item.key: item for item in chunk if bytes.fromhex(item.key) not in seen}
        seen.update(map(bytes.fromhex, items))
        known = engine.cache.answers([*items], messages=False)
        held = engine.cache.ledger.held([*items])
        for key, item in items.items():
            if _serves(known.get(key), item, again=engine.again):
                found.answered += 1
            elif key in held:
                found.elsewhere += 1
            elif found.over:
                found.over += 1
            else:
                reserved += most_it_can_cost(item.request, engine.price)
                if _fits(engine, reserved, found):
                    yield item


def _serves(stored: Stored | None, item: Item, *, again: bool) -> bool:
    return stored is not None and stored.serves(item.request.max_tokens, again=again)


def _fits(engine: Engine, reserved: float, found: Written) -> bool:
    """Whether one more request fits under the caps, with all that is written."""
    try:
        engine.cache.ledger.check_caps(engine.job, reserved, found.requests + 1, engine.caps, waits=False)
    except BudgetExceeded as error:
        found.over, found.cap = 1, error.message
        return False
    return True


def read_answers(
    files: Sequence[Path], chunks: Iterable[list[Item]], engine: Engine, classify: Classify
) -> Came:
    """Keep the answers in files, as those of a batch are kept: recorded first, and judged after.

    Args:
        chunks: all requests of the job, a correction after the answer that it corrects was kept.

    Raises:
        UsageError: a file cannot be read, or none holds a line of what a batch brought.
    """
    openai_of(engine)
    came = Came()
    with _Lines(files, came) as lines:
        for chunk in chunks:
            kept = [
                stored
                for item in chunk
                for at, line in lines.of(item.key)
                if (stored := _stored(at, line, item, engine, classify, came))
            ]
            new = engine.keep(kept)
            came.answers += new
            came.again += len(kept) - new
            known = engine.cache.answers([item.key for item in chunk], messages=False)
            open_ = (item.key for item in chunk if not _serves(known.get(item.key), item, again=False))
            came.left += len({*open_})
        for at, key in lines.left():
            if engine.cache.answers([key], messages=False):  # of another part of the job
                came.again += 1
            else:
                came.trouble("unknown", at, "nothing that is asked here has this custom_id")
    if came.unknown and not (came.answers or came.again or came.failed):
        raise _of_others(came, files, engine)
    return came


def _of_others(came: Came, files: Sequence[Path], engine: Engine) -> UsageError:
    who = engine.identity
    return UsageError(
        f"{_names(files)}: none of {counted(came.unknown, 'answer')} is to what is asked here of "
        f"{who['model']} at {who['endpoint']}.",
        hint="Give the model, --base-url, prompt, settings and part (--shard, --limit) that the requests "
        "were written with.",
    )


def _names(files: Sequence[Path]) -> str:
    return ", ".join(map(near, files[:NAMED])) + (", ..." if len(files) > NAMED else "")


def _stored(at: str, line: Line, item: Item, engine: Engine, classify: Classify, came: Came) -> Stored | None:
    if line.failed:
        came.trouble("failed", at, line.failed)
        return None
    try:
        return line.stored(item, engine, classify)
    except LLMError as error:
        came.trouble("bad", at, error.message)
        return None


class _Lines:
    """Where in the files the answer to each request is; kept in a database that is gone when it is closed.

    Raises:
        UsageError: a file cannot be read, or none holds a line of what a batch brought.
    """

    def __init__(self, files: Sequence[Path], came: Came) -> None:
        self.files, self.came = files, came
        self._open: list[IO[bytes]] = []
        self._places = sqlite3.connect("", isolation_level=None)  # on the disk, without a name

    def __enter__(self) -> _Lines:
        try:
            self._find()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._places.close()
        for file in self._open:
            file.close()

    def of(self, key: str) -> list[tuple[str, Line]]:
        """(place, line) of all that came of a request, the first time that it is asked for."""
        places = self._places.execute(
            "SELECT file, number, start FROM lines WHERE key = ? AND NOT met ORDER BY rowid", [key]
        ).fetchall()
        if places:
            self._places.execute("UPDATE lines SET met = 1 WHERE key = ?", [key])
        return [(self._named(file, number), self._line(file, start)) for file, number, start in places]

    def left(self) -> Iterator[tuple[str, str]]:
        """(place, custom_id) of what came that nobody asked for."""
        rows = self._places.execute("SELECT file, number, key FROM lines WHERE NOT met ORDER BY rowid")
        return ((self._named(file, number), key) for file, number, key in rows)

    def _find(self) -> None:
        for path in self.files:
            need_file(path, UsageError, hint=HINT)
        run = self._places.execute
        run("PRAGMA journal_mode = OFF")
        run("CREATE TABLE lines (key TEXT, file INTEGER, number INTEGER, start INTEGER, met INTEGER)")
        run("BEGIN")
        for index, path in enumerate(self.files):
            self._open.append(path.open("rb"))
            self._places.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, 0)", self._answers(index))
        run("COMMIT")
        run("CREATE INDEX by_key ON lines (key)")
        if not run("SELECT 1 FROM lines LIMIT 1").fetchone():
            first = f" ({self.came.named[0]})" if self.came.named else ""
            raise UsageError(f"{_names(self.files)}: no line of what a batch brought{first}.", hint=HINT)

    def _answers(self, index: int) -> Iterator[tuple[str, int, int, int]]:
        """(custom_id, file, line, first byte) of the lines that can be read; the others are counted."""
        for number, start, content in _lines(self._open[index]):
            at = self._named(index, number)
            try:
                line = read_line(content)
            except BadResponse as error:
                self.came.trouble("bad", at, f"{error.message}{_cut(content)}")
                continue
            yield line.key, index, number, start

    def _line(self, file: int, start: int) -> Line:
        self._open[file].seek(start)
        return read_line(self._open[file].readline(LARGEST_BODY))

    def _named(self, file: int, number: int) -> str:
        return f"{near(self.files[file])}, line {number}"


def _cut(line: bytes) -> str:
    """Why a line that cannot be read may have lost its end."""
    if line.endswith(b"\n"):
        return ""
    return ": it is far too long" if len(line) == LARGEST_BODY else ": the file ends in the middle of it"


def _lines(file: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(number, first byte, content) of the lines that hold anything; what is too long for one is cut off."""
    number = start = 0
    while content := file.readline(LARGEST_BODY):
        number, here = number + 1, start
        start += len(content)
        while not content.endswith(b"\n") and (rest := file.readline(LARGEST_BODY)):
            start += len(rest)
            if rest.endswith(b"\n"):
                break
        if content.strip():
            yield number, here, content
